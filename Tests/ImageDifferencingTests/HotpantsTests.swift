// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels against those of HOTPANTS.

import Foundation
import ImageDifferencing
import Imaging
import Repository
import SkyGeometry
import TestSupport
import Testing

/// Coefficients that HOTPANTS printed for two simulated images of 193², to six decimals.
///
/// Images and coefficients are those of `tests/testCompareToHotpants.py` of lsst/ip_diffim: one Gaussian of σ = 3 with a polynomial of degree 3,
/// kernels of 19², stamps of 49², positions from −1 to 1. HOTPANTS orders functions by the power of x, scales them differently, convolves with the
/// kernel turned, and has x and y of the position the other way round.
@Suite(.enabled(if: SharedData.has("data/lsst_mi/lsst_scienceMI.fits"), "needs shared/data"))
struct HotpantsTests {
  private static let centers = [
    (32, 32), (96, 32), (160, 32), (96, 95), (31, 96), (160, 96), (96, 160), (160, 160), (32, 160),
  ]
  /// Of their function i: ours, what it is divided by, and whether it is odd.
  private static let order = [0, 2, 5, 9, 1, 4, 8, 3, 7, 6]
  private static let scaling = [
    1, 8.866037e-02, 1.218095e+01, 5.099318e-03, 8.866037e-02, 4.179772e-02, 1.138120e-02, 1.218095e+01, 1.138120e-02,
    5.099318e-03,
  ]
  private static let parity: [Double] = [1, -1, 1, -1, -1, 1, -1, 1, -1, -1]
  /// Of our spatial term j: theirs.
  private static let terms = [0, 3, 1, 5, 4, 2]

  private let basis: KernelBasis
  private let template: MaskedImage
  private let science: MaskedImage

  init() throws {
    func image(_ name: String) throws -> MaskedImage {
      let fits = try FITSExposure(SharedData.url("data/lsst_mi/lsst_\(name).fits").path)
      let plane = fits.image.moved(toX: 0, y: 0)
      let variance = try #require(fits.variance).moved(toX: 0, y: 0)
      return try MaskedImage(image: plane, mask: Mask(box: plane.box), variance: variance)
    }
    (template, science) = (try image("templateMI"), try image("scienceMI"))
    var config = AlardLuptonBasisConfig()
    (config.alardNGauss, config.alardSigGauss, config.alardDegGauss) = (1, [3], [3])
    (config.scaleByFwhm, config.kernelSize) = (false, 19)
    basis = try AlardLuptonBasis(targetFwhm: nil, referenceFwhm: nil, config).basis
  }

  private func fits(_ isWanted: (Int, Int) -> Bool) throws -> [(position: Point2D, fit: SingleKernelFit)] {
    try Self.centers.filter { isWanted($0.0, $0.1) }.map { x, y in
      let stamp = Box2I(minX: x - 24, minY: y - 24, width: 49, height: 49)
      let position = Point2D(x: (Double(x) - 96.5) / 96.5, y: (Double(y) - 96.5) / 96.5)
      let candidate = try KernelCandidate(
        id: 0, position: position, rating: 1, template: template.cropped(to: stamp), science: science.cropped(to: stamp)
      )
      return (position, try SingleKernelFit(candidate, basis))
    }
  }

