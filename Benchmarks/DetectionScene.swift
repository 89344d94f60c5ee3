// SPDX-License-Identifier: GPL-3.0-or-later
// A difference with sources, to find and measure them on.

import Foundation
import Imaging
import SkyGeometry

/// White noise of variance 25 with Gaussian point sources of σ 2 px on a grid, 10 to 200 times as bright as their error; every fourth is negative.
struct DetectionScene {
  let difference: Exposure
  let score: Exposure
  /// Exposures of the same pixels, for what is measured on them.
  let science: Exposure
  let positions: [Point2D]

  static let sigma = 2.0
  private static let half = 15

  /// White noise of variance 25 alone.
  static func noise(side: Int, seed: UInt64) throws -> Exposure {
    var state = seed
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // The lowest bits of such a sequence repeat; the upper ones, mixed, do not.
      var bits = state ^ (state >> 33)
      bits = bits &* 0xFF51_AFD7_ED55_8CCD
      return (Double((bits ^ (bits >> 33)) >> 11) + 0.5) * 0x1p-53
    }
    let box = Box2I(width: side, height: side)
    let image = Image<Float>(box: box) { _, _ in
      Float(5 * (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()))
    }
    return Exposure(
      try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 25)),
      psf: try KernelPSF(gaussianFwhm: sigma * fwhmPerSigma, averagePosition: box.center))
  }

  /// - Parameter spacing: of the grid, pixels.
  init(side: Int, spacing: Int) throws {
    var state: UInt64 = 77
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    func gaussian() -> Double {
      (-2 * log(uniform() + 1e-300)).squareRoot() * cos(2 * .pi * uniform())
    }
    let box = Box2I(width: side, height: side)
    var image = Image<Float>(box: box) { _, _ in Float(5 * gaussian()) }
    let profile = Image<Double>(box: Box2I(minX: -Self.half, minY: -Self.half, width: 31, height: 31)) { x, y in
      exp(-Double(x * x + y * y) / (2 * Self.sigma * Self.sigma))
    }
    let psf = try KernelPSF(profile, averagePosition: box.center)
    let error = 5 * 2 * Double.pi.squareRoot() * Self.sigma
    var positions: [Point2D] = []
    for j in 0..<max(0, (side - 80) / spacing) {
      for i in 0..<max(0, (side - 80) / spacing) {
        let center = Point2D(
          x: 40 + Double(i * spacing) + uniform(), y: 40 + Double(j * spacing) + uniform())
        positions.append(center)
        let flux = error * 10 * pow(20, uniform()) * (positions.count % 4 == 0 ? -1 : 1)
        guard let pixel = center.pixel else { continue }
        for y in pixel.y - 10...pixel.y + 10 {
          for x in pixel.x - 10...pixel.x + 10 {
            let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
            image[x, y] += Float(flux / (8 * .pi) * exp(-(dx * dx + dy * dy) / 8))
          }
        }
      }
    }
    self.positions = positions
    let wcs = try SkyWCS(
      referencePixel: box.center, reference: SpherePoint(raDegrees: 45, decDegrees: 30),
      cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
    let masked = try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 25))
    difference = Exposure(masked, psf: psf, wcs: wcs, photoCalib: try PhotoCalib(mean: 1))
    science = difference
    var score = difference
    let kernel = try SeparableKernel(gaussianSigma: Self.sigma, halfWidth: 7)
    score.maskedImage = try MaskedImage(
      image: try convolve(image, with: kernel), mask: masked.mask,
      variance: try convolveVariance(masked.variance, with: kernel))
    self.score = score
  }
}
