// SPDX-License-Identifier: GPL-3.0-or-later
// The templates of all sources of a family.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Makes a template for each peak of a family: a point source where that is all there is, else what is symmetric about the peak (detection-measurement A.7.4, A.7.5).
struct FamilyTemplates {
  /// What is known of one source.
  struct Source {
    var template = Template()
    /// The point source that the template is.
    var pointSource: (position: Point2D, flux: Double)?
    var isRamped = false
    /// Whether there is no light of its own, so that the template is a point source at the noise.
    var isZero = false
  }

  /// By peak.
  private(set) var sources: [Source]
  let pixels: FamilyPixels
  private let psfs: LocalPSFs
  private var test: PointSourceTest?

  /// - Parameter noise: standard deviation of a pixel of the image.
  /// - Returns: `nil` for a family that has no pixel in the image.
  init?(
    _ spans: SpanSet, peaks: [Peak], on exposure: Exposure, _ config: CoaddDeblendConfig, noise: () -> Double
  ) {
    psfs = LocalPSFs(exposure.psf, at: peaks)
    // So far a template is continued beyond an edge; a width of 100 px at most.
    let margin = psfs.fwhm.map { Int((1.5 * $0 + 0.5) / 2) * 2 + 1 } ?? 1
    guard let pixels = FamilyPixels(spans, on: exposure.maskedImage, margin: margin) else { return nil }
    self.pixels = pixels
    sources = Array(repeating: Source(), count: peaks.count)
    test = psfs.fwhm.map { PointSourceTest(peaks, on: pixels, psfs, fwhm: $0, config) }
    let radius = psfs.fwhm.map { Int($0.rounded(.up)) } ?? 3
    var symmetric = SymmetricTemplates(pixels, radius: radius, config)
    var extended: [Int] = []
    for (i, peak) in peaks.enumerated() where test?.fits[i]?.isPointSource != true {
      let made = symmetric.template(
        at: peak.pixel, psf: psfs.fwhm == nil ? nil : psfs.kernels[i], noise: noise)
      (sources[i].template, sources[i].isRamped) = (made.template, made.isRamped)
      if !made.template.isZero { extended.append(i) }
    }
    lookAgain(at: extended, peaks)
    for i in sources.indices { finish(i) }
  }

  /// Tests what is no point source once more, beside the others that are none: a star on a galaxy is one after all, and a peak of another band is nothing.
  ///
  /// The faintest first: what a peak of the noise takes from a galaxy is more than the galaxy takes from it.
  private mutating func lookAgain(at extended: [Int], _ peaks: [Peak]) {
    let places = peaks.map { pixels.index($0.pixel) }
    func brightness(_ i: Int) -> Float {
      let value = places[i].map { pixels.values[$0] } ?? 0
      return value.isNaN ? 0 : value
    }
    var left = extended
    for i in extended.sorted(by: { (brightness($0), $0) < (brightness($1), $1) }) where left.count > 1 {
      let own = sources[i].template
      let others = left.filter { j in
        // What has no peak beside this one's light is a part of it.
        guard j != i, let place = places[j] else { return false }
        return own.value(at: place) < Self.largestPart * sources[j].template.value(at: place)
      }
      guard test?.look(again: i, beside: others.map { sources[$0].template }, on: pixels) == true else { continue }
      sources[i] = Source()
      left.removeAll { $0 == i }
    }
  }

  private static let largestPart: Float = 0.8

  /// Turns a fit into a template, and nothing into the least that there can be.
  private mutating func finish(_ i: Int) {
    if let fit = test?.fits[i], fit.isPointSource, fit.flux > 0 {
      sources[i].template = Template(fit.stamp, times: fit.flux, on: pixels)
      sources[i].pointSource = (fit.position, fit.flux)
    }
    guard sources[i].template.isZero else { return }
    sources[i].pointSource = nil
    guard let neighbour = psfs.nearestWithPSF(to: i), let kernel = psfs.kernels[neighbour],
      let pixel = psfs.positions[i].pixel
    else { return }
    let stamp = kernel.moved(toX: pixel.x + kernel.box.minX, y: pixel.y + kernel.box.minY)
    sources[i].template = Template(stamp, times: fluxError(of: stamp), on: pixels)
    sources[i].isZero = !sources[i].template.isZero
  }

  /// The standard error of the flux of a point source, of its own pixels alone; 1 where no variance is known.
  private func fluxError(of stamp: Image<Double>) -> Double {
    let common = stamp.box.intersection(pixels.box)
    var information = 0.0
    for y in common.minY..<common.endY {
      let row = stamp.row(y)
      let start = (y - pixels.box.minY) * pixels.width - pixels.box.minX
      for x in common.minX..<common.endX where pixels.isInside[start + x] {
        let variance = Double(pixels.variances[start + x])
        let value = row[x - stamp.box.minX]
        if variance > 0, variance.isFinite { information += value * value / variance }
      }
    }
    return information > 0 && information.isFinite ? 1 / information.squareRoot() : 1
  }
}
