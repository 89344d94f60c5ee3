// SPDX-License-Identifier: GPL-3.0-or-later
// The statistics of detection on a simulated survey.

import Catalogs
import DifferenceDetection
import Foundation
import ImageDifferencing
import Imaging
import SingleFrame
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import TestSupport
import Testing

/// Transients and moved stars that are put into the exposures of a simulated survey, and what the catalogs say of them.
@Suite struct SurveyDetectionTests {
  /// Something that was put in.
  struct Injected {
    let position: Point2D
    /// Of what the score image should show, in standard deviations of the score.
    let signalToNoise: Double
    let flux: Double
    /// The row that is it; `nil` when it was not found.
    let row: Int?
    let catalog: Catalog
  }

  static let transients = Result { try detectTransients(rounds: 6) }
  static let movedStars = Result { try detectMovedStars() }

  private static func config() throws -> AlardLuptonSubtractConfig {
    var config = AlardLuptonSubtractConfig()
    config.mode = .auto
    (config.doDecorrelation, config.doScore) = (true, true)
    config.doSubtractBackground = true
    config.candidates.restrictKernelEdgeSources = false
    try config.set("makeKernel.kernel.AL.robustIterations", to: .integer(5))
    try config.set("makeKernel.kernel.AL.doSubtractNoiseBias", to: .boolean(true))
    config.doSubtractResidualBackground = true
    config.residualBackground.binSize = 64
    return config
  }

