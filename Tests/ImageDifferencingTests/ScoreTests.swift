// SPDX-License-Identifier: GPL-3.0-or-later
// Score images: the reference system's scenarios (differencing C3), and its outputs.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct ScoreTests {
  /// The two ways to a score.
  enum Way: CaseIterable { case ofTheDifference, preconvolved }

  private typealias Pair = (science: SubtractionScene, template: SubtractionScene)

  private func pair(science: Double = 2.4, template: Double, noise: (Double, Double)) throws -> Pair {
    func scene(_ sigma: Double, _ noise: Double, _ seed: UInt64, border: Int) throws -> SubtractionScene {
      try SubtractionScene {
        ($0.sigma, $0.noise, $0.noiseSeed, $0.border) = (sigma, noise, seed, border)
        ($0.width, $0.height) = (400, 400)
      }
    }
    return (try scene(science, noise.0, 6, border: 0), try scene(template, noise.1, 7, border: 30))
  }

  private func score(
    _ pair: Pair, _ way: Way, _ change: (inout AlardLuptonSubtractConfig) -> Void = { _ in }
  ) throws -> Exposure {
    var config = AlardLuptonSubtractConfig()
    config.candidates.restrictKernelEdgeSources = false
    change(&config)
    let (template, science) = (pair.template.exposure, pair.science.exposure)
    switch way {
    case .ofTheDifference:
      config.mode = .auto
      let result = try AlardLuptonSubtractTask(config: config).run(
        template: template, science: science, sources: pair.science.sources)
      return try #require(result.score)
    case .preconvolved:
      return try AlardLuptonPreconvolveSubtractTask(config: config).run(
        template: template, science: science, sources: pair.science.sources
      ).scoreExposure
    }
  }

  private let clean = ["INTRP", "EDGE", "SAT", "CR", "BAD", "NO_DATA"]

  /// 1 / ΣP² of a Gaussian.
  private func noiseArea(_ sigma: Double) -> Double { 4 * .pi * sigma * sigma }

  /// Equal PSFs: the noise of a score is that of a sum weighted with the PSF, and its variance says so.
  @Test(arguments: Way.allCases) func theNoiseIsThatOfAMatchedFilter(_ way: Way) throws {
    let score = try score(try pair(template: 2.4, noise: (1, 1)), way).maskedImage
    let found = try clippedStatistics(score.image, score.mask, excluding: clean)
    let expected = (2 / noiseArea(2.4)).squareRoot()
    #expect(abs(found.mean) <= 5 * expected / (Double(found.count) / noiseArea(2.4)).squareRoot())
    #expect(abs(found.scatter / expected - 1) < 0.1, "\(found.scatter) \(expected)")
    let plane = try clippedStatistics(score.variance, score.mask, excluding: clean)
    #expect(abs(plane.mean / (found.scatter * found.scatter) - 1) < 0.1)
    #expect(!score.image.pixels.contains { !$0.isFinite })
  }

  /// Measured by others (C3): the plane for templates that are better, equal and worse, with noise 1 in both.
  @Test(arguments: [(2.4, 0.02763), (2.0, 0.03168), (2.8, 0.02291)], Way.allCases)
  func theVarianceIsExact(template: (sigma: Double, plane: Double), way: Way) throws {
    let pair = try pair(template: template.sigma, noise: (1, 1))
    let score = try score(pair, way) { $0.doScaleVariance = false }.maskedImage
    // Sky alone: stars add to the planes.
    let level = try PixelStatistics(
      of: score.variance, mask: score.mask,
      control: .init(andMask: score.mask.planes.bitMask(ofExisting: ["EDGE"])), .quartiles
    ).lowerQuartile
    // The kernel of 20 faint stars has a sum of up to 1.1, and so much more noise comes from the template.
    #expect(abs(level / template.plane - 1) < (way == .preconvolved ? 0.08 : 0.15), "\(level)")
    // S/N of unit variance, away from stars; one of 32 pixels is independent, of 100,000.
    let pulls = zip(score.image.pixels, score.variance.pixels).map { $0 / $1.squareRoot() }
    let image = try Image(box: score.box, pixels: pulls)
    var mask = score.mask
    for star in 0..<score.box.area where score.variance.pixels[star] > Float(1.02 * level) {
      mask[star % 400 + mask.box.minX, star / 400 + mask.box.minY] |= try mask.planes.bitMask("DETECTED")
    }
    let scatter = try PixelStatistics(
      of: image, mask: mask, control: .init(andMask: mask.planes.bitMask(ofExisting: ["EDGE", "DETECTED"])), .quartiles
    ).robustStandardDeviation
    #expect(abs(scatter - 1) < 0.05, "\(scatter)")
  }

  /// Scores with either template say the same.
  @Test(arguments: Way.allCases) func theTemplatesPSFDoesNotMatter(_ way: Way) throws {
    let first = try score(try pair(template: 2.8, noise: (0.3, 0.3)), way).maskedImage
    var second = try score(try pair(template: 2.0, noise: (0.3, 0.3)), way).maskedImage
    let scale = (0.3 * 2.squareRoot()) / noiseArea(2.4).squareRoot()
    try second.subtract(first)
    let found = try clippedStatistics(second.image, second.mask, excluding: clean)
    // The noise of both is the same, so little of it is left; what is left is that of other filters.
    #expect(found.scatter < 1.1 * scale && abs(found.mean) < 5 * 2 * 0.3 / Double(found.count).squareRoot())
  }

  /// A new star peaks where it is, at F ΣP² and at its signal to noise, whatever the template; with a lopsided PSF, too.
  @Test(arguments: [2.0, 2.4, 2.8], Way.allCases) func aSourcePeaksAtItsSignalToNoise(template: Double, way: Way) throws
  {
    var pair = try pair(template: template, noise: (1, 1))
    let (flux, place) = (
      150.0, Point2D(x: pair.science.exposure.box.center.x.rounded(), y: pair.science.exposure.box.center.y.rounded())
    )
    let before = try score(pair, way)
    try pair.science.exposure.edit { image, _ in addGaussian(to: &image, at: place, sigma: 2.4, flux: flux) }
    let after = try score(pair, way)
    let (x, y) = (Int(place.x), Int(place.y))
    let response = after.maskedImage.image[x, y] - before.maskedImage.image[x, y]
    for dy in -2...2 {
      for dx in -2...2 where dx != 0 || dy != 0 {
        let other = after.maskedImage.image[x + dx, y + dy] - before.maskedImage.image[x + dx, y + dy]
        #expect(other < response)
      }
    }
    guard way == .ofTheDifference else { return }
    let psf = try #require(after.psf)
    let profile = try psf.kernelImage(at: place)
    let squares = profile.pixels.reduce(0) { $0 + $1 * $1 }
    #expect(abs(Double(response) / (flux * squares) - 1) < 0.02, "\(response) \(flux * squares)")
    // The Fisher information of white noise of variance 2 under the PSF of the difference; of equal PSFs √(F²/(2 · noise area)).
    let signalToNoise = Double(response / after.maskedImage.variance[x, y].squareRoot())
    if template == 2.4 { #expect(abs(signalToNoise / (flux / (2 * noiseArea(2.4)).squareRoot()) - 1) < 0.03) }
  }

  @Test func whatIsImpossible() throws {
    var config = AlardLuptonSubtractConfig()
    config.mode = .auto
    #expect(throws: (any Error).self) { try AlardLuptonPreconvolveSubtractTask(config: config) }
    let pair = try pair(template: 2.4, noise: (1, 1))
    var science = pair.science.exposure
    science.psf = try KernelPSF(
      DecorrelationScene.gaussian(3, side: 401), averagePosition: science.box.center)
    #expect(throws: ImagingError.self) {
      try AlardLuptonPreconvolveSubtractTask().run(
        template: pair.template.exposure, science: science, sources: pair.science.sources)
    }
    science.psf = nil
    #expect(throws: UnknownPSFSizeError.self) {
      try AlardLuptonPreconvolveSubtractTask().run(
        template: pair.template.exposure, science: science, sources: pair.science.sources)
    }
  }

  // MARK: - Golden

  @Test(
    .enabled(if: GoldenFile.isAvailable("B_P_dec.h5"), "needs shared/golden and the Python environment of `make test`"),
    arguments: ["A_P_nodec", "B_P_dec", "N_P_dec"])
  func agreesWithTheReference(_ name: String) throws {
    let golden = try GoldenFile("\(name).h5")
    defer { golden.remove() }
    var pair = try GoldenPair(name.hasPrefix("B") ? "B" : "A", scaledAsIn: name, task: "alardLuptonPreconvolveSubtract")
    if name.hasPrefix("N") { _ = try pair.losePixels() }
    try pair.science.fillAsTheReference()
    try pair.template.fillAsTheReference()
    var config = GoldenPair.config
    config.doDecorrelation = name.hasSuffix("_dec")
    let result = try AlardLuptonPreconvolveSubtractTask(config: config).run(
      template: pair.template, science: pair.science, sources: pair.sources)
    let (grid, images) = (try golden["kernel_grid_xy"].doubles, try golden["kernel_grid_images"].planes())
    var worst = 0.0
    for (k, image) in images.enumerated() {
      let own = result.psfMatchingKernel.kernel.image(at: Point2D(x: grid[2 * k], y: grid[2 * k + 1]))
      let peak = image.pixels.map(abs).max() ?? 1
      for (a, b) in zip(own.pixels, image.pixels) { worst = max(worst, abs(a - b) / peak) }
    }
    #expect(worst < 1e-4, "\(worst)")
    let (image, mask) = (try golden["diff_image"].image(), try golden["diff_mask"].doubles)
    let own = result.scoreExposure.maskedImage
    let edge = try own.mask.planes.bitMask("EDGE")
    var (distance, compared) = (Float(0), 0)
    for (i, bits) in mask.enumerated()
    where bits == 0 && image.pixels[i].isFinite && own.mask.bits.pixels[i] & edge == 0 {
      let z = abs(own.image.pixels[i] - image.pixels[i]) / own.variance.pixels[i].squareRoot()
      distance = max(distance, z)
      compared += 1
    }
    // Of case A, and N with it, 12 stars make a kernel whose equations have a condition number of 6e7: what of it is rounding the filter multiplies.
    let limit: Float = name.hasPrefix("N") ? 0.15 : 0.05
    #expect(distance < limit && compared > mask.count / 2, "\(distance) \(compared)")
  }
}

extension Exposure {
  /// Bad pixels get the median of the others (differencing A11.6).
  fileprivate mutating func fillAsTheReference() throws {
    let bad = maskedImage.mask.planes.bitMask(ofExisting: ["NO_DATA", "BAD", "SAT", "EDGE"])
    try edit { image, mask in
      let good = zip(image.pixels, mask.bits.pixels).filter { $1 & bad == 0 && $0.isFinite }.map(\.0)
      let median = Float(try PixelStatistics(of: good, .quartiles).median)
      image = try Image(
        box: image.box, pixels: zip(image.pixels, mask.bits.pixels).map { $1 & bad != 0 ? median : $0 })
    }
  }
}
