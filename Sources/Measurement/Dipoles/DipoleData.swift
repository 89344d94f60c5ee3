// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels that a dipole is fitted to.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The images of a dipole: the difference, the science image with the positive lobe, the template with the negative one.
struct DipoleData {
  struct Plane {
    /// Those that count have a positive variance.
    var pixels: PlanePixels
    let kernel: Image<Double>
    /// What the weights of the pixels are multiplied by.
    let weight: Double
    /// By how much an image that does not fit has its variances raised in the weights.
    var scale = 1.0
    /// By how much noise that neighbouring pixels share raised the variances.
    var correlation = 1.0
    /// Where the image has the star of its lobe, when it can be told.
    var star: Point2D?

    /// With the variances that shared noise makes.
    func raised() -> Plane {
      var result = self
      for i in result.pixels.variances.indices { result.pixels.variances[i] *= correlation }
      return result
    }

    func fitPlane(_ terms: [FitPlane.Term], hasBackground: Bool) -> FitPlane {
      FitPlane(
        pixels, weights: pixels.weights(times: weight / scale), kernel: kernel, terms: terms,
        hasBackground: hasBackground)
    }
  }

  var difference: Plane
  /// `nil` when there is no such image, or it does not show the star of its lobe by itself.
  var science: Plane?
  var template: Plane?
  /// The science image and the template with all of their pixels, where there are such images.
  private(set) var whole: (science: Plane?, template: Plane?) = (nil, nil)
  /// Where both images have a star that did not move, when there is one to be fitted, too.
  var neighbour: Point2D?

  /// The region in which a source may be fitted, of at most 2¹⁸ pixels with the box about it.
  ///
  /// - Throws: ``DipoleFitFailure`` for a footprint that is not on all images, or too large.
  static func region(
    _ footprint: Footprint, on images: [MeasurementImage], _ config: DipoleFitConfig
  ) throws(DipoleFitFailure) -> SpanSet {
    let common = images.dropFirst().reduce(images.first?.box ?? Box2I(width: 0, height: 0)) {
      $0.intersection($1.box)
    }
    guard !footprint.box.isEmpty, common.contains(footprint.box) else { throw .edge }
    guard footprint.box.area <= 1 << 18 else { throw .tooLarge }
    guard config.weighting == .variance else { return SpanSet(footprint.box) }
    let region = footprint.spans.dilated(by: Double(config.footprintGrowth)).clipped(to: common)
    guard region.box.area <= 1 << 18 else { throw .tooLarge }
    return region
  }

  /// For weights by variance: each image with its own PSF.
  init(
    _ region: SpanSet, _ difference: MeasurementImage, _ science: MeasurementImage?, _ template: MeasurementImage?,
    _ start: DipoleStart, _ config: DipoleFitConfig
  ) throws(DipoleFitFailure) {
    let center = start.center
    func plane(_ image: MeasurementImage, weight: Double) throws(DipoleFitFailure) -> Plane {
      // An image that does not know its PSF was matched to the difference's.
      guard let kernel = (try? image.psfKernel(at: center)) ?? (try? difference.psfKernel(at: center)) else {
        throw .undefinedPSF
      }
      return Plane(
        pixels: PlanePixels(region, of: image, leavingOut: config.badMaskPlanes), kernel: kernel, weight: weight)
    }
    self.difference = try plane(difference, weight: 1)
    guard config.relWeight > 0 else { return }
    let correlation = science.flatMap { science in
      template.map { Self.correlation(of: $0, after: science, difference, region) }
    }
    for (image, isScience) in [(science, true), (template, false)] {
      guard let image else { continue }
      var plane = try plane(image, weight: config.relWeight * config.relWeight)
      // Close lobes push each other apart: the star is then nearer to the middle than its peak.
      let star = LobeStar(
        plane.pixels, plane.kernel, near: [isScience ? start.positive : start.negative, start.center],
        sigma: start.sigma, hasBackground: config.fitBackground > 0)
      if !isScience, let correlation { plane.correlation = correlation }
      let all = plane.raised()
      if isScience { whole.science = all } else { whole.template = all }
      guard let star else { continue }
      plane.pixels = star.pixels
      plane = plane.raised()
      plane.star = star.position
      plane.scale = max(1, star.scale / plane.correlation)
      if isScience { self.science = plane } else { self.template = plane }
    }
  }

