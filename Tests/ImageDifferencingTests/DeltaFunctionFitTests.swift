// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels of delta functions: single fits, their regularisation, the search with components.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct DeltaFunctionFitTests {
  private let box = Box2I(width: 43, height: 43)

  private func candidate(
    _ template: Image<Float>, _ science: Image<Float>, variance: Float = 1
  ) throws -> KernelCandidate {
    func masked(_ image: Image<Float>) throws -> MaskedImage {
      try MaskedImage(
        image: image, mask: Mask(box: image.box), variance: Image(box: image.box, fill: variance))
    }
    return try KernelCandidate(
      id: 1, position: Point2D(x: 21, y: 21), rating: 1, template: try masked(template), science: try masked(science))
  }

  /// A star on noise.
  private func scene() -> Image<Float> {
    var image = noiseImage(box, level: 3, sigma: 2, seed: 9)
    addStar(to: &image, at: Point2D(x: 21.3, y: 20.8), sigma: 1.8, flux: 5000)
    return image
  }

  /// differencing C5: without regularisation.
  @Test func imagesThatDifferByAFactorOrALevel() throws {
    let basis = try KernelBasis(deltaFunctionsOfSide: 7)
    let template = scene()
    for (science, sum, level) in [
      (template, 1, 0), (template.map { 2.7 * $0 }, 2.7, 0), (template.map { $0 + 11.3 }, 1, 11.3),
    ]
      as [(Image<Float>, Double, Double)]
    {
      let fit = try SingleKernelFit(try candidate(template, science), basis)
      #expect(abs(fit.kernelSum - sum) < 1e-5 && abs(fit.background - level) < 1e-4)
      for (m, value) in fit.coefficients.enumerated() { #expect(abs(value - (m == 24 ? sum : 0)) < 1e-5) }
    }
  }

  /// A single pixel takes the shape of the kernel, turned by 180 degrees; this one is symmetric.
  @Test func theKernelIsFoundAgain() throws {
    let basis = try KernelBasis(deltaFunctionsOfSide: 21)
    func gaussian(_ x: Int, _ y: Int) -> Double { exp(-Double(x * x) / 8 - Double(y * y) / 18) }
    let kernel = Image<Double>(box: basis.box) { gaussian($0, $1) }
    let hot = Image<Float>(box: box) { $0 == 21 && $1 == 21 ? 4 : 0 }
    let science = Image<Float>(box: box) { x, y in
      abs(x - 21) <= 10 && abs(y - 21) <= 10 ? Float(4 * gaussian(x - 21, y - 21)) : 0
    }
    let fit = try SingleKernelFit(try candidate(hot, science), basis)
    for (a, b) in zip(fit.kernel(basis).pixels, kernel.pixels) { #expect(abs(a / b - 1) < 1e-5) }
    // The science image has float32's 24 bits.
    #expect(abs(fit.kernelSum / kernel.sum - 1) < 1e-7)

    // A star: where the kernel has any strength, to two decimals; with noise the sum, to three.
    let star = scene()
    let wide = try innerConvolution(star, with: kernel)
    let full = Image<Float>(box: box) { x, y in
      wide.inner.contains(x: x, y: y)
        ? Float(wide.values[(y - wide.inner.minY) * wide.inner.width + x - wide.inner.minX]) : 0
    }
    let plain = try SingleKernelFit(try candidate(star, full), basis)
    for (a, b) in zip(plain.kernel(basis).pixels, kernel.pixels) where b > 1e-2 { #expect(abs(a / b - 1) < 0.01) }
    #expect(abs(plain.kernelSum / kernel.sum - 1) < 1e-3)
  }

  @Test func varianceThatIsNotPositive() throws {
    let basis = try KernelBasis(deltaFunctionsOfSide: 5)
    for variance in [Float(0), -1, .nan] {
      let star = try candidate(scene(), scene(), variance: variance)
      #expect(throws: ImagingError.self) { try SingleKernelFit(star, basis) }
      #expect(throws: ImagingError.self) { try SingleKernelFit(star, basis, weighting: .pixels) }
    }
  }

  @Test func whatRegularisationTakes() throws {
    func make(_ change: (inout KernelRegularizationConfig) -> Void) throws -> KernelRegularization {
      var config = KernelRegularizationConfig()
      change(&config)
      return try KernelRegularization(side: 5, fitForBackground: true, maxConditionNumber: 5e6, config)
    }
    for stencil in [5, 9] { _ = try make { $0.centralRegularizationStencil = stencil } }
    _ = try make { $0.regularizationBorderPenalty = 0 }
    for orders in [[1], [1, 2], [3]] {
      _ = try make {
        $0.regularizationType = .forwardDifference
        $0.forwardRegularizationOrders = orders
      }
    }
    #expect(throws: ImagingError.self) { try make { $0.centralRegularizationStencil = 1 } }
    #expect(throws: ImagingError.self) { try make { $0.regularizationBorderPenalty = -3 } }
    for order in [0, 4] {
      #expect(throws: ImagingError.self) {
        try make {
          $0.regularizationType = .forwardDifference
          $0.forwardRegularizationOrders = [order]
        }
      }
    }
    var config = MakeKernelConfig()
    #expect(throws: ConfigProblem.self) { try config.set("kernel.DF.regularizationType", to: .string("none")) }
    #expect(throws: ConfigProblem.self) { try config.set("kernel.DF.centralRegularizationStencil", to: .integer(1)) }
    #expect(throws: ConfigProblem.self) {
      try config.set("kernel.DF.forwardRegularizationOrders", to: .list([.integer(4)]))
    }
  }

  /// H by its meaning: of a plane only the border is penalised, of anything the squares of its differences.
  @Test func penaltiesAreSquaresOfDifferences() throws {
    func penalty(_ config: KernelRegularizationConfig, _ value: (Int, Int) -> Double) throws -> Double {
      let matrix = try KernelRegularization(side: 5, fitForBackground: true, maxConditionNumber: 5e6, config).matrix
      var a = [Double](repeating: 1000, count: 26)
      for i in 0..<25 { a[i] = value(i % 5, i / 5) }
      var sum = 0.0
      for i in 0..<26 { for j in 0..<26 { sum += a[i] * matrix[i * 26 + j] * a[j] } }
      return sum
    }
    var config = KernelRegularizationConfig()
    let edge = (0..<25).filter { [0, 4].contains($0 % 5) || [0, 4].contains($0 / 5) }
    func plane(_ x: Int, _ y: Int) -> Double { 2 + 3 * Double(x) - Double(y) }
    var border = 0.0
    for i in edge { border += 9 * pow(plane(i % 5, i / 5), 2) }
    #expect(abs(try penalty(config, plane) - border) < 1e-9)
    config.regularizationBorderPenalty = 0
    // The Laplacian of x² + y² is 4 at each of the 9 pixels within.
    func bowl(_ x: Int, _ y: Int) -> Double { Double(x * x + y * y) }
    for stencil in [5, 9] {
      config.centralRegularizationStencil = stencil
      // With nine points [1 4 1; 4 −20 4; 1 4 1] / 6 it is (4 · 4 · 1 + 4 · 2) / 6 = 4 too.
      #expect(abs(try penalty(config, bowl) - 9 * 16) < 1e-9)
    }
    config.regularizationType = .forwardDifference
    config.forwardRegularizationOrders = [1]
    // Of x: one step in x everywhere but in the last column; the last column's order falls to 0, the penalty's.
    #expect(abs(try penalty(config) { x, _ in Double(x) } - 20) < 1e-9)
  }

  @Test func strengthsOfTheRegularisation() throws {
    let basis = try KernelBasis(deltaFunctionsOfSide: 9)
    let stars = SimulatedStars(noise: 10, stampSide: 31)
    var random = SeededRandom(3)
    let star = try stars.candidate(0, at: Point2D(x: 50.2, y: 50.4), flux: 8000, &random)
    func fit(
      _ type: KernelRegularizationConfig.LambdaType, _ change: (inout KernelRegularizationConfig) -> Void = { _ in }
    )
      throws -> SingleKernelFit
    {
      var config = KernelRegularizationConfig()
      config.lambdaType = type
      change(&config)
      return try SingleKernelFit(
        star, basis,
        regularization: try KernelRegularization(
          side: 9, fitForBackground: true, maxConditionNumber: 5e6, config))
    }
    /// How far a kernel is from the Gaussian that it should be.
    func error(_ fit: SingleKernelFit) -> Double {
      let variance = 2.3 * 2.3 - 1.7 * 1.7
      let truth = Image<Double>(box: basis.box) { x, y in
        1.05 / (2 * .pi * variance) * exp(-Double(x * x + y * y) / (2 * variance))
      }
      var sum = 0.0
      for (a, b) in zip(fit.kernel(basis).pixels, truth.pixels) { sum += (a - b) * (a - b) }
      return sum
    }
    let none = try SingleKernelFit(star, basis)
    let absolute = try fit(.absolute)
    #expect(absolute.lambda == 0.2 && none.lambda == 0)
    let relative = try fit(.relative)
    #expect(relative.lambda > 0 && error(absolute) < error(none) && error(relative) < error(none))
    // The risk's minimum is within the grid, and near the strength that is best by the truth.
    let grid = KernelRegularizationConfig().lambdas
    #expect(grid.count == 31 && abs(grid[0] - 0.1) < 1e-15 && abs(grid[30] - 100) < 1e-10)
    for type in [KernelRegularizationConfig.LambdaType.minimizeBiasedRisk, .minimizeUnbiasedRisk] {
      let found = try fit(type) { ($0.lambdaMin, $0.lambdaMax, $0.lambdaStep) = (-3, 4, 0.5) }
      let best = try stride(from: -3.0, through: 4, by: 0.5).map { power in
        error(try fit(.absolute) { $0.lambdaValue = pow(10, power) })
      }.min()
      #expect(error(found) < 0.5 * error(none))
      #expect(error(found) < 3 * (best ?? 0), "\(type): \(found.lambda)")
    }
    let linear = try fit(.minimizeUnbiasedRisk) {
      ($0.lambdaStepType, $0.lambdaMin, $0.lambdaMax, $0.lambdaStep) = (.linear, 1, 2, 0.5)
    }
    #expect([1, 1.5, 2].contains(linear.lambda))
  }

  /// The whole recipe with delta functions: components that vary over the image.
  @Test func theSearchWithDeltaFunctions() throws {
    let stars = SimulatedStars(sky: 4, noise: 3, stampSide: 31)
    let candidates = try stars.candidates(14, side: 256, flux: 30_000, seed: 6)
    var config = MakeKernelConfig()
    try config.kernel.select(["DF"])
    try config.set("kernel.DF.kernelSize", to: .integer(11))
    try config.validateAll()
    let task = try MakeKernelTask(config: config)
    #expect(try task.kernelSide(targetFwhm: 4, referenceFwhm: 9) == 11)
    let solution = try task.solve(
      candidates, targetFwhm: stars.fwhm.target, referenceFwhm: stars.fwhm.reference,
      region: Box2I(width: 256, height: 256))
    #expect(solution.functions == .deltaFunctions && solution.kernelSide == 11 && solution.fit.basis.count == 5)
    #expect(abs(solution.spatialKernelSum - 1.05) < 0.01)
    #expect(solution.states.allSatisfy { $0.status != .good || $0.componentFit != nil })
    #expect((try? task.metadata.string("ALBasisMode")) == nil)

    // Without components every delta function varies, and with it the sum.
    try config.set("kernel.DF.kernelSize", to: .integer(5))
    try config.set("kernel.DF.usePcaForSpatialKernel", to: .boolean(false))
    try config.set("kernel.DF.singleKernelClipping", to: .boolean(false))
    try config.set("kernel.DF.spatialKernelClipping", to: .boolean(false))
    let plain = try MakeKernelTask(config: config).solve(
      candidates, targetFwhm: nil, referenceFwhm: nil, region: Box2I(width: 256, height: 256))
    #expect(plain.fit.coefficients.count == 25 && plain.fit.kernelBasis.order == 1)
    #expect(plain.fit.coefficients.allSatisfy { $0[1] != 0 })
    let (left, right) = (Point2D(x: 20, y: 100), Point2D(x: 230, y: 100))
    #expect(abs(plain.fit.kernelSum(at: left) - plain.fit.image(at: left).sum) < 1e-12)
    #expect(plain.fit.kernelSum(at: left) != plain.fit.kernelSum(at: right))
  }
}
