// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes of neighbours, all together.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct JointForcedTests {
  /// Stars of which none touches another, some pixels of them masked.
  @Test func isolatedSourcesHaveTheirPlainFlux() throws {
    let positions = (0..<100).map { i -> Point2D in
      let (x, y) = (Double(20 + i % 10 * 30), Double(20 + i / 10 * 30))
      return Point2D(x: x + 0.07 * Double(i % 13), y: y - 0.05 * Double(i % 17))
    }
    let fluxes = positions.indices.map { 500 + 90 * Double($0) }
    var scene = try JointScene(
      box: Box2I(width: 330, height: 330), positions: positions, fluxes: fluxes, psf: try JointScene.gaussian(),
      noise: { x, _ in x < 165 ? 5 : 8 }, seed: 3)
    func check(_ planes: [String]) throws {
      let found = try JointMeasurement(scene.exposure, positions, plainMaskPlanes: planes)
      for column in ["instFlux", "instFluxErr"] {
        let (own, plain) = (try found.doubles(column), try found.plain(column))
        for row in own.indices { #expect(abs(own[row] / plain[row] - 1) < 1e-12) }
      }
      #expect(try found.counts("npixels") == found.catalog.column("base_PsfFlux_npixels", as: Int32.self))
      #expect(try found.floats("fracflux").allSatisfy { $0 == 0 })
      #expect(try found.counts("groupSize").allSatisfy { $0 == 1 } && !found.flags().contains(true))
      #expect(found.covariance.pairs.isEmpty)
    }
    try check([])
    #expect(try JointMeasurement(scene.exposure, positions).floats("fracmasked").allSatisfy { $0 == 0 })
    // The configuration's planes are those that `base_PsfFlux` can be told of.
    try scene.exposure.maskedImage.update { _, mask, _ throws(ImagingError) in
      let bits = try mask.planes.bitMask(["SAT"])
      for i in 0..<40 { mask[20 + i % 10 * 30 + i % 3, 20 + i / 10 * 30] |= bits }
    }
    try check(["SAT"])
  }

  /// Two, three and ten sources, from 0.77 FWHM on apart.
  private static let blends: [[Point2I]] = [
    [Point2I(x: 0, y: 0), Point2I(x: 4, y: 0)],
    [Point2I(x: 0, y: 0), Point2I(x: 3, y: 2), Point2I(x: -2, y: 4)],
    (0..<10).map { i -> Point2I in Point2I(x: i % 4 * 4, y: i / 4 * 5 + i % 2) },
  ]

  /// Every number of these images is exact in float32, so that fluxes are what rounding in float64 leaves.
  @Test(arguments: blends) func fluxesOfBlendsAreExact(offsets: [Point2I]) throws {
    // Whole numbers whose sum is 2¹³: the PSF has no more than 13 binary places.
    let box = Box2I(minX: -12, minY: -12, width: 25, height: 25)
    var weights = Image<Double>(box: box) { x, y in (8192 / (8 * .pi) * exp(-Double(x * x + y * y) / 8)).rounded() }
    weights[0, 0] += 8192 - weights.sum
    let psf = try KernelPSF(weights, averagePosition: Point2D(x: 0, y: 0))
    let positions = offsets.map { Point2D(x: Double(30 + $0.x), y: Double(30 + $0.y)) }
    let fluxes = offsets.indices.map { Double(40 + 97 * ($0 * 7 % 10)) }
    let scene = try JointScene(
      box: Box2I(width: 80, height: 80), positions: positions, fluxes: fluxes, psf: psf, noise: { _, _ in 0 }, seed: 1)
    let found = try JointMeasurement(scene.exposure, positions)
    for (row, flux) in fluxes.enumerated() {
      let own = try found.doubles("instFlux")[row]
      #expect(abs(own / flux - 1) < 1e-10, "row \(row): \(own), not \(flux)")
      // What is said of the neighbours' light is what the plain flux has too much.
      let (plain, part) = (try found.plain("instFlux")[row], try found.floats("fracflux")[row])
      #expect(abs(plain - own * (1 + part)) < 1e-6 * plain && part > 0.01)
    }
    #expect(try found.counts("groupSize").allSatisfy { $0 == Int32(offsets.count) })
  }

  /// Pairs at 1.5 FWHM: without bias and with unit pulls, where fluxes that ignore neighbours are many errors off.
  @Test(arguments: [JointForcedConfig.Weights.uniform, .inverseVariance])
  func pullsOfPairsAreUnit(weights: JointForcedConfig.Weights) throws {
    let scene = try JointScene.pairs(1500, apart: 1.5 * JointScene.fwhm, seed: 11)
    var config = JointForcedConfig()
    config.weights = weights
    let found = try JointMeasurement(scene.exposure, scene.positions, config)
    let (mean, width) = jointSpread(try found.pulls(scene.fluxes))
    // Three standard errors of mean and width of 3000 pulls.
    #expect(abs(mean) < 0.055 && abs(width - 1) < 0.04, "\(mean), \(width)")
    let plain = jointSpread(try found.plainPulls(scene.fluxes))
    #expect(plain.mean > 10 && plain.deviation > 5)
    #expect(try found.counts("groupSize").allSatisfy { $0 == 2 })
    // Of pixels that have nothing but noise left, less what each source's own flux fits: Σm³/Σm² of a Gaussian.
    let left = 1 - 1 / (3 * .pi * JointScene.sigma * JointScene.sigma)
    #expect(abs(jointSpread(try found.floats("rchisq")).mean - left) < 0.015)
  }

  @Test func covariancesAreThoseOfTheSample() throws {
    let scene = try JointScene.pairs(1500, apart: 0.8 * JointScene.fwhm, seed: 21)
    let found = try JointMeasurement(scene.exposure, scene.positions)
    let (pulls, errors) = (try found.pulls(scene.fluxes), try found.doubles("instFluxErr"))
    #expect(abs(jointSpread(pulls).deviation - 1) < 0.04)
    var (sample, expected, chi2) = (0.0, 0.0, 0.0)
    for i in 0..<1500 {
      let (a, b) = (pulls[2 * i], pulls[2 * i + 1])
      let correlation = found.covariance.covariance(of: 2 * i + 1, and: 2 * i) / (errors[2 * i] * errors[2 * i + 1])
      sample += a * b / 1500
      expected += correlation / 1500
      chi2 += (a * a - 2 * correlation * a * b + b * b) / (1 - correlation * correlation) / 1500
    }
    // Minus the product of the two profiles, exp(−(0.8 FWHM)²/4σ²).
    #expect(abs(expected + exp(-pow(0.8 * fwhmPerSigma, 2) / 4)) < 0.01)
    // Standard errors √(1 + ρ²)/√1500 and 2/√1500, three times.
    #expect(abs(sample - expected) < 0.085)
    #expect(abs(chi2 - 2) < 0.16)
    #expect(found.covariance.pairs.map(\.first) == (0..<1500).map { 2 * $0 })
    #expect(found.covariance.covariance(of: 0, and: 2) == 0)
  }

  /// The weights of least error, where half of the pixels have four times the noise.
  @Test func inverseVarianceWeightsHaveSmallerErrors() throws {
    let scene = try JointScene.crowd(60, side: 120, noise: { x, y in (x + y) % 2 == 0 ? 5 : 20 }, seed: 5)
    var config = JointForcedConfig()
    let uniform = try JointMeasurement(scene.exposure, scene.positions, config)
    config.weights = .inverseVariance
    let weighted = try JointMeasurement(scene.exposure, scene.positions, config)
    let (small, large) = (try weighted.doubles("instFluxErr"), try uniform.doubles("instFluxErr"))
    for row in small.indices { #expect(small[row] < 0.6 * large[row]) }
    for found in [uniform, weighted] {
      let (mean, width) = jointSpread(try found.pulls(scene.fluxes))
      // 60 pulls, of which those of neighbours go together.
      #expect(abs(mean) < 0.5 && abs(width - 1) < 0.35, "\(mean), \(width)")
    }
  }

  /// A chain and a crowd: what the envelope gives is what matrices of all pairs give, noise that varies included.
  @Test func groupsAreTheDenseSolution() throws {
    let chain = (0..<250).map { i -> Point2D in Point2D(x: 10 + 3.7 * Double(i), y: 30 + 6 * sin(0.9 * Double(i))) }
    let scenes = [
      try JointScene(
        box: Box2I(width: 960, height: 60), positions: chain, fluxes: chain.indices.map { 1000 + 37 * Double($0 % 50) },
        psf: try JointScene.gaussian(), noise: { x, y in 4 + Double((x * 7 + y * 13) % 11) }, seed: 8),
      try JointScene.crowd(250, side: 140, noise: { x, y in 4 + Double((x * 7 + y * 13) % 11) }, seed: 9),
    ]
    for scene in scenes {
      let found = try JointMeasurement(scene.exposure, scene.positions)
      try expect(found, isThatOf: try #require(try JointDenseSolution(scene.exposure, scene.positions)))
      #expect(try found.counts("groupSize").allSatisfy { $0 == 250 })
    }
  }

  private func expect(_ found: JointMeasurement, isThatOf dense: JointDenseSolution) throws {
    let (fluxes, errors) = (try found.doubles("instFlux"), try found.doubles("instFluxErr"))
    let count = fluxes.count
    for i in 0..<count {
      #expect(abs(fluxes[i] - dense.fluxes[i]) < 1e-8 * errors[i])
      #expect(abs(errors[i] / dense.covariance[i * count + i].squareRoot() - 1) < 1e-8)
    }
    for pair in found.covariance.pairs {
      let scale = errors[pair.first] * errors[pair.second]
      #expect(abs(pair.covariance - dense.covariance[pair.first * count + pair.second]) < 1e-8 * scale)
    }
  }

  /// 2000 stars, one to 80 square pixels: FWHM 4.7.
  @Test func crowdsHaveUnitPulls() throws {
    let scene = try JointScene.crowd(2000, side: 400, seed: 31)
    // The PSF is right to the last digit, so that even sources that are nearly at one place can be told apart.
    var config = JointForcedConfig()
    config.minOwnPart = 1e-10
    let found = try JointMeasurement(scene.exposure, scene.positions, config)
    let pulls = try found.pulls(scene.fluxes)
    // Those that are close together count like others: their errors say so. Pulls of neighbours go together, so that standard
    // errors are more than those of 2000.
    #expect(abs(jointSpread(pulls).mean) < 0.1 && abs(jointSpread(pulls).deviation - 1) < 0.05)
    #expect(abs(pulls.map { abs($0) }.sorted()[1000] / 0.6745 - 1) < 0.07)
    #expect(jointSpread(try found.plainPulls(scene.fluxes)).mean > 50)
    #expect(abs(jointSpread(try found.floats("rchisq")).mean - 1) < 0.05)
    #expect(try found.metadata.integer("largestGroup") == 2000 && !found.flags().contains(true))
    try expect(found, isThatOf: try #require(try JointDenseSolution(scene.exposure, scene.positions, variance: 25)))
  }

  @Test func orderOfRowsDoesNotMatter() throws {
    let scene = try JointScene.crowd(150, side: 130, seed: 41)
    let found = try JointMeasurement(scene.exposure, scene.positions)
    let again = try JointMeasurement(scene.exposure, scene.positions)
    #expect(found.catalog == again.catalog && found.covariance == again.covariance)
    var random = SeededRandom(2)
    let order = (0..<150).shuffled(using: &random)
    let shuffled = try JointMeasurement(scene.exposure, order.map { scene.positions[$0] })
    for column in ["instFlux", "instFluxErr"] {
      let (own, theirs) = (try found.doubles(column), try shuffled.doubles(column))
      for (place, row) in order.enumerated() { #expect(abs(theirs[place] / own[row] - 1) < 1e-10) }
    }
    for pair in shuffled.covariance.pairs {
      let own = found.covariance.covariance(of: order[pair.first], and: order[pair.second])
      #expect(abs(pair.covariance - own) <= 1e-8 * abs(own))
    }
    #expect(shuffled.covariance.pairs.count == found.covariance.pairs.count)
  }
}
