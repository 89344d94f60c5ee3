// SPDX-License-Identifier: GPL-3.0-or-later
// What the difference of a simulated pair says, next to what it should say.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import SyntheticSurvey
import TaskFramework

/// What the difference of a simulated pair says, next to what it should say.
struct DifferenceStatistics {
  struct Star {
    /// Largest pixel of the light, counts.
    let peak: Double
    /// Mean square of difference/√variance over the central 7×7 pixels.
    let chi2: Double
  }

  let pair: DifferenceSurvey.Pair
  let convolved: MatchingKernel.Convolved
  let scale: (science: Double, template: Double)
  /// difference/√variance where there is no light.
  private(set) var pulls: [Float] = []
  /// score/√variance there; none without a score.
  private(set) var scorePulls: [Float] = []
  /// The same of the noise of either input alone, before anything is done to it.
  private(set) var sciencePulls: [Float] = []
  private(set) var templatePulls: [Float] = []
  private(set) var transients: [MeasuredTransient] = []
  private(set) var stars: [Star] = []
  private let result: SubtractionResult
  private let variances: (science: Image<Float>, template: Image<Float>)
  let noise: NoiseCorrelation

  init(
    _ pair: DifferenceSurvey.Pair, _ config: AlardLuptonSubtractConfig, injected: Exposure,
    _ transients: [InjectedTransient]
  ) throws {
    let task = try AlardLuptonSubtractTask(config: config)
    let result = try task.run(template: pair.template, science: injected, sources: pair.science.sources)
    self.pair = pair
    self.result = result
    convolved = result.psfMatchingKernel.convolved
    scale = (
      try task.metadata.double("scaleScienceVarianceFactor"), try task.metadata.double("scaleTemplateVarianceFactor")
    )
    let (own, other) = (Float(scale.science), Float(scale.template))
    variances = (
      injected.maskedImage.variance.map { $0 * own }, pair.template.maskedImage.variance.map { $0 * other }
    )
    let blank = try Self.blank(pair, injected, transients)
    noise = NoiseCorrelation(
      pair.template.maskedImage.cropped(to: injected.box), expected: pair.templateLight
    ) { blank[$0, $1] }
    collectPulls(blank, injected.maskedImage)
    self.transients = try transients.compactMap { try measure($0) }
    stars = try Self.stars(pair, injected, transients).compactMap(measure)
  }

  // MARK: - Where to look

  /// Pixels without light, by the truth, and away from transients and whatever is wrong with a pixel.
  private static func blank(
    _ pair: DifferenceSurvey.Pair, _ injected: Exposure, _ transients: [InjectedTransient]
  ) throws -> Image<Bool> {
    let image = injected.maskedImage
    let (own, other) = (image.mask, pair.template.maskedImage.mask)
    let sky = try PixelStatistics(of: image.variance, .quartiles).lowerQuartile
    let limit = Float(0.1 * sky.squareRoot())
    let bad = own.planes.bitMask(ofExisting: ["SAT", "BAD", "CR", "NO_DATA", "INTRP", "EDGE"])
    let otherBad = other.planes.bitMask(ofExisting: ["SAT", "BAD", "CR", "NO_DATA"])
    let inside = image.box.grown(by: -24)
    let (truth, background) = (pair.science.noiseFree, pair.science.background)
    var blank = Image<Bool>(box: image.box) { x, y in
      inside.contains(Point2I(x: x, y: y)) && truth[x, y] - background[x, y] < limit && own[x, y] & bad == 0
        && other[x, y] & otherBad == 0 && pair.science.cosmicRays[x, y] == 0
    }
    func clear(_ center: Point2I, _ reach: Int) {
      let part = Box2I(minX: center.x - reach, minY: center.y - reach, width: 2 * reach + 1, height: 2 * reach + 1)
        .intersection(image.box)
      for y in part.minY..<part.endY { for x in part.minX..<part.endX { blank[x, y] = false } }
    }
    // The light of a transient of S/N 100 is that of a pixel's noise 12 pixels from it.
    for one in transients { if let pixel = one.position.pixel { clear(pixel, 24) } }
    for y in image.box.minY..<image.box.endY {
      for x in image.box.minX..<image.box.endX where abs(pair.science.changingLight[x, y]) > limit {
        blank[x, y] = false
      }
    }
    return blank
  }

  private mutating func collectPulls(_ blank: Image<Bool>, _ science: MaskedImage) {
    let (difference, template) = (result.difference.maskedImage, pair.template.maskedImage)
    let score = result.score?.maskedImage
    let edge = difference.mask.planes.bitMask(ofExisting: ["EDGE", "NO_DATA"])
    for y in blank.box.minY..<blank.box.endY {
      for x in blank.box.minX..<blank.box.endX where blank[x, y] && difference.mask[x, y] & edge == 0 {
        pulls.append(difference.image[x, y] / difference.variance[x, y].squareRoot())
        if let score { scorePulls.append(score.image[x, y] / score.variance[x, y].squareRoot()) }
        sciencePulls.append(
          (science.image[x, y] - pair.science.background[x, y]) / science.variance[x, y].squareRoot())
        templatePulls.append(
          (template.image[x, y] - pair.templateLight[x, y]) / template.variance[x, y].squareRoot())
      }
    }
  }

