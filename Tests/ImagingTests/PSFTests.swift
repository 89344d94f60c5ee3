// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct PSFTests {
  private func gaussian(_ sigma: Double, side: Int = 31) -> Image<Double> {
    Image(box: Box2I(width: side, height: side)) { x, y in
      let (dx, dy) = (Double(x - side / 2), Double(y - side / 2))
      return exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
    }
  }

  @Test func kernelImageHasSumOneAndItsCentreAtZero() throws {
    let psf = try KernelPSF(gaussian(2), averagePosition: Point2D(x: 100, y: 50))
    let image = psf.kernelImage(at: Point2D(x: 3, y: 4))
    #expect(abs(image.sum - 1) < 1e-14)
    #expect(image.box == Box2I(minX: -15, minY: -15, width: 31, height: 31))
    #expect(image[0, 0] == image.pixels.max())
  }

  /// The shifted image against the Gaussian drawn where it should be.
  @Test func imageIsCentredOnThePosition() throws {
    let psf = try KernelPSF(gaussian(2), averagePosition: Point2D(x: 0, y: 0))
    for position in [
      Point2D(x: 10, y: 20), Point2D(x: 10.3, y: 20.5), Point2D(x: -7.49, y: 3.2), Point2D(x: 0.5, y: -0.5),
    ] {
      let image = try psf.image(at: position)
      for y in image.box.minY..<image.box.endY {
        for x in image.box.minX..<image.box.endX {
          let (dx, dy) = (Double(x) - position.x, Double(y) - position.y)
          let expected = exp(-(dx * dx + dy * dy) / 8) / (8 * .pi)
          // Lanczos-5's gain is within 0.24 % over the star's frequencies; the peak is 0.04.
          #expect(abs(image[x, y] - expected) < 9.6e-5)
        }
      }
      #expect(abs(image.sum - 1) < 1e-3)
    }
    #expect(throws: ImagingError.self) { try psf.image(at: Point2D(x: .nan, y: 0)) }
  }

  @Test(
    .enabled(
      if: GoldenFile.isAvailable("F_imagepsf.h5"), "needs shared/golden and the Python environment of `make test`"))
  func agreesWithTheReferenceSystem() throws {
    let golden = try GoldenFile("F_imagepsf.h5")
    defer { golden.remove() }
    let stamp = try golden["psf"]
    let psf = try KernelPSF(
      Image(box: Box2I(width: 33, height: 33), pixels: stamp.doubles), averagePosition: Point2D(x: 0, y: 0))
    let (positions, origins) = (try golden["psf_eval_xy"].doubles, try golden["psf_eval_xy0"].doubles)
    let images = try golden["psf_eval_images"].planes()
    #expect(images.count == 4)
    for (i, expected) in images.enumerated() {
      let image = try psf.image(at: Point2D(x: positions[2 * i], y: positions[2 * i + 1]))
      #expect(Double(image.box.minX) == origins[2 * i] && Double(image.box.minY) == origins[2 * i + 1])
      // The reference passes the fraction of a pixel through float32: 3e-8 px times the steepest slope, 0.03 a pixel.
      for (a, b) in zip(image.pixels, expected.pixels) { #expect(abs(a - b) < 1e-8) }
    }
  }

  @Test func polynomialModelFollowsThePosition() throws {
    let basis = SpatialBasis(.polynomial, order: 1)
    let narrow = gaussian(1.5)
    let wide = gaussian(2.5)
    let slope = Image<Double>(box: narrow.box) { x, y in (wide[x, y] - narrow[x, y]) / 1000 }
    let flat = narrow.map { _ in 0.0 }
    let psf = try PolynomialPSF(
      Kernel(planes: [narrow, slope, flat], basis: basis), averagePosition: Point2D(x: 500, y: 0))
    let left = try psf.kernelImage(at: Point2D(x: 0, y: 7))
    let right = try psf.kernelImage(at: Point2D(x: 1000, y: 7))
    let expected = (narrow.map { $0 / narrow.sum }, wide.map { $0 / wide.sum })
    for (a, b) in zip(left.pixels + right.pixels, expected.0.pixels + expected.1.pixels) { #expect(abs(a - b) < 1e-12) }
    #expect(throws: ImagingError.self) { try psf.kernelImage(at: Point2D(x: .infinity, y: 0)) }
  }

  @Test func impossibleModelsAreErrors() throws {
    let center = Point2D(x: 0, y: 0)
    #expect(throws: ImagingError.self) { try KernelPSF(self.gaussian(2, side: 30), averagePosition: center) }
    let zero = gaussian(2).map { _ in 0.0 }
    #expect(throws: ImagingError.self) { try KernelPSF(zero, averagePosition: center) }
    let undefined = gaussian(2).map { _ in Double.nan }
    #expect(throws: ImagingError.self) { try KernelPSF(undefined, averagePosition: center) }
    #expect(throws: ImagingError.self) {
      try PSFExModel(components: [], degree: 0, zero: center, scale: Point2D(x: 1, y: 1), sampling: 1)
    }
    for sampling in [0, -1, Double.nan, 1e9, 100] {
      #expect(throws: ImagingError.self) {
        try PSFExModel(
          components: [self.gaussian(2, side: 131)], degree: 0, zero: center, scale: Point2D(x: 1, y: 1),
          sampling: sampling)
      }
    }
  }
}
