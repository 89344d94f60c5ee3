// SPDX-License-Identifier: GPL-3.0-or-later
// Functions that kernels are made of: their norms, their values, components of kernels.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelBasisTests {
  private func product(_ a: Image<Double>, _ b: Image<Double>) -> Double {
    zip(a.pixels, b.pixels).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private func expectNorms(_ basis: KernelBasis) {
    for (m, image) in basis.images.enumerated() {
      #expect(abs(image.sum - (m == 0 ? 1 : 0)) < 1e-7)
      if m > 0 { #expect(abs(product(image, image) - 1) < 1e-7) }
    }
  }

  @Test func normsOfConfiguredAndScaledFunctions() throws {
    for (target, reference) in [(nil, nil), (3.0, 4.0)] as [(Double?, Double?)] {
      let basis = try AlardLuptonBasis(targetFwhm: target, referenceFwhm: reference).basis
      #expect(basis.count == 15 + 6 + 6)
      expectNorms(basis)
    }
  }

  /// differencing C6: values at offsets (0, 0), (1, 0), (0, 1), (2, 1) and Σ|B|.
  @Test func valuesAreThoseOfTheSpecification() throws {
    let basis = try AlardLuptonBasis(targetFwhm: 2 * fwhmPerSigma, referenceFwhm: 2.4 * fwhmPerSigma).basis
    let images = basis.images
    let expected: [(m: Int, values: [Double], modulus: Double)] = [
      (0, [0.3247241573, 0.1170461044, 0.1170461044, 0.001975724682], 1),
      (1, [0, 0.6270923014, 0, 0.02117049080], 2.408942),
      (3, [-0.7771609237, 0.2929565302, -0.2801259363, 0.03396576922], 2.727619),
      (4, [0, 0, 0, 0.04642304539], 2.375095),
      (6, [0, 0.5897887878, 0, 0.07964453129], 2.861457),
      (14, [-0.7850933115, -0.2829851480, 0.1056721461, 0.001783733584], 2.755459),
      (15, [-0.8719483128, -0.1938092441, -0.1938092441, 0.07412810312], 3.294371),
      (18, [-0.7823103707, -0.2046458003, -0.2819820431, 0.1067428866], 3.898009),
      (21, [-0.8152196172, -0.2624242075, -0.2624242075, 0.03424252035], 4.250726),
      (26, [-0.7808799926, -0.2814664665, -0.2756079674, -0.0002117369970], 4.612457),
    ]
    for (m, values, modulus) in expected {
      let image = images[m]
      let own = [image[0, 0], image[1, 0], image[0, 1], image[2, 1]]
      // Ten digits are printed.
      for (a, b) in zip(own, values) { #expect(abs(a - b) < 1e-10, "function \(m)") }
      #expect(abs(image.pixels.reduce(0) { $0 + abs($1) } - modulus) < 1e-6)
    }
    for (a, b, value) in [(0, 15, -0.366856942), (3, 5, 0.316730688), (1, 16, 0.675750446)] {
      #expect(abs(product(images[a], images[b]) - value) < 1e-9)
    }
    let gram = images.flatMap { a in images.map { product(a, $0) } }
    let eigen = try SymmetricEigen(gram, size: images.count, vectors: false).values
    #expect(abs((eigen.first ?? 0) - 1.3552e-4) < 1e-8 && abs((eigen.last ?? 0) - 8.65478) < 1e-5)
  }

  @Test func anyFunctionsCanBeNormalised() throws {
    let box = Box2I(minX: 0, minY: 0, width: 21, height: 21)
    func gaussian(_ a: Double, _ b: Double) -> Image<Double> {
      Image(box: box) { x, y in
        7 * exp(-pow(Double(x - 10), 2) / (2 * a * a) - pow(Double(y - 10), 2) / (2 * b * b))
      }
    }
    let basis = try KernelBasis(renormalizing: [gaussian(2, 2), gaussian(3, 4), gaussian(0.2, 0.25)])
    expectNorms(basis)
    #expect(basis.box.minX == -10 && basis.count == 3 && basis.hasConstantSum)
    let zero = Image<Double>(box: box, fill: 0)
    let wide = Image<Double>(box: Box2I(width: 21, height: 19), fill: 1)
    let even = Image<Double>(box: Box2I(width: 20, height: 20), fill: 1)
    for functions in [[], [zero], [gaussian(2, 2), zero], [wide], [even], [gaussian(1, 1), wide]] {
      #expect(throws: ImagingError.self) { try KernelBasis(renormalizing: functions) }
    }
  }

  @Test func deltaFunctionsAreUnitPixels() throws {
    let basis = try KernelBasis(deltaFunctionsOfSide: 5)
    #expect(basis.count == 25 && !basis.hasConstantSum && basis.sums == Array(repeating: 1, count: 25))
    for (m, image) in basis.images.enumerated() {
      #expect(image.pixels.enumerated().allSatisfy { $1 == ($0 == m ? 1 : 0) })
    }
    for side in [-3, 0, 1, 4, 37] { #expect(throws: ImagingError.self) { try KernelBasis(deltaFunctionsOfSide: side) } }
  }

  /// Kernels of a family of two shapes have two components beyond the mean.
  @Test func componentsSpanTheKernels() throws {
    let functions = try AlardLuptonBasis(targetFwhm: 4, referenceFwhm: 5).basis
    var random = SeededRandom(4)
    var kernels: [(image: Image<Double>, sum: Double)] = []
    for _ in 0..<12 {
      var coefficients = [Double](repeating: 0, count: functions.count)
      let sum = random.uniform(0.5...2)
      coefficients[0] = sum
      coefficients[3] = sum * random.gaussian()
      coefficients[17] = 0.1 * sum * random.gaussian()
      kernels.append((functions.image(coefficients[...]), sum))
    }
    let basis = try KernelBasis(principalComponentsOf: kernels, count: 5)
    #expect(basis.count == 3)
    expectNorms(basis)
    // Each kernel is a combination of them: what remains after projection is rounding.
    for (image, sum) in kernels {
      let gram = basis.images.flatMap { a in basis.images.map { product(a, $0) } }
      let system = try SymmetricSystem(matrix: gram, right: basis.images.map { product($0, image) })
      let values = try system.solve().values
      #expect(abs(values[0] - sum) < 1e-9)
      let rest = zip(basis.image(values[...]).pixels, image.pixels).map { abs($0 - $1) }.max() ?? 1
      #expect(rest < 1e-9)
    }
    let alike = try KernelBasis(principalComponentsOf: Array(repeating: kernels[0], count: 4), count: 5)
    #expect(alike.count == 1)
    let one = try KernelBasis(principalComponentsOf: [kernels[0]], count: 5)
    #expect(one.count == 1)
    let bare = try KernelBasis(principalComponentsOf: kernels, count: 5, subtractsMean: false)
    #expect(bare.count == 3)
    #expect(throws: ImagingError.self) { try KernelBasis(principalComponentsOf: [], count: 5) }
  }

  /// Functions of a high degree that are narrow have small sums; none is left once they are scaled.
  @Test(arguments: [(0.7, 25), (0.4, 21), (1.0, 35)]) func functionsHaveNoSum(sigma: Double, side: Int) throws {
    var config = AlardLuptonBasisConfig()
    config.alardDegGauss = [6, 6, 4]
    config.alardSigGauss = [sigma, 2 * sigma, 4 * sigma]
    (config.scaleByFwhm, config.kernelSize, config.alardMinSig) = (false, side, 0.25)
    let basis = try AlardLuptonBasis(targetFwhm: 2, referenceFwhm: 3, config).basis
    #expect(abs(basis.images[0].sum - 1) < 1e-12)
    for image in basis.images.dropFirst() { #expect(abs(image.sum) < 1e-6) }
  }
}