  /// How much more variance the template adds to the difference than it has in its own pixels, at least 1.
  ///
  /// A template that was convolved has little noise in each pixel, but the neighbours share it, and a star has the flux of many. A
  /// decorrelated difference has all of it: what its variance has beyond the science image's is the template's on the scale
  /// of a star. Where the difference was not decorrelated the two are equal, and the errors do not know better.
  private static func correlation(
    of template: MeasurementImage, after science: MeasurementImage, _ difference: MeasurementImage, _ region: SpanSet
  ) -> Double {
    var (added, own) = (0.0, 0.0)
    for span in region.spans {
      let rows = [difference, science, template].map { ($0, span.x0 - $0.box.minX) }
      let (d, p, n) = (rows[0].0.variance.row(span.y), rows[1].0.variance.row(span.y), rows[2].0.variance.row(span.y))
      for i in 0..<span.count {
        let (d, p, n) = (Double(d[rows[0].1 + i]), Double(p[rows[1].1 + i]), Double(n[rows[2].1 + i]))
        guard d > 0, p > 0, n > 0, d.isFinite, p.isFinite, n.isFinite else { continue }
        added += d - p
        own += n
      }
    }
    return own > 0 ? max(1, added / own) : 1
  }

  init(difference: Plane, science: Plane?, template: Plane?) {
    self.difference = difference
    self.science = science
    self.template = template
  }

  /// The fit of two sources: what the difference shows of both, and each image of its own; the third is the neighbour.
  ///
  /// The fluxes are those of the lobes, one or two, and that of the neighbour.
  func problem(_ config: DipoleFitConfig) -> PointSourceFit {
    let second = config.fitSeparateNegParams ? 1 : 0
    let hasBackground = config.fitBackground > (config.weighting == .variance ? 0 : 1)
    let still = neighbour == nil ? [] : [FitPlane.Term(source: 2, flux: second + 1)]
    var planes = [
      difference.fitPlane(
        [.init(source: 0, flux: 0), .init(source: 1, flux: second, sign: -1)],
        hasBackground: hasDifferenceBackground(config))
    ]
    if let science {
      planes.append(science.fitPlane([.init(source: 0, flux: 0)] + still, hasBackground: hasBackground))
    }
    if let template {
      planes.append(template.fitPlane([.init(source: 1, flux: second)] + still, hasBackground: hasBackground))
    }
    return PointSourceFit(planes: planes, sourceCount: 2 + still.count, fluxCount: second + 1 + still.count)
  }

  /// χ² of a single source, positive or negative, on the difference.
  func single(_ start: DipoleStart, _ config: DipoleFitConfig) -> Double? {
    let plane = difference.fitPlane(
      [.init(source: 0, flux: 0)], hasBackground: hasDifferenceBackground(config))
    let fit = PointSourceFit(planes: [plane], sourceCount: 1, fluxCount: 1)
    let better = zip([start.positive, start.negative], start.bounds)
      .compactMap { position, bounds in fit.start(at: [position], within: [bounds]).map { ($0, bounds) } }
      .min { $0.0.chi2 < $1.0.chi2 }
    return better.map { fit.minimum(from: $0, within: [$1], tolerance: 1e-3).chi2 }
  }

  /// The difference without the two images that it was made of.
  var alone: DipoleData {
    var result = self
    (result.science, result.template) = (nil, nil)
    return result
  }

  /// With a star that did not move at the brightest pixel of all, and all pixels of the two images.
  ///
  /// - Returns: `nil` unless there are both images.
  var withNeighbour: DipoleData? {
    guard let science = whole.science, let template = whole.template else { return nil }
    let usable = template.pixels.variances.indices.filter { template.pixels.variances[$0] > 0 }
    guard let peak = usable.max(by: { template.pixels.values[$0] < template.pixels.values[$1] }) else { return nil }
    let box = template.pixels.box
    var result = self
    (result.science, result.template) = (science, template)
    result.neighbour = Point2D(x: Double(box.minX + peak % box.width), y: Double(box.minY + peak / box.width))
    return result
  }

  func hasDifferenceBackground(_ config: DipoleFitConfig) -> Bool {
    config.weighting == .variance && config.fitBackground == 2
  }

  /// The planes in the order of ``problem(_:)``.
  var planes: [Plane] { [difference] + [science, template].compactMap { $0 } }
}