  /// Stars that nothing is wrong with in either image, up to half of saturation.
  private static func stars(
    _ pair: DifferenceSurvey.Pair, _ injected: Exposure, _ transients: [InjectedTransient]
  ) throws -> [(center: Point2I, peak: Double)] {
    let catalog = pair.science.sources
    let centroid = try catalog.schema.centroidSlot()
    let (own, other) = (injected.maskedImage.mask, pair.template.maskedImage.mask)
    let bad = own.planes.bitMask(ofExisting: ["SAT", "BAD", "CR", "NO_DATA", "INTRP", "EDGE"])
    let otherBad = other.planes.bitMask(ofExisting: ["SAT", "BAD", "CR", "NO_DATA"])
    guard let saturation = injected.detector?.saturation else { throw TaskError("no saturation") }
    return (0..<catalog.rowCount).compactMap { row in
      let position: Point2D = catalog[centroid.position, row]
      guard let center = position.pixel, let part = Box2I(centeredAt: position, side: 7),
        injected.box.grown(by: -24).contains(part)
      else { return nil }
      let wide = part.grown(by: 6)
      let peak = pair.science.noiseFree.cropped(to: part).pixels.reduce(0, max)
      guard Double(peak) + pair.science.skyLevel < saturation / 2,
        !own.cropped(to: wide).bits.pixels.contains(where: { $0 & bad != 0 }),
        !other.cropped(to: wide).bits.pixels.contains(where: { $0 & otherBad != 0 }),
        !pair.science.changingLight.cropped(to: wide).pixels.contains(where: { $0 != 0 }),
        !pair.science.cosmicRays.cropped(to: wide).pixels.contains(where: { $0 != 0 }),
        !transients.contains(where: { $0.position.distance(to: position) < 24 })
      else { return nil }
      return (center, Double(peak))
    }
  }

  // MARK: - Measuring

  private func measure(_ star: (center: Point2I, peak: Double)) -> Star? {
    let difference = result.difference.maskedImage
    var sum = 0.0
    for y in star.center.y - 3...star.center.y + 3 {
      for x in star.center.x - 3...star.center.x + 3 {
        sum += Double(difference.image[x, y]) * Double(difference.image[x, y]) / Double(difference.variance[x, y])
      }
    }
    return sum.isFinite ? Star(peak: star.peak, chi2: sum / 49) : nil
  }

  /// The flux by least squares, with w = P/V for the PSF P and the variance V of the difference: F = Σ w D / Σ w P.
  ///
  /// D is linear in both inputs: with the template convolved D(x) = S(x) − Σ K(j − x) T(j), so that, u(j) = Σ w(x) K(j − x),
  ///
  ///     (Σ w P)² σ²(F) = Σ w² V_S + Σ u² V_T;
  ///
  /// with the science exposure convolved (K ⋆ S − T) / k: k² (Σ w P)² σ²(F) = Σ u² V_S + Σ w² V_T. Where neighbouring pixels of the template
  /// share a part ρ(lag) of their noise, its sum is multiplied by Σ ρ(lag) Σ u(j) u(j + lag) / Σ u², or the same of w.
  private func measure(_ transient: InjectedTransient) throws -> MeasuredTransient? {
    let difference = result.difference.maskedImage
    guard let psf = result.difference.psf else { throw TaskError("the difference has no PSF") }
    let whole = try psf.image(at: transient.position)
    guard let core = Box2I(centeredAt: transient.position, side: 31) else { return nil }
    let part = whole.box.intersection(core).intersection(difference.box)
    let profile = whole.cropped(to: part)
    let weights = Image<Double>(box: part) { x, y in profile[x, y] / Double(difference.variance[x, y]) }
    let kernel = result.psfMatchingKernel.kernel.image(at: transient.position)
    let (cx, cy) = ((kernel.width - 1) / 2, (kernel.height - 1) / 2)
    let wide = part.grown(by: max(kernel.width, kernel.height) / 2)
    guard pair.template.box.contains(wide), convolved == .template || difference.box.contains(wide) else { return nil }
    var (signal, norm) = (0.0, 0.0)
    var spread = Image<Double>(box: wide, fill: 0)
    for y in part.minY..<part.endY {
      for x in part.minX..<part.endX {
        let weight = weights[x, y]
        signal += weight * Double(difference.image[x, y])
        norm += weight * profile[x, y]
        for v in 0..<kernel.height {
          let source = kernel.row(v + kernel.box.minY)
          spread.withMutableRow(y + v - cy) { row in
            let start = x - cx - wide.minX
            for u in source.indices { row[start + u] += weight * source[u] }
          }
        }
      }
    }
    func noise(_ weights: Image<Double>, _ variance: Image<Float>) -> Double {
      var sum = 0.0
      for y in weights.box.minY..<weights.box.endY {
        for x in weights.box.minX..<weights.box.endX {
          let v = Double(variance[x, y])
          if v.isFinite { sum += weights[x, y] * weights[x, y] * v }
        }
      }
      return sum
    }
    let isTemplate = convolved == .template
    let own = noise(isTemplate ? weights : spread, variances.science)
    let other = noise(isTemplate ? spread : weights, variances.template)
    let ofTemplate = isTemplate ? spread : weights
    let shared = ofTemplate.correlated(self.noise) / ofTemplate.pixels.reduce(0) { $0 + $1 * $1 }
    let scale = isTemplate ? norm : norm * kernel.sum
    guard (own + other).isFinite, signal.isFinite else { return nil }
    return MeasuredTransient(
      truth: transient, flux: signal / norm, error: (own + other).squareRoot() / scale,
      correlatedError: (own + shared * other).squareRoot() / scale)
  }
}