  /// Subtracts, and finds and measures what is left.
  private static func detect(
    _ pair: DifferenceSurvey.Pair, science: Exposure, template: Exposure
  ) throws -> (catalog: Catalog, difference: Exposure, score: Exposure) {
    let sources = pair.science.sources
    let subtraction = try AlardLuptonSubtractTask(config: config()).run(
      template: template, science: science, sources: sources)
    let score = try #require(subtraction.score)
    let result = try DetectAndMeasureScoreTask().run(
      science: science, matchedTemplate: subtraction.matchedTemplate, difference: subtraction.difference,
      scoreExposure: score)
    return (try #require(result.diaSources), subtraction.difference, score)
  }

  private static func row(of catalog: Catalog, near position: Point2D, within radius: Double) throws -> Int? {
    let slot = try catalog.schema.centroidSlot()
    return (0..<catalog.rowCount).filter { catalog[slot.position, $0].distance(to: position) < radius }
      .min { catalog[slot.position, $0].distance(to: position) < catalog[slot.position, $1].distance(to: position) }
  }

  private static func detectTransients(rounds: Int) throws -> [Injected] {
    let survey = try SurveySubtractionTests.survey.get()
    return try survey.pairs.enumerated().flatMap { i, pair in
      try (0..<rounds).flatMap { round in
        let (exposure, transients) = try pair.injecting(
          16, spacing: 40, signalToNoise: 6...60, seed: UInt64(90_000 + 1000 * round + i), survey: survey.survey)
        let (catalog, difference, score) = try detect(pair, science: exposure, template: pair.template)
        return try transients.compactMap { transient -> Injected? in
          let signalToNoise = try expected(transient.flux, at: transient.position, difference, score)
          guard let signalToNoise else { return nil }
          return Injected(
            position: transient.position, signalToNoise: signalToNoise, flux: transient.flux,
            row: try row(of: catalog, near: transient.position, within: 2.5), catalog: catalog)
        }
      }
    }
  }

  /// A source of flux F peaks at F ΣP² on the score; `nil` on masked pixels.
  private static func expected(
    _ flux: Double, at position: Point2D, _ difference: Exposure, _ score: Exposure
  ) throws -> Double? {
    guard let pixel = position.pixel, let psf = try difference.psf?.kernelImage(at: position) else { return nil }
    let part = Box2I(minX: pixel.x - 2, minY: pixel.y - 2, width: 5, height: 5)
    for mask in [difference.maskedImage.mask, score.maskedImage.mask] {
      let bad = mask.planes.bitMask(ofExisting: ["NO_DATA", "BAD", "SAT", "EDGE", "SAT_TEMPLATE", "INTRP", "CR"])
      if mask.cropped(to: part).bits.pixels.contains(where: { $0 & bad != 0 }) { return nil }
    }
    let peak = flux * psf.pixels.reduce(0) { $0 + $1 * $1 }
    return peak / Double(score.maskedImage.variance[pixel.x, pixel.y]).squareRoot()
  }

  /// Stars that are elsewhere in the template, by 0.4 to 4 pixels.
  private static func detectMovedStars() throws -> [Injected] {
    let survey = try SurveySubtractionTests.survey.get()
    var random = SeededRandom(4321)
    return try survey.pairs.enumerated().flatMap { i, pair -> [Injected] in
      let (exposure, stars) = try pair.injecting(
        12, spacing: 48, signalToNoise: 25...200, seed: UInt64(190_000 + i), survey: survey.survey)
      var template = pair.template
      var moves: [Point2D] = []
      var image = template.maskedImage.image
      for star in stars {
        let (size, angle) = (random.uniform(0.4...4), random.uniform(0...2 * .pi))
        moves.append(Point2D(x: size * cos(angle), y: size * sin(angle)))
        let there = Point2D(x: star.position.x + size * cos(angle), y: star.position.y + size * sin(angle))
        guard let stamp = try template.psf?.image(at: there) else { continue }
        let common = stamp.box.intersection(image.box)
        for y in common.minY..<common.endY {
          for x in common.minX..<common.endX { image[x, y] += Float(star.flux * stamp[x, y]) }
        }
      }
      template.maskedImage = try MaskedImage(
        image: image, mask: template.maskedImage.mask, variance: template.maskedImage.variance)
      let (catalog, difference, score) = try detect(pair, science: exposure, template: template)
      return try zip(stars, moves).compactMap { star, move -> Injected? in
        let middle = Point2D(x: star.position.x + move.x / 2, y: star.position.y + move.y / 2)
        guard let alone = try expected(star.flux, at: star.position, difference, score),
          try expected(star.flux, at: middle, difference, score) != nil
        else { return nil }
        // The lobes of two filtered images that are apart: with ρ the PSF's own correlation, max of ρ(x − d) − ρ(x).
        let psf = try #require(try difference.psf?.kernelImage(at: star.position))
        let lobe = alone * lobeHeight(psf, (move.x * move.x + move.y * move.y).squareRoot())
        return Injected(
          position: middle, signalToNoise: lobe, flux: star.flux,
          row: try row(of: catalog, near: middle, within: 4), catalog: catalog)
      }
    }
  }

  /// The largest value of ρ(x) − ρ(x − d) for a Gaussian of the PSF's effective area, in units of ρ(0).
  private static func lobeHeight(_ psf: Image<Double>, _ distance: Double) -> Double {
    let area = 1 / psf.pixels.reduce(0) { $0 + $1 * $1 }
    let variance = area / (4 * .pi)
    func correlation(_ x: Double) -> Double { exp(-x * x / (4 * variance)) }
    return stride(from: -8.0, through: 8, by: 0.05).map { correlation($0) - correlation($0 - distance) }.max() ?? 0
  }

  @Test func transientsAreFound() throws {
    let all = try Self.transients.get()
    let faint = all.filter { (7..<8).contains($0.signalToNoise) }
    let bright = all.filter { $0.signalToNoise >= 8 }
    let (foundFaint, foundBright) = (faint.count { $0.row != nil }, bright.count { $0.row != nil })
    #expect(bright.count >= 600 && faint.count >= 30)
    #expect(Double(foundFaint) >= 0.96 * Double(faint.count), "\(foundFaint) of \(faint.count)")
    #expect(Double(foundBright) >= 0.995 * Double(bright.count), "\(foundBright) of \(bright.count)")
  }

  @Test func positionsHavePullsOfUnitWidth() throws {
    var pulls: [Double] = []
    for one in try Self.transients.get() where one.signalToNoise > 8 {
      guard let row = one.row else { continue }
      let slot = try one.catalog.schema.centroidSlot()
      let errors = try #require(slot.error)
      let position = one.catalog[slot.position, row]
      pulls.append((position.x - one.position.x) / Double(one.catalog[errors.errors[0], row]))
      pulls.append((position.y - one.position.y) / Double(one.catalog[errors.errors[1], row]))
    }
    let statistics = try PixelStatistics(of: pulls.map { Float($0) }, .quartiles)
    #expect(pulls.count > 1000)
    #expect(abs(statistics.robustStandardDeviation - 1) < 0.1, "\(statistics.robustStandardDeviation)")
    #expect(abs(statistics[.median]) < 0.1)
  }

  @Test func transientsAreNoDipoles() throws {
    let found = try Self.transients.get().filter { $0.row != nil }
    let dipoles = try found.count { one in
      try one.catalog.column("ip_diffim_DipoleFit_classification", as: Bool.self)[try #require(one.row)]
    }
    #expect(Double(dipoles) <= 0.02 * Double(found.count), "\(dipoles) of \(found.count)")
  }

  /// Of those whose two lobes are well above the threshold.
  @Test func movedStarsAreDipoles() throws {
    let stars = try Self.movedStars.get().filter { $0.signalToNoise > 8 }
    let dipoles = try stars.count { one in
      guard let row = one.row else { return false }
      return try one.catalog.column("ip_diffim_DipoleFit_classification", as: Bool.self)[row]
    }
    #expect(stars.count >= 60)
    #expect(Double(dipoles) >= 0.95 * Double(stars.count), "\(dipoles) of \(stars.count)")
  }
}
