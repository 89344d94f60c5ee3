// SPDX-License-Identifier: GPL-3.0-or-later
// Stars whose positions are known.

import Foundation
import Imaging
import SkyGeometry

/// White noise of variance 25 with stars of σ 2 px, 10 to 200 times as bright as their error: as many that none touches another, or as many in a sixteenth of
/// the area.
struct ForcedScene {
  let exposure: Exposure
  let positions: [Point2D]

  static let sigma = 2.0
  static let half = 12
  private static let spacing = 40

  /// - Parameters:
  ///   - isCrowded: all in the middle, anywhere.
  ///   - psf: what the stars look like.
  init(side: Int, isCrowded: Bool, psf: any PSF) throws {
    var state: UInt64 = 91
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    var exposure = try DetectionScene.noise(side: side, seed: 5)
    let columns = max(1, (side - 96) / Self.spacing)
    let (first, width) = (0.375 * Double(side), 0.25 * Double(side))
    positions = (0..<columns * columns).map { i in
      isCrowded
        ? Point2D(x: first + width * uniform(), y: first + width * uniform())
        : Point2D(
          x: Double(48 + i % columns * Self.spacing) + uniform(), y: Double(48 + i / columns * Self.spacing) + uniform()
        )
    }
    var image = exposure.maskedImage.image
    let error = 5 * 2 * Double.pi.squareRoot() * Self.sigma
    for position in positions {
      let flux = error * 10 * pow(20, uniform())
      let stamp = try psf.image(at: position)
      for y in stamp.box.minY..<stamp.box.endY {
        for x in stamp.box.minX..<stamp.box.endX { image[x, y] += Float(flux * stamp[x, y]) }
      }
    }
    exposure.maskedImage = try MaskedImage(
      image: image, mask: exposure.maskedImage.mask, variance: exposure.maskedImage.variance)
    exposure.psf = psf
    self.exposure = exposure
  }
}

/// The Gaussian at any position, without interpolation: what other programs have as a function.
struct AnalyticGaussianPSF: PSF {
  let averagePosition = Point2D(x: 0, y: 0)

  func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> { try image(at: averagePosition) }

  func image(at position: Point2D) throws(ImagingError) -> Image<Double> {
    guard let pixel = position.pixel else { throw .outOfRange("there is no PSF at (\(position.x), \(position.y))") }
    let (half, sigma) = (ForcedScene.half, ForcedScene.sigma)
    func profile(_ center: Int, _ position: Double) -> [Double] {
      (-half...half).map { k in
        let t = (Double(center + k) - position) / sigma
        return exp(-t * t / 2) / (sigma * (2 * Double.pi).squareRoot())
      }
    }
    let (alongX, alongY) = (profile(pixel.x, position.x), profile(pixel.y, position.y))
    let box = Box2I(minX: pixel.x - half, minY: pixel.y - half, width: 2 * half + 1, height: 2 * half + 1)
    return Image(box: box) { x, y in alongX[x - box.minX] * alongY[y - box.minY] }
  }
}
