// SPDX-License-Identifier: GPL-3.0-or-later
// Which stars make the kernel, how it varies, and what becomes of images that have too little for one.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelSearchTests {
  private let region = Box2I(width: 256, height: 256)

  /// differencing 0.4, C5, C6.
  @Test func outliersOfTheKernelSums() throws {
    let few = try KernelSums([1, 1, 1, 1, 2, 3, 4])
    #expect(abs(few.mean - 1.857142857) < 1e-6 && abs(few.scatter - 1.214985793) < 1e-6)
    let more = try KernelSums([1, 1, 1, 1, 2, 3, 4, 50])
    #expect(abs(more.mean - few.mean) < 1e-6 && abs(more.scatter - few.scatter) < 1e-6)
    #expect(
      [1, 1, 1, 1, 2, 3, 4, 50].map { more.isOutlier($0, beyond: 3) } == Array(repeating: false, count: 7) + [true])
    let nine = try KernelSums([1, 1.02, 0.98, 1.01, 0.99, 1.3, 1, 1.03, 0.97])
    #expect(abs(nine.mean - 1) < 1e-6 && abs(nine.scatter - 0.02) < 1e-6)
    let one = try KernelSums([7])
    #expect(one.mean == 7 && one.scatter == 0 && !one.isOutlier(7, beyond: 0))
    #expect(throws: NoKernelCandidatesError.self) { try KernelSums([]) }
    #expect(throws: NoKernelCandidatesError.self) { try KernelSums([.nan, .nan]) }
  }

  /// Nine cells with a star each, of which one has another flux in the science image.
  @Test func aStarOfAnotherRatioIsRejected() throws {
    var random = SeededRandom(8)
    let candidates = try (0..<9).map { k in
      try SimulatedStars(scale: k == 4 ? 100 : 1.05, noise: 2).candidate(
        k, at: Point2D(x: 42.3 + 85 * Double(k % 3), y: 42.6 + 85 * Double(k / 3)), flux: 20_000, &random)
    }
    let basis = try SimulatedStars().basis()
    var config = KernelSearchConfig()
    (config.sizeCellX, config.sizeCellY) = (85, 85)
    // Only sums judge.
    (config.singleKernelClipping, config.spatialKernelClipping) = (false, false)
    var search = KernelSearch(candidates, basis, region: region, config)
    let fit = try search.run()
    #expect(search.rejectedCount == 1 && search.states[4].status == .bad && fit.candidateCount == 8)
    #expect(abs(fit.kernelSum - 1.05) < 0.01)
    config.kernelSumClipping = false
    var lenient = KernelSearch(candidates, basis, region: region, config)
    let spoilt = try lenient.run()
    #expect(lenient.rejectedCount == 0 && spoilt.kernelSum > 2)
  }

  /// differencing C5: constant images, variances of zero, masked columns, the core.
  @Test func statisticsOfResiduals() throws {
    let box = Box2I(width: 20, height: 20)
    let ones = [Double](repeating: 1, count: 400)
    let constant = StampResidual(ones, variance: ones)
    #expect(constant.mean == 1 && constant.rms == 0 && constant.count == 400)
    let none = StampResidual(ones, variance: [Double](repeating: 0, count: 400))
    #expect(none.count == 0 && none.mean.isNaN)
    #expect(StampResidual(ones, variance: [.infinity] + ones.dropFirst()).count == 399)

    var random = SeededRandom(2)
    let values = (0..<400).map { _ in random.gaussian() }
    let mean = values.reduce(0, +) / 400
    let scatter = (values.reduce(0) { $0 + pow($1 - mean, 2) } / 399).squareRoot()
    let noise = StampResidual(values, variance: ones)
    #expect(abs(noise.rms - scatter) < 1e-12 && abs(noise.mean - mean) < 1e-12)

    // A kernel of one pixel keeps the whole stamp; one column is masked.
    var mask = Mask(box: box)
    let bit = try mask.planes.bitMask(["SAT"])
    for y in 0..<20 { mask[3, y] = bit }
    func masked(_ level: Float, _ mask: Mask) throws -> MaskedImage {
      try MaskedImage(image: Image(box: box, fill: level), mask: mask, variance: Image(box: box, fill: 0.5))
    }
    let candidate = try KernelCandidate(
      id: 1, position: Point2D(x: 10, y: 10), rating: 1, template: try masked(1, Mask(box: box)),
      science: try masked(2, mask))
    let identity = Image<Double>(box: Box2I(width: 1, height: 1), fill: 1)
    let all = try candidate.residual(identity, background: 0, bad: 0)
    #expect(all.count == 400 && abs(all.mean - 1) < 1e-6 && all.rms < 1e-6)
    #expect(try candidate.residual(identity, background: 0, bad: bit).count == 380)
    #expect(try candidate.residual(identity, background: 0, bad: 0, coreRadius: 3).count == 49)
    // A bad pixel of the template spoils what a kernel of 3² reads it for, but not through its zeros.
    let mirrored = try KernelCandidate(
      id: 1, position: Point2D(x: 10, y: 10), rating: 1, template: try masked(2, mask),
      science: try masked(1, Mask(box: box)))
    let half = Image<Double>(box: Box2I(minX: -1, minY: -1, width: 3, height: 3)) { x, _ in x < 0 ? 0 : 1.0 / 6 }
    // Of 18² pixels those whose own column or the next to the right is masked.
    #expect(try mirrored.residual(half, background: 0, bad: bit).count == 18 * 16)
  }

  /// The right kernel leaves noise, a wrong one with a slope does not.
  @Test func starsAreJudgedByWhatIsLeft() throws {
    let stars = SimulatedStars(noise: 5)
    let basis = try stars.basis()
    let candidate = try stars.candidates(1, side: 128, flux: 20_000, seed: 12)[0]
    let fit = try SingleKernelFit(candidate, basis)
    let right = try candidate.residual(fit.kernel(basis), background: fit.background, bad: 0)
    #expect(abs(right.mean) < 0.25 && right.rms < 1.5)
    let wrong = try candidate.residual(
      fit.kernel(basis), background: 10 + 10 * candidate.position.x + 10 * candidate.position.y, bad: 0)
    #expect(abs(wrong.mean) > 0.25)
    let other = try candidate.residual(basis.images[0], background: fit.background, bad: 0)
    #expect(other.rms > 1.5)
  }

  /// differencing A9: numbers of parameters, and the first function that does not vary.
  @Test(arguments: [0, 1, 2]) func parametersOfTheVaryingKernel(order: Int) throws {
    let stars = SimulatedStars(noise: 2)
    let basis = try stars.basis()
    let candidates = try stars.candidates(25, side: 256, flux: 50_000, seed: 2)
    let fits = try candidates.map { (position: $0.position, fit: try SingleKernelFit($0, basis)) }
    let domain = Box2D(region)
    let fit = try SpatialKernelFit(
      fits, basis, kernelBasis: SpatialBasis(.chebyshev(domain), order: order),
      backgroundBasis: SpatialBasis(.chebyshev(domain), order: 1))
    let terms = (order + 1) * (order + 2) / 2
    #expect(fit.coefficients.count == 27 && fit.coefficients.allSatisfy { $0.count == terms })
    #expect(fit.coefficients[0].dropFirst().allSatisfy { $0 == 0 })
    #expect(fit.background?.coefficients.count == 3)
    let kernel = try fit.kernel()
    #expect(kernel.isVarying == (order > 0))
    let place = Point2D(x: 77, y: 201)
    for (a, b) in zip(kernel.image(at: place).pixels, fit.image(at: place).pixels) { #expect(abs(a - b) < 1e-12) }

    // The obvious twin: all equations of all stars, unknown by unknown.
    let unknowns = 1 + 26 * terms + 3
    var (matrix, right) = ([Double](repeating: 0, count: unknowns * unknowns), [Double](repeating: 0, count: unknowns))
    for (position, single) in fits {
      let phi = SpatialBasis(.chebyshev(domain), order: order).terms(at: position)
      let psi = SpatialBasis(.chebyshev(domain), order: 1).terms(at: position)
      // The matrix P of A9.3: local parameters from unknowns.
      var rows = Array(repeating: [Double](repeating: 0, count: unknowns), count: 28)
      rows[0][0] = 1
      for m in 1..<27 { for i in 0..<terms { rows[m][1 + (m - 1) * terms + i] = phi[i] } }
      for j in 0..<3 { rows[27][1 + 26 * terms + j] = psi[j] }
      for m in 0..<28 {
        for i in 0..<unknowns where rows[m][i] != 0 {
          right[i] += rows[m][i] * single.system.right[m]
          for n in 0..<28 {
            let value = rows[m][i] * single.system.matrix[m * 28 + n]
            for j in 0..<unknowns where rows[n][j] != 0 { matrix[i * unknowns + j] += value * rows[n][j] }
          }
        }
      }
    }
    let twin = try SymmetricSystem(matrix: matrix, right: right).solve().values
    let own =
      [fit.coefficients[0][0]] + fit.coefficients.dropFirst().flatMap { $0 } + (fit.background?.coefficients ?? [])
    // Equations of condition 10⁸ whose sums are rounded differently.
    let largest = twin.map { abs($0) }.max() ?? 1
    for (a, b) in zip(own, twin) { #expect(abs(a - b) < 1e-6 * largest) }
  }

  /// Four stars on 256²: the order falls, and the sky of the difference is as quiet as under the true kernel.
  @Test(arguments: [(4, 100.0), (4, 15.0), (1, 100.0), (2, 30.0)]) func fewStars(count: Int, signalToNoise: Double)
    throws
  {
    let stars = SimulatedStars(noise: 5)
    let flux = signalToNoise * 5 * 2 * 2.3 * Double.pi.squareRoot()
    let basis = try stars.basis()
    let ideal = (1 + 1.05 * 1.05 / (4 * .pi * (2.3 * 2.3 - 1.7 * 1.7))).squareRoot()
    /// Standard deviation of the difference's sky, mean over the image, in units of that of the true kernel.
    func sky(_ fit: SpatialKernelFit) -> Double {
      var sum = 0.0
      for y in stride(from: 16.0, to: 256, by: 32) {
        for x in stride(from: 16.0, to: 256, by: 32) {
          let square = fit.image(at: Point2D(x: x, y: y)).pixels.reduce(0) { $0 + $1 * $1 }
          sum += (1 + square).squareRoot() / 64
        }
      }
      return sum / ideal
    }
    var worst = 0.0
    for seed in 0..<4 {
      let candidates = try stars.candidates(count, side: 256, flux: flux, seed: UInt64(40 + seed))
      var search = KernelSearch(candidates, basis, region: region)
      let fit = try search.run()
      #expect(fit.kernelBasis.order == 0 && fit.background?.basis.order == 0)
      #expect(abs(sky(fit) - 1) < 0.05, "sky \(sky(fit))")
      var config = KernelSearchConfig()
      config.minStampsPerSpatialTerm = 0
      var stubborn = KernelSearch(candidates, basis, region: region, config)
      let other = try stubborn.run()
      #expect(other.kernelBasis.order == 1)
      worst = max(worst, sky(other))
    }
    // Without it the corners of the image are extrapolated to.
    #expect(worst > 1.01)
  }

  @Test func ordersFallWithTheStars() throws {
    let stars = SimulatedStars(noise: 2)
    let basis = try stars.basis()
    // 3 stars a term of the kernel, 1.5 a term of the background.
    for (count, wanted, order, background) in [(8, 1, 0, 1), (9, 1, 1, 2), (17, 2, 1, 2), (18, 2, 2, 2), (4, 2, 0, 0)] {
      let candidates = try stars.candidates(count, side: 256, flux: 50_000, seed: 21)
      var config = KernelSearchConfig()
      config.spatialKernelOrder = wanted
      config.nStarPerCell = 0
      (config.singleKernelClipping, config.kernelSumClipping, config.spatialKernelClipping) = (false, false, false)
      var search = KernelSearch(candidates, basis, region: region, config)
      let fit = try search.run()
      #expect(fit.candidateCount == count && fit.kernelBasis.order == order)
      #expect(fit.background?.basis.order == background, "\(count) stars")
    }
  }

  /// Weights by pixels: twice the variance everywhere changes nothing, and a star's kernel stays close to that of one weight.
  @Test func weightsByPixels() throws {
    let stars = SimulatedStars(noise: 4)
    let basis = try stars.basis()
    let candidate = try stars.candidates(1, side: 128, flux: 30_000, seed: 5)[0]
    let plain = try SingleKernelFit(candidate, basis)
    let pixels = try SingleKernelFit(candidate, basis, weighting: .pixels)
    // The variance is the same everywhere, and so are the weights.
    for (a, b) in zip(plain.kernel(basis).pixels, pixels.kernel(basis).pixels) { #expect(abs(a - b) < 1e-8) }
    var config = KernelSearchConfig()
    (config.constantVarianceWeighting, config.iterateSingleKernel) = (false, true)
    var search = KernelSearch([candidate], basis, region: Box2I(width: 128, height: 128), config)
    let fit = try search.run()
    #expect(abs(fit.kernelSum - 1.05) < 0.02)
    #expect(throws: ImagingError.self) { try SingleKernelFit(candidate, basis, weighting: .variance([1, 2])) }
  }

  @Test func badlyDeterminedStarsMayBeRejected() throws {
    let stars = SimulatedStars(noise: 2)
    let basis = try stars.basis()
    let candidates = try stars.candidates(5, side: 256, flux: 50_000, seed: 3)
    for type in [KernelSearchConfig.ConditionNumberType.eigenvalue, .svd] {
      var config = KernelSearchConfig()
      (config.checkConditionNumber, config.conditionNumberType) = (true, type)
      config.maxConditionNumber = 10
      var strict = KernelSearch(candidates, basis, region: region, config)
      #expect(throws: NoKernelCandidatesError.self) { try strict.run() }
      config.maxConditionNumber = 1e15
      var lenient = KernelSearch(candidates, basis, region: region, config)
      #expect(try lenient.run().candidateCount > 0)
    }
  }
}
