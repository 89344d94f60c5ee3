// SPDX-License-Identifier: GPL-3.0-or-later
// The statistics of subtraction on a simulated survey.

import Foundation
import ImageDifferencing
import Imaging
import SingleFrame
import SkyGeometry
import SyntheticSurvey
import TaskFramework
import TestSupport
import Testing

@Suite struct SurveySubtractionTests {
  /// All differences of each pair: five of the mode `auto`, each with other transients.
  static let differences = Result { try subtract(.auto, rounds: 5) { _ in true } }
  /// Of those whose template is worse, with the template sharpened.
  static let sharpened = Result { try subtract(.convolveTemplate, rounds: 1) { $0.kind == .worse } }
  /// The first of each, with white noise and a score.
  static let decorrelated = Result { try subtract(.auto, rounds: 1, decorrelates: true) { _ in true } }
  static let survey = Result { try DifferenceSurvey() }

  private static func subtract(
    _ mode: SubtractionMode, rounds: Int, decorrelates: Bool = false, of isWanted: (DifferenceSurvey.Pair) -> Bool
  ) throws -> [DifferenceStatistics] {
    let survey = try survey.get()
    var config = AlardLuptonSubtractConfig()
    config.mode = mode
    (config.doDecorrelation, config.doScore) = (decorrelates, decorrelates)
    // Exposures have gradients that coadds, whose backgrounds are matched, do not have.
    config.doSubtractBackground = true
    // Templates have a border, so stars near the edge are as good as others.
    config.candidates.restrictKernelEdgeSources = false
    try config.set("makeKernel.kernel.AL.robustIterations", to: .integer(5))
    try config.set("makeKernel.kernel.AL.doSubtractNoiseBias", to: .boolean(true))
    // What is left of the sky counts for a score, which adds up pixels: 0.1 of a pixel's noise is 0.6 of the score's.
    config.doSubtractResidualBackground = decorrelates
    config.residualBackground.binSize = 64
    return try survey.pairs.enumerated().filter { isWanted($1) }.flatMap { i, pair in
      try (0..<rounds).map { round in
        // 60 a megapixel: more would be in every other stamp.
        let (exposure, transients) = try pair.injecting(16, seed: UInt64(1000 * round + i), survey: survey.survey)
        return try DifferenceStatistics(pair, config, injected: exposure, transients)
      }
    }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private func scatter(_ values: [Double]) throws -> Double {
    try PixelStatistics(of: values.map { Float($0) }, .quartiles).robustStandardDeviation
  }

  private func pulls(_ transients: [MeasuredTransient]) -> [Double] {
    transients.map { ($0.flux - $0.truth.flux) / $0.correlatedError }
  }

  /// Σ F F₀ / σ² over Σ F₀² / σ², less 1, of sources at S/N 20 and above, and its error.
  private func bias(_ transients: [MeasuredTransient]) -> (value: Double, error: Double, count: Int) {
    let bright = transients.filter { $0.signalToNoise >= 20 && abs($0.flux - $0.truth.flux) < 5 * $0.error }
    var (sum, norm) = (0.0, 0.0)
    for one in bright {
      let weight = one.truth.flux / (one.error * one.error)
      sum += weight * one.flux
      norm += weight * one.truth.flux
    }
    return (sum / norm - 1, 1 / norm.squareRoot(), bright.count)
  }

  private func robust(_ values: [Float]) throws -> Double {
    try PixelStatistics(of: values, .quartiles).robustStandardDeviation
  }

  private func of(_ kind: DifferenceSurvey.Template) throws -> [DifferenceStatistics] {
    try Self.differences.get().filter { $0.pair.kind == kind }
  }

  /// The variance plane says what the noise is; it is a few per cent too large where light below the detection limit raised `scaleVariance`.
  @Test func theVarianceIsThatOfTheSky() throws {
    let all = try Self.differences.get()
    let pooled = try robust(all.flatMap(\.pulls))
    #expect(abs(pooled - 1) < 0.02, "\(pooled)")
    for one in all + (try Self.sharpened.get()) {
      let own = try robust(one.pulls)
      #expect(abs(own - 1) < 0.05, "\(one.pair.visit), \(one.pair.detector): \(own)")
      #expect(one.pulls.count > 20_000)
    }
  }

  /// So is the noise after decorrelation, and that of the score, whatever the template's pixels share.
  @Test func theWhiteNoiseIsThatOfTheSky() throws {
    let all = try Self.decorrelated.get()
    let (pooled, score) = (try robust(all.flatMap(\.pulls)), try robust(all.flatMap(\.scorePulls)))
    #expect(abs(pooled - 1) < 0.02, "\(pooled)")
    #expect(abs(score - 1) < 0.02, "\(score)")
    for one in all {
      let (own, other) = (try robust(one.pulls), try robust(one.scorePulls))
      #expect(abs(own - 1) < 0.05, "\(one.pair.visit), \(one.pair.detector): \(own)")
      #expect(abs(other - 1) < 0.05, "\(one.pair.visit), \(one.pair.detector): \(other)")
    }
  }

  /// What is put in: the science exposure's variances are true, the template's too small by what its pixels share.
  @Test func theInputsAreAsExpected() throws {
    let all = try Self.differences.get()
    #expect(abs(try robust(all.flatMap(\.sciencePulls)) - 1) < 0.01)
    // 8 % in variance, GetTemplateTests.
    #expect(abs(try robust(all.flatMap(\.templatePulls)) - 1.04) < 0.02)
    for one in all {
      let (zero, next) = (one.noise.values.count / 2, one.noise.values[one.noise.values.count / 2 + 1])
      #expect(one.noise.values[zero] == 1 && abs(next - 0.2) < 0.05, "\(next)")
    }
  }

  @Test func fluxesOfTransientsAreUnbiased() throws {
    let all = bias(try Self.differences.get().flatMap(\.transients))
    #expect(all.count >= 400 && abs(all.value) < 0.005, "\(all)")
    for kind in DifferenceSurvey.Template.allCases {
      let own = bias(try of(kind).flatMap(\.transients))
      // 0.2 % is what so few of them allow to know.
      #expect(own.count >= 150 && abs(own.value) < 0.007, "\(kind): \(own)")
    }
  }

  /// The scatter of fluxes in units of their errors, which have what the template's pixels share: decorrelation knows nothing of it either.
  @Test func pullsOfTransients() throws {
    let all = pulls(try Self.differences.get().flatMap(\.transients))
    #expect(all.count >= 800)
    #expect(all.count { abs($0) > 5 } <= all.count / 100)
    let pooled = try scatter(all)
    #expect(abs(pooled - 1) < 0.05, "\(pooled)")
    #expect(abs(mean(all)) < 0.1, "\(mean(all))")
    for kind in DifferenceSurvey.Template.allCases {
      // 320 of them know their scatter to 0.05, and the errors of kernel and background add to it.
      let own = try scatter(pulls(try of(kind).flatMap(\.transients)))
      #expect(abs(own - 1) < 0.12, "\(kind): \(own)")
    }
  }

  /// Up to half of saturation; all stars alike, so the faint ones are the most.
  @Test func starsAreSubtracted() throws {
    let all = try Self.differences.get().flatMap(\.stars).map(\.chi2)
    #expect(all.count > 3000 && mean(all) < 1.3, "\(mean(all))")
    for kind in DifferenceSurvey.Template.allCases {
      let own = mean(try of(kind).flatMap(\.stars).map(\.chi2))
      #expect(own < 1.3, "\(kind): \(own)")
    }
    // Where the kernel sharpens, more is left.
    let sharpened = mean(try Self.sharpened.get().flatMap(\.stars).map(\.chi2))
    #expect(sharpened < 1.6, "\(sharpened)")
    // Stars of a peak above 2000 counts, 20 times the noise of a pixel's photons there and more.
    let bright = try (of(.better) + of(.equal) + of(.worse)).flatMap(\.stars).filter { $0.peak > 2000 }.map(\.chi2)
      .sorted()
    #expect(bright.count > 50 && bright[bright.count / 2] < 1.3)
  }
}
