// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

@Suite struct WarpTests {
  static let scale = 0.2 / 3600

  /// A map that turns, shears and stretches, as between a detector and a patch.
  static func map() throws -> AffinePixelMap {
    let a = 0.21
    return try AffinePixelMap(
      toSource: AffineTransform(
        xx: 1.03 * cos(a), xy: -0.98 * sin(a), yx: 1.01 * sin(a), yy: cos(a), x0: 12.3, y0: -20.7))
  }

  @Test(
    .enabled(if: GoldenFile.isAvailable("U_warp.h5"), "needs shared/golden and the Python environment of `make test`"),
    arguments: ["bilinear", "lanczos3", "lanczos4", "lanczos5"])
  func agreesWithTheReferenceSystem(_ name: String) throws {
    let inputs = try GoldenFile("U_unit.h5")
    let golden = try GoldenFile("U_warp.h5")
    defer {
      inputs.remove()
      golden.remove()
    }
    let input = try MaskedImage(
      image: inputs["conv_in_image"].image(), mask: Mask(bits: inputs["conv_in_mask"].bits()),
      variance: inputs["conv_in_variance"].image())
    let cd = try golden["dst_cd"].doubles
    let pixel = try golden["dst_crpix0"].doubles
    let reference = SpherePoint(raDegrees: 150, decDegrees: 2)
    // The source is the 200² scene, its reference pixel at the centre, 0.2″ a pixel.
    let source = try SkyWCS(
      referencePixel: Point2D(x: 99.5, y: 99.5), reference: reference,
      cd: AffineTransform(xx: -Self.scale, yy: Self.scale))
    let destination = try SkyWCS(
      referencePixel: Point2D(x: pixel[0], y: pixel[1]), reference: reference,
      cd: AffineTransform(xx: cd[0], xy: cd[1], yx: cd[2], yy: cd[3]))
    let result = try warp(
      input, to: Box2I(width: 180, height: 170), along: WCSPixelMap(destination: destination, source: source),
      control: WarpControl(kernel: WarpingKernel(named: name)))
    let image = try golden[name + "_image"].image()
    let variance = try golden[name + "_variance"].image()
    #expect(result.mask.bits == (try golden[name + "_mask"].bits()))
    // The block of 8,000 counts makes the largest absolute sums: 10,000 counts times 2⁻²³, a few times over, and the
    // gradient at its edge, 8,000 counts a pixel, times the reference's own float rounding of positions near 170 (1e-5 px
    // would be 0.08; what is seen is float64 positions on both sides).
    for (found, expected, name) in [(result.image, image, "image"), (result.variance, variance, "variance")] {
      var worst = 0.0
      for (a, b) in zip(found.pixels, expected.pixels) {
        if a.isNaN && b.isNaN || a == b { continue }
        worst = max(worst, abs(Double(a) - Double(b)).isNaN ? .infinity : abs(Double(a) - Double(b)))
      }
      #expect(worst < 5e-3, "\(name) differs by \(worst)")
    }
  }

  @Test(arguments: ["bilinear", "lanczos2", "lanczos3", "lanczos4", "lanczos5", "lanczos8"])
  func fastPathAgreesWithTheFormula(_ name: String) throws {
    var scene = try testScene(Box2I(minX: -7, minY: 30, width: 83, height: 67), seed: 3)
    try scene.update { image, _, variance in
      image[10, 60] = .nan
      variance[40, 70] = .infinity
    }
    let box = Box2I(minX: 15, minY: 25, width: 64, height: 81)
    let control = WarpControl(kernel: try WarpingKernel(named: name))
    let fast = try warp(scene, to: box, along: Self.map(), control: control)
    let obvious = try obviousWarp(scene, to: box, along: Self.map(), control: control)
    #expect(fast.mask.bits == obvious.mask.bits)
    let peak = scene.image.pixels.filter(\.isFinite).max() ?? 1
    for (a, b) in zip(fast.image.pixels + fast.variance.pixels, obvious.image.pixels + obvious.variance.pixels) {
      #expect((a.isNaN && b.isNaN) || a == b || abs(a - b) < 2e-6 * peak)
    }
  }

