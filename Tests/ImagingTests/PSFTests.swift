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

  /// Gaussians under Gaussians are Gaussians; and where PSF and kernel vary, what they are at a place is what counts.
  @Test func theConvolvedPSFIsWhatSourcesBecome() throws {
    let region = Box2I(minX: 100, minY: -50, width: 400, height: 300)
    let fixed = try PolynomialPSF(
      convolving: KernelPSF(gaussian(1.5), averagePosition: region.center), with: Kernel(gaussian(2, side: 25)),
      over: region)
    let expected = gaussian(2.5, side: 41)
    let image = try fixed.kernelImage(at: Point2D(x: 111, y: 17))
    let peak = expected.pixels.reduce(0, +)
    for v in -8...8 {
      for u in -8...8 { #expect(abs(image[u, v] - expected[20 + u, 20 + v] / peak) < 1e-4 * image[0, 0]) }
    }
    #expect(abs(image.sum - 1) < 1e-12)

    let (linear, edges) = (SpatialBasis(.chebyshev(Box2D(region)), order: 1), Box2D(region))
    let narrow = gaussian(1.5).map { $0 / (2 * .pi * 2.25) }
    let lopsided = Image<Double>(box: Box2I(width: 31, height: 31)) { x, y in
      0.02 * Double(x - 15) * narrow[x, y]
    }
    let psf = try PolynomialPSF(
      Kernel(planes: [narrow, lopsided, lopsided], basis: linear), averagePosition: region.center)
    let wide = gaussian(1.2, side: 21).map { $0 / (2 * .pi * 1.44) }
    let ring = Image<Double>(box: wide.box) { x, y in
      let (dx, dy) = (Double(x - 10), Double(y - 10))
      return 0.03 * (dx * dx + dy * dy - 2.88 + 0.5 * dy) * wide[x, y]
    }
    let kernel = try Kernel(planes: [wide, ring, ring], basis: linear)
    let varying = try PolynomialPSF(convolving: psf, with: kernel, over: region)
    for position in [Point2D(x: 130, y: -20), region.center, Point2D(x: 499, y: 249), Point2D(x: 321, y: 10)] {
      let (own, under) = (try psf.kernelImage(at: position), kernel.image(at: position))
      let found = try varying.kernelImage(at: position)
      #expect(edges.contains(position))
      for v in -7...7 {
        for u in -7...7 {
          var sum = 0.0
          for y in 0..<21 {
            for x in 0..<21 where own.box.contains(Point2I(x: u + x - 10, y: v + y - 10)) {
              sum += under[x, y] * own[u + x - 10, v + y - 10]
            }
          }
          #expect(abs(found[u, v] - sum / under.sum) < 3e-4 * found[0, 0], "\(position) \(u) \(v)")
        }
      }
    }
  }

  /// A PSF that is nowhere, and a kernel under which nothing is left.
  @Test func noConvolvedPSF() throws {
    let psf = try KernelPSF(gaussian(1.5), averagePosition: Point2D(x: 5, y: 5))
    let nothing = try Kernel(Image(box: Box2I(width: 3, height: 3), fill: 0))
    #expect(throws: ImagingError.self) {
      try PolynomialPSF(convolving: psf, with: nothing, over: Box2I(width: 10, height: 10))
    }
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

  @Test(arguments: [1e-17, -1e-17, 1e-300, 0]) func aShiftThatIsNoneLeavesTheImage(_ shift: Double) {
    let image = Image<Double>(box: Box2I(minX: -3, minY: -3, width: 7, height: 7)) { x, y in Double(x * x + y) }
    #expect(image.shifted(x: shift, y: shift) == image)
  }

  /// The image moved by a fraction is what the kernel of Lanczos says, tap by tap.
  @Test(arguments: [0.5, -0.5, 0.25, -0.3, 1e-12, -1e-12, 0.499999, 0.99])
  func movesAreThoseOfLanczos(_ shift: Double) {
    let box = Box2I(minX: -8, minY: -8, width: 17, height: 17)
    let image = Image<Double>(box: box) { x, y in x == 0 && y == 0 ? 1 : 0 }
    let moved = image.shifted(x: shift, y: 0)
    let whole = shift < 0 ? -1 : 0
    let taps = LanczosKernel(order: 5).taps(at: 1 - (shift - Double(whole)))
    // A point becomes the taps, in reverse.
    for (i, tap) in taps.enumerated() {
      #expect(abs(moved[whole + 5 - i, 0] - tap) < 1e-14, "\(i): \(moved[whole + 5 - i, 0]) \(tap)")
    }
    #expect(abs(moved.sum - 1) < 1e-14)
  }
}