  private func check(
    _ isWanted: (Int, Int) -> Bool, kernel: [[Double]], background: [Double], _ comment: Comment
  ) throws {
    func order(_ count: Int) -> Int { count == 1 ? 0 : count == 3 ? 1 : 2 }
    let kernelOrder = order(kernel[1].count)
    let fit = try SpatialKernelFit(
      try fits(isWanted), basis, kernelBasis: SpatialBasis(.polynomial, order: kernelOrder),
      backgroundBasis: SpatialBasis(.polynomial, order: order(background.count)))
    // Our terms of order 1 are 1, x, y: the first three of those of order 2, with theirs in their own order.
    func theirs(_ values: [Double], _ j: Int) -> Double {
      values.count == 6 ? values[Self.terms[j]] : values.count == 3 ? values[[0, 2, 1][j]] : values[j]
    }
    // Printed to 6 decimals, from sums in another order.
    let tolerance = 2e-6
    for (i, own) in Self.order.enumerated() {
      for j in kernel[i].indices {
        let value = fit.coefficients[own][j] * Self.scaling[i] * Self.parity[i]
        #expect(abs(value - theirs(kernel[i], j)) < tolerance, comment)
      }
    }
    let coefficients = fit.background?.coefficients ?? []
    #expect(coefficients.count == background.count)
    for (j, value) in coefficients.enumerated() { #expect(abs(value - theirs(background, j)) < tolerance, comment) }
  }

  @Test func oneStamp() throws {
    try check(
      { $0 > 150 && $1 > 150 },
      kernel: [0.959086, -0.000344, -0.197758, 0.000019, -0.000172, 0.000053, 0.000018, -0.192776, 0, 0.000001].map {
        [$0]
      },
      background: [0.602642], "one stamp")
  }

  private static let fixedOfFour = [
    0.969559, -0.000223, -0.198374, 0.000012, -0.000010, 0.000036, -0.000004, -0.206751, 0.000012, 0.000004,
  ].map { [$0] }
  private static let varyingOfFour = [
    [0.969559], [-0.000082, -0.000620, 0.000185], [-0.197749, 0.001418, -0.003321], [0.000002, 0.000049, -0.000016],
    [0.000211, -0.000283, -0.000397], [0.000034, 0.000002, 0.000006], [-0.000013, 0.000041, -0.000010],
    [-0.220238, 0.028395, 0.013148], [0.000019, -0.000025, 0.000003], [0.000003, 0, 0.000005],
  ]

  @Test func fourStamps() throws {
    let four: (Int, Int) -> Bool = { $0 > 90 && $1 > 90 }
    try check(four, kernel: Self.fixedOfFour, background: [0.452304], "orders 0, 0")
    try check(four, kernel: Self.varyingOfFour, background: [0.452304], "orders 1, 0")
    try check(four, kernel: Self.fixedOfFour, background: [0.782113, -0.910963, -0.106636], "orders 0, 1")
    try check(four, kernel: Self.varyingOfFour, background: [0.782113, -0.910963, -0.106636], "orders 1, 1")
  }

  @Test func allStamps() throws {
    let fixed = [
      0.968505, -0.000053, -0.206505, 0.000005, 0.000062, 0.000028, -0.000004, -0.206135, 0.000005, 0.000001,
    ].map { [$0] }
    let varying = [
      [0.968505], [-0.000094, -0.000206, -0.000027, 0.000025, -0.000705, 0.000162],
      [-0.188375, 0.001801, -0.027534, 0.008718, 0.016346, -0.033879],
      [0.000004, 0.000012, 0.000023, 0.000004, 0.000017, -0.000020],
      [0.000128, -0.000218, 0.000304, -0.000038, -0.000151, -0.000531],
      [-0.000011, -0.000013, 0.000038, -0.000017, 0.000133, 0.000093],
      [-0.000003, 0.000003, 0.000006, 0.000008, 0.000002, -0.000010],
      [-0.212235, -0.000856, 0.012246, -0.010893, 0.049302, 0.008249],
      [0.000014, -0.000002, -0.000050, -0.000001, 0.000030, 0.000020],
      [-0.000001, 0.000010, -0.000012, -0.000007, 0.000015, 0.000019],
    ]
    let background = [0.812488, 0.096456, -1.140900, 0.132670, -0.571923, -0.284670]
    try check({ _, _ in true }, kernel: fixed, background: background, "orders 0, 2")
    try check({ _, _ in true }, kernel: varying, background: [0.392482], "orders 2, 0")
    try check({ _, _ in true }, kernel: varying, background: background, "orders 2, 2")
  }
}