  @Test(arguments: ["lanczos3", "lanczos5"]) func identityChangesNothing(_ name: String) throws {
    var scene = try testScene(Box2I(width: 40, height: 40), seed: 1)
    try scene.update { image, _, _ in image[20, 20] = .nan }
    let control = WarpControl(kernel: try WarpingKernel(named: name))
    let half = control.kernel.tapCount / 2
    let inner = Box2I(minX: half - 1, minY: half - 1, width: 41 - 2 * half, height: 41 - 2 * half)
    let result = try warp(scene, to: inner, along: AffinePixelMap(toSource: AffineTransform()), control: control)
    let expected = scene.cropped(to: inner)
    #expect(result.mask.bits == expected.mask.bits)
    #expect(result.variance == expected.variance)
    for (a, b) in zip(result.image.pixels, expected.image.pixels) { #expect(a == b || (a.isNaN && b.isNaN)) }
  }

  /// Flux within 0.1 % in a Gaussian aperture of twice the star's width and centroid within 0.002 px by PSF fitting, for the
  /// seeing of good and bad nights, any turn and any part of a pixel.
  ///
  /// A windowed sinc passes a star's own frequencies with gains up to 1.0012, which a fitted amplitude sees, and its ripple
  /// lets a hard aperture's flux scatter by up to 0.25 %; the reference system's warps, with which ours agree, do the same.
  @Test(arguments: [2.4, 3.0, 4.0]) func starsKeepFluxAndPosition(_ fwhm: Double) throws {
    var random = SeededRandom(UInt64(fwhm * 10))
    let sigma = fwhm / 2.354820045
    let destination = Box2I(width: 61, height: 61)
    let source = Box2I(width: 121, height: 121)
    for _ in 0..<40 {
      let angle = random.uniform(0...2 * .pi)
      let stretch = (random.uniform(0.98...1.02), random.uniform(0.98...1.02))
      let turn = AffineTransform(
        xx: stretch.0 * cos(angle), xy: -stretch.1 * sin(angle), yx: stretch.0 * sin(angle), yy: stretch.1 * cos(angle))
      let middle = turn(Point2D(x: 30, y: 30))
      let map = try AffinePixelMap(
        toSource: AffineTransform(
          xx: turn.xx, xy: turn.xy, yx: turn.yx, yy: turn.yy, x0: 60 - middle.x, y0: 60 - middle.y))
      let center = Point2D(x: 60 + random.uniform(-0.5...0.5), y: 60 + random.uniform(-0.5...0.5))
      var image = Image<Float>(box: source, fill: 0)
      addStar(to: &image, at: center, sigma: sigma, flux: 10000)
      let input = try MaskedImage(image: image, mask: Mask(box: source), variance: Image(box: source, fill: 1))
      let output = try warp(input, to: destination, along: map, control: WarpControl(kernel: .lanczos(5)))
      let area = abs(turn.determinant)
      func model(_ pixel: Point2D) -> Double {
        let d = map.toSource([pixel])[0] - center
        return 10000 * area / (2 * .pi * sigma * sigma) * exp(-(d.x * d.x + d.y * d.y) / (2 * sigma * sigma))
      }
      let fit = fitStar(output.image, model: model)
      #expect(abs(fit.scale - 1) < 1.3e-3, "amplitude times \(fit.scale)")
      let star = Image(box: destination) { x, y in Float(model(Point2D(x: Double(x), y: Double(y)))) }
      let aperture = gaussianFlux(output.image, at: map.toDestination([center])[0], sigma: 2 * sigma)
      let expected = gaussianFlux(star, at: map.toDestination([center])[0], sigma: 2 * sigma)
      #expect(abs(aperture / expected - 1) < 1e-3, "flux times \(aperture / expected)")
      #expect(hypot(fit.dx, fit.dy) < 0.002, "off by \(hypot(fit.dx, fit.dy)) px")
    }
  }

  @Test func noiseFollowsTheVariancePlane() throws {
    let source = Box2I(width: 400, height: 400)
    let input = try MaskedImage(
      image: noiseImage(source, sigma: 3, seed: 8), mask: Mask(box: source), variance: Image(box: source, fill: 9))
    let map = try AffinePixelMap(
      toSource: AffineTransform(xx: 1.01, xy: 0.08, yx: -0.07, yy: 0.99, x0: 20, y0: 40))
    let box = Box2I(width: 300, height: 300)
    for name in ["bilinear", "lanczos3", "lanczos5"] {
      let output = try warp(input, to: box, along: map, control: WarpControl(kernel: WarpingKernel(named: name)))
      let measured = try PixelStatistics(of: output.image, .moments).variance
      let predicted = try PixelStatistics(of: output.variance, .moments).mean
      // 90,000 correlated pixels: a few percent at most.
      #expect(abs(measured / predicted - 1) < 0.04, "\(name): \(measured / predicted)")
    }
  }

  /// A distorted system: the grid of nodes must follow it as closely as the control says.
  @Test func distortedSystemsAreFollowed() throws {
    let cards = [
      "CTYPE1  = 'RA---TAN-SIP'", "CTYPE2  = 'DEC--TAN-SIP'", "CRPIX1  = 100.0", "CRPIX2  = 120.0", "CRVAL1  = 0.001",
      "CRVAL2  = 40.0", "CD1_1   = -5.5E-5", "CD1_2   = 1E-6", "CD2_1   = 1.0E-6", "CD2_2   = 5.5E-5", "A_ORDER = 2",
      "B_ORDER = 2", "A_2_0   = 3.0E-5", "A_0_2   = -1.0E-5", "B_1_1   = 2.0E-5", "B_2_0   = 1.0E-5",
    ]
    let source = try SkyWCS(header: cards)
    let destination = try SkyWCS(
      projection: "STG", referencePixel: Point2D(x: 60, y: 60),
      reference: SpherePoint(raDegrees: 359.999, decDegrees: 40),
      cd: AffineTransform(xx: -5.5e-5, yy: 5.5e-5))
    let scene = try testScene(Box2I(width: 220, height: 240), seed: 10)
    let map = WCSPixelMap(destination: destination, source: source)
    let box = Box2I(minX: -20, minY: -20, width: 190, height: 190)
    let obvious = try obviousWarp(scene, to: box, along: map)
    for tolerance in [1e-2, 1e-4] {
      let fast = try warp(scene, to: box, along: map, control: WarpControl(positionTolerance: tolerance))
      let peak = Double(scene.image.pixels.max() ?? 1)
      var worst = 0.0
      for (a, b) in zip(fast.image.pixels, obvious.image.pixels) where a.isFinite && b.isFinite {
        worst = max(worst, abs(Double(a - b)))
      }
      // A star of σ 1.8 changes by at most 0.4 of its peak a pixel.
      #expect(worst < (tolerance + 3e-5) * peak, "tolerance \(tolerance): \(worst / peak)")
    }
  }

  /// A map whose second derivatives cancel at the middle of every cell, but not on the cells' edges.
  @Test func conformalDistortionIsFollowed() throws {
    struct Saddle: PixelMap {
      func toSource(_ positions: [Point2D]) -> [Point2D] {
        positions.map { Point2D(x: $0.x + 1e-5 * ($0.x * $0.x - $0.y * $0.y), y: $0.y + 2e-5 * $0.x * $0.y) }
      }
      func toDestination(_ positions: [Point2D]) -> [Point2D] { positions }
    }
    let scene = try testScene(Box2I(width: 260, height: 260), seed: 4)
    let box = Box2I(minX: 10, minY: 10, width: 230, height: 230)
    let fast = try warp(scene, to: box, along: Saddle())
    let obvious = try obviousWarp(scene, to: box, along: Saddle())
    let peak = Double(scene.image.pixels.max() ?? 1)
    for (a, b) in zip(fast.image.pixels, obvious.image.pixels) where a.isFinite && b.isFinite {
      #expect(abs(Double(a - b)) < 1.3e-4 * peak)
    }
  }

  @Test func impossibleControlsAreErrors() throws {
    let scene = try testScene(Box2I(width: 30, height: 30), seed: 5)
    let identity = try AffinePixelMap(toSource: AffineTransform())
    for control in [
      WarpControl(kernel: .lanczos(9)), WarpControl(kernel: .lanczos(-1)), WarpControl(positionTolerance: .nan),
      WarpControl(positionTolerance: -1),
    ] {
      #expect(throws: ImagingError.self) { try warp(scene, to: scene.box, along: identity, control: control) }
    }
  }

  @Test func whatTheSourceDoesNotReachHasNoData() throws {
    let scene = try testScene(Box2I(width: 30, height: 30), seed: 5)
    let far = try warp(
      scene, to: Box2I(minX: 1000, minY: 1000, width: 20, height: 20),
      along: AffinePixelMap(toSource: AffineTransform()))
    #expect(far.image.pixels.allSatisfy { $0.isNaN })
    #expect(far.variance.pixels.allSatisfy { $0 == .infinity })
    let noData = try far.mask.planes.bitMask("NO_DATA")
    #expect(far.mask.count(noData) == 400)

    // The far side of the sky, an empty destination, an empty source, a source smaller than the kernel, one pixel.
    let here = try SkyWCS(
      referencePixel: Point2D(x: 0, y: 0), reference: SpherePoint(raDegrees: 10, decDegrees: 10),
      cd: AffineTransform(xx: -1e-4, yy: 1e-4))
    let there = try SkyWCS(
      referencePixel: Point2D(x: 0, y: 0), reference: SpherePoint(raDegrees: 190, decDegrees: -10),
      cd: AffineTransform(xx: -1e-4, yy: 1e-4))
    let map = WCSPixelMap(destination: there, source: here)
    #expect(try warp(scene, to: Box2I(width: 9, height: 9), along: map).image.pixels.allSatisfy { $0.isNaN })
    let identity = try AffinePixelMap(toSource: AffineTransform())
    #expect(try warp(scene, to: Box2I(width: 0, height: 5), along: identity).image.pixels.isEmpty)
    #expect(try warp(MaskedImage(box: Box2I(width: 0, height: 0)), to: scene.box, along: identity).image[0, 0].isNaN)
    #expect(try warp(MaskedImage(box: Box2I(width: 3, height: 3)), to: scene.box, along: identity).image[1, 1].isNaN)
    #expect(
      try warp(scene, to: Box2I(minX: 15, minY: 15, width: 1, height: 1), along: identity).image[15, 15]
        == scene.image[15, 15])
  }

  @Test func unknownKernelsAreErrors() {
    for name in ["", "lanczos", "lanczos1", "lanczos9", "lanczos-3", "Bilinear", "nearest3"] {
      #expect(throws: ImagingError.self) { try WarpingKernel(named: name) }
    }
    #expect(throws: ImagingError.self) { try AffinePixelMap(toSource: AffineTransform(xx: 0, yy: 0)) }
  }

  @Test func lanczosTapsSumToOneAndVanishAtWholePixels() {
    for order in 2...8 {
      let kernel = LanczosKernel(order: order)
      for step in 0...10 { #expect(abs(kernel.taps(at: Double(step) / 10).reduce(0, +) - 1) < 1e-14) }
      #expect(kernel.taps(at: 0).filter { $0 != 0 } == [1])
      #expect(kernel.taps(at: 1).filter { $0 != 0 } == [1])
    }
  }
}
