// SPDX-License-Identifier: GPL-3.0-or-later
// PSFs of warps and coadds, against stars that were warped.

import Foundation
import Imaging
import SkyGeometry
import Testing

@Suite struct CoaddPSFTests {
  /// An elliptical Moffat profile that varies over the image.
  private func moffat(_ dx: Double, _ dy: Double, at p: Point2D) -> Double {
    let width = 3.8 + 0.3 * (p.x / 200 - 0.5)
    let (u, v) = (dx + 0.1 * dy, dy * (1.1 - 0.1 * p.y / 200))
    return pow(1 + (u * u + v * v) / (width * width), -3)
  }

  private func psf(over box: Box2I) throws -> PolynomialPSF {
    let positions = (0..<5).flatMap { j in (0..<5).map { Point2D(x: 50 * Double($0), y: 50 * Double(j)) } }
    let half = 25
    let stamp = Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)
    let images = positions.map { p in
      (position: p, image: Image<Double>(box: stamp) { x, y in moffat(Double(x), Double(y), at: p) })
    }
    let kernel = try Kernel(fitting: images, basis: SpatialBasis(.chebyshev(Box2D(box)), order: 3))
    return try PolynomialPSF(kernel, averagePosition: box.center)
  }

  @Test func aWarpedStarHasTheWarpedPSF() throws {
    let box = Box2I(width: 201, height: 201)
    let psf = try psf(over: box)
    let angle = 0.3
    let scale = 1.08
    let map = try AffinePixelMap(
      toSource: AffineTransform(
        xx: scale * cos(angle), xy: -scale * sin(angle), yx: scale * sin(angle), yy: scale * cos(angle), x0: 40.3,
        y0: -20.7))
    let destination = Box2I(minX: -20, minY: -20, width: 240, height: 240)
    let control = WarpControl(kernel: .lanczos(3))
    let component = try #require(
      try CoaddPSF.Component(warping: psf, of: box, to: destination, along: map, control: control))
    for star in [Point2D(x: 80.25, y: 100.5), Point2D(x: 130.8, y: 60.1), Point2D(x: 101, y: 133.4)] {
      // A star drawn with the true profile, warped.
      let norm = try #require(
        [
          Image<Double>(box: Box2I(minX: -25, minY: -25, width: 51, height: 51)) { x, y in
            moffat(Double(x), Double(y), at: star)
          }
        ].first
      ).sum
      let image = Image<Float>(box: box) { x, y in
        Float(moffat(Double(x) - star.x, Double(y) - star.y, at: star) / norm)
      }
      let warped = try warp(
        try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 1)), to: destination,
        along: map, control: control)
      let place = map.toDestination([star])[0]
      #expect(component.contains(place))
      let coadd = try CoaddPSF([component], averagePosition: place)
      let model = try coadd.image(at: place)
      #expect(abs(model.sum - 1) < 1e-3)
      let peak = model.pixels.max() ?? 0
      for y in model.box.minY..<model.box.endY {
        for x in model.box.minX..<model.box.endX where warped.image[x, y].isFinite {
          #expect(abs(Double(warped.image[x, y]) - model[x, y]) < 0.01 * peak, "(\(x), \(y)) of \(star)")
        }
      }
    }
  }

  @Test func theMeanIsOverThoseThatContribute() throws {
    func gaussian(_ fwhm: Double) throws -> Kernel {
      try Kernel(try KernelPSF(gaussianFwhm: fwhm, averagePosition: Point2D(x: 0, y: 0)).kernel)
    }
    func square(_ low: Double, _ high: Double) -> [Point2D] {
      Box2D(minX: low, minY: low, maxX: high, maxY: high).corners
    }
    let sharp = try CoaddPSF.Component(kernel: try gaussian(3), outline: square(0, 20), weight: 1)
    let wide = try CoaddPSF.Component(kernel: try gaussian(6), outline: square(10, 30), weight: 3, image: 1)
    let psf = try CoaddPSF([sharp, wide], averagePosition: Point2D(x: 15, y: 15))
    let only = try psf.kernelImage(at: Point2D(x: 5, y: 5))
    #expect(abs(only[0, 0] - (try #require(try gaussian(3).planes[0].pixels.max()))) < 1e-12)
    let both = try psf.kernelImage(at: Point2D(x: 15, y: 15))
    let expected = (only[0, 0] + 3 * (try psf.kernelImage(at: Point2D(x: 25, y: 25)))[0, 0]) / 4
    #expect(abs(both[0, 0] - expected) < 1e-12)
    #expect(abs(both.sum - 1) < 1e-12)
    #expect(throws: ImagingError.self) { try psf.kernelImage(at: Point2D(x: 35, y: 5)) }
    #expect(throws: ImagingError.self) { try psf.kernelImage(at: Point2D(x: .nan, y: 5)) }
    let light = try CoaddPSF(
      try CoaddPSF([sharp], averagePosition: Point2D(x: 5, y: 5)).components(asImage: 4, weight: 0.5)
        + CoaddPSF([wide], averagePosition: Point2D(x: 5, y: 5)).components(asImage: 9, weight: 0.5),
      averagePosition: Point2D(x: 15, y: 15))
    #expect(try light.kernelImage(at: Point2D(x: 15, y: 15)) == both)
    #expect(throws: ImagingError.self) { try psf.components(asImage: 0, weight: 0) }
    // Of the detectors of one visit the first counts.
    let visit = try CoaddPSF(
      try psf.components(asImage: 2, weight: 1), averagePosition: Point2D(x: 15, y: 15))
    #expect(try visit.kernelImage(at: Point2D(x: 15, y: 15)) == only)
    #expect(throws: ImagingError.self) {
      try CoaddPSF.Component(kernel: gaussian(3), outline: [Point2D(x: 0, y: 0)], weight: 1)
    }
  }

  @Test func theMiddleOfAnOverlapIsInsideOfIt() throws {
    let kernel = try Kernel(try KernelPSF(gaussianFwhm: 3, averagePosition: Point2D(x: 0, y: 0)).kernel)
    // A square on its corner, of which the box has a corner of the hull only, and then a part.
    let outline = [Point2D(x: 50, y: 0), Point2D(x: 100, y: 50), Point2D(x: 50, y: 100), Point2D(x: 0, y: 50)]
    let component = try CoaddPSF.Component(kernel: kernel, outline: outline, weight: 1)
    #expect(component.overlap(with: Box2I(width: 20, height: 20)) == nil)
    let part = try #require(component.overlap(with: Box2I(width: 40, height: 40)))
    #expect(component.contains(part.position))
    #expect(abs(part.area - 450) < 120)
    let whole = try #require(component.overlap(with: Box2I(minX: -50, minY: -50, width: 300, height: 300)))
    #expect(abs(whole.area - 5000) < 500 && whole.position.distance(to: Point2D(x: 50, y: 50)) < 5)
  }

  @Test func aSourceThatDoesNotReachIsNoComponent() throws {
    let box = Box2I(width: 201, height: 201)
    let map = try AffinePixelMap(toSource: AffineTransform(x0: 1000))
    #expect(
      try CoaddPSF.Component(
        warping: psf(over: box), of: box, to: box, along: map, control: WarpControl()) == nil)
  }
}
