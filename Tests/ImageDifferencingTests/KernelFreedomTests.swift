// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels that are as free as the stars allow, and stars with something beside them.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelFreedomTests {
  private let region = Box2I(width: 512, height: 512)

  private func freeBasis(_ stars: SimulatedStars) throws -> KernelBasis {
    var config = AlardLuptonBasisConfig()
    config.alardDegGauss = [6, 6, 4]
    return try stars.basis(config)
  }

  /// √Σ (κ − κ₀)² / Σ κ₀² over some places, κ₀ being what makes the Gaussians alike.
  private func error(_ fit: SpatialKernelFit, _ stars: SimulatedStars) -> Double {
    let sigma = (stars.scienceSigma * stars.scienceSigma - stars.templateSigma * stars.templateSigma).squareRoot()
    var (sum, norm) = (0.0, 0.0)
    for place in [Point2D(x: 60, y: 60), Point2D(x: 256, y: 256), Point2D(x: 450, y: 100)] {
      let image = fit.image(at: place)
      let truth = DecorrelationScene.gaussian(sigma, side: image.width, sum: stars.scale)
      for (a, b) in zip(image.pixels, truth.pixels) {
        sum += (a - b) * (a - b)
        norm += b * b
      }
    }
    return (sum / norm).squareRoot()
  }

  private func search(
    _ candidates: [KernelCandidate], _ basis: KernelBasis, _ change: (inout KernelSearchConfig) -> Void
  ) throws -> SpatialKernelFit {
    var config = KernelSearchConfig()
    (config.spatialKernelOrder, config.nStarPerCell, config.doSubtractNoiseBias) = (2, 0, true)
    config.minStampsPerSpatialTerm = 0
    (config.singleKernelClipping, config.kernelSumClipping, config.spatialKernelClipping) = (false, false, false)
    change(&config)
    var search = KernelSearch(candidates, basis, region: region, config)
    return try search.run()
  }

  /// With few faint stars a kernel with 58 functions of 6 terms each is held back; with many bright ones it is not.
  @Test func freedomFollowsTheStars() throws {
    let stars = SimulatedStars(noise: 5)
    let basis = try freeBasis(stars)
    let few = try stars.candidates(8, side: 512, flux: 5000, seed: 3)
    let free = try search(few, basis) { $0.coefficientPrior = 0.3 }
    let chosen = try search(few, basis) { ($0.coefficientPrior, $0.crossValidate) = (0.3, true) }
    #expect(error(chosen, stars) < 0.5 * error(free, stars), "\(error(chosen, stars)) \(error(free, stars))")
    #expect(chosen.kernelBasis.order == 0)
    let many = try stars.candidates(60, side: 512, flux: 2_000_000, seed: 4)
    let best = try search(many, basis) { $0.crossValidate = true }
    #expect(best.kernelBasis.order == 2 && error(best, stars) < 0.1, "\(error(best, stars))")
  }

  /// Nothing is chosen with one star, which is fitted as ever.
  @Test func oneStarChoosesNothing() throws {
    let stars = SimulatedStars(noise: 5)
    let one = try stars.candidates(1, side: 512, flux: 100_000, seed: 5)
    let (a, b) = (
      try search(one, try stars.basis()) { _ in }, try search(one, try stars.basis()) { $0.crossValidate = true }
    )
    #expect(a.coefficients == b.coefficients)
  }

  /// A new source beside each star spoils the kernel, unless its pixels are left out.
  @Test func pixelsOfStampsAreLeftOut() throws {
    let stars = SimulatedStars(noise: 5)
    let basis = try stars.basis()
    var random = SeededRandom(9)
    let candidates = try stars.candidates(12, side: 512, flux: 200_000, seed: 6)
    let spoiled = try candidates.enumerated().map { i, one in
      guard i % 3 == 0 else { return one }
      var image = one.science.image
      let place = Point2D(x: one.position.x + random.uniform(5...8), y: one.position.y - random.uniform(5...8))
      addGaussian(to: &image, at: place, sigma: stars.scienceSigma, flux: 8000)
      return try KernelCandidate(
        id: one.id, position: one.position, rating: one.rating, template: one.template,
        science: try MaskedImage(image: image, mask: one.science.mask, variance: one.science.variance))
    }
    func found(_ candidates: [KernelCandidate], _ sigmas: Double) throws -> Double {
      error(try search(candidates, basis) { ($0.stampMaskSigma, $0.spatialKernelOrder) = (sigmas, 0) }, stars)
    }
    let (clean, bad, masked) = (try found(candidates, 0), try found(spoiled, 0), try found(spoiled, 5))
    #expect(bad > 3 * clean && masked < 1.5 * clean, "\(clean) \(bad) \(masked)")
    // Where nothing is wrong, nothing is left out.
    #expect(try found(candidates, 6) == clean)
  }

  /// Cells of a small image have their share of the stars that an image is to have.
  @Test func aSmallImageUsesMoreOfItsStars() throws {
    let stars = SimulatedStars(noise: 5)
    let candidates = try stars.candidates(40, side: 256, flux: 50_000, seed: 7)
    func count(_ perImage: Int) throws -> Int {
      var config = KernelSearchConfig()
      (config.nStarPerCell, config.nStarPerImage) = (2, perImage)
      (config.singleKernelClipping, config.kernelSumClipping, config.spatialKernelClipping) = (false, false, false)
      var search = KernelSearch(candidates, try stars.basis(), region: Box2I(width: 256, height: 256), config)
      return try search.run().candidateCount
    }
    #expect(try count(0) == 8)
    #expect(try count(7) == 8)
    #expect(try count(16) > 12 && count(16) <= 16)
    #expect(try count(1000) == 40)
  }
}
