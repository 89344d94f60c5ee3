// SPDX-License-Identifier: GPL-3.0-or-later
// The operations on images that every task is made of.

import Foundation
import Imaging
import SkyGeometry

/// Measures the operations on one image size.
struct ImagingStages {
  let side: Int
  let limits: MachineLimits
  let scene: MaskedImage
  private var pixels: Double { Double(side * side) }

  init(side: Int, limits: MachineLimits) throws {
    self.side = side
    self.limits = limits
    scene = try benchmarkScene(side: side)
  }

  /// The beginnings of the operations' names.
  static let names = [
    "convolve varying", "convolve fixed", "convolve separable", "warp lanczos(3)", "warp lanczos(5)",
    "background mesh, 64 px", "background mesh, 128 px", "clipped statistics", "match backgrounds",
  ]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    var results: [Measurement] = []
    func run(_ name: String, _ stage: () throws -> Measurement) rethrows {
      if isWanted(name) { results.append(try stage()) }
    }

    try run("convolve varying") { try convolution(order: 2) }
    try run("convolve fixed") { try convolution(order: 0) }
    try run("convolve separable") { try separable() }
    try run("warp lanczos(3)") { try warping(.lanczos(3)) }
    try run("warp lanczos(5)") { try warping(.lanczos(5)) }
    try run("background mesh, 64 px") { try background(binSize: 64) }
    try run("background mesh, 128 px") { try background(binSize: 128) }
    try run("clipped statistics") { try statistics() }
    try run("match backgrounds") { perPixel(try backgroundMatching(binSize: 128)) }
    return results
  }

  private func convolution(order: Int) throws -> Measurement {
    let kernel = try benchmarkKernel(side: 21, order: order, over: scene.box)
    var result = try measure(
      order == 0
        ? "convolve fixed, 21×21, image + variance + mask"
        : "convolve varying, 21×21, order \(order), image + variance + mask",
      side: side, runs: 3
    ) { keep(try convolve(scene, with: kernel)) }
    // The useful work: one multiply-add a kernel pixel for each of two planes, however the result is reached.
    result.rate = 2 * 441 * pixels * 2 / result.seconds / 1e9
    result.unit = "GFLOP/s"
    result.partOfLimit = limits.multiplyAdd.rate.flatMap { limit in result.rate.map { $0 / limit } }
    return result
  }

  private func separable() throws -> Measurement {
    let kernel = try SeparableKernel(gaussianSigma: 2, halfWidth: 10)
    return perPixel(
      try measure("convolve separable, 21+21, image + variance + mask", side: side, runs: 3) {
        keep(try convolve(scene, with: kernel))
      })
  }

  private func warping(_ kernel: WarpingKernel) throws -> Measurement {
    let scale = 0.2 / 3600
    let middle = Point2D(x: Double(side) / 2, y: Double(side) / 2)
    let reference = SpherePoint(raDegrees: 150, decDegrees: 2)
    let source = try SkyWCS(header: distortedHeader(scale: scale, middle: middle))
    let destination = try SkyWCS(
      projection: "STG", referencePixel: middle, reference: reference,
      cd: AffineTransform(xx: -0.999 * scale, xy: 0.03 * scale, yx: 0.03 * scale, yy: 0.999 * scale))
    let map = WCSPixelMap(destination: destination, source: source)
    let control = WarpControl(kernel: kernel)
    return perPixel(
      try measure("warp \(kernel), TPV to STG, image + variance + mask", side: side, runs: 3) {
        keep(try warp(scene, to: scene.box, along: map, control: control))
      })
  }

  /// A wide camera's distortion: cubic terms that move the corner by a few pixels.
  private func distortedHeader(scale: Double, middle: Point2D) -> [String] {
    [
      "CTYPE1  = 'RA---TPV'", "CTYPE2  = 'DEC--TPV'", "CRPIX1  = \(middle.x + 1)", "CRPIX2  = \(middle.y + 1)",
      "CRVAL1  = 150.0", "CRVAL2  = 2.0", "CD1_1   = \(-scale)", "CD1_2   = 0.0", "CD2_1   = 0.0", "CD2_2   = \(scale)",
      "PV1_1   = 1.0", "PV2_1   = 1.0", "PV1_7   = 0.01", "PV2_7   = 0.01", "PV1_9   = 0.01", "PV2_9   = 0.01",
    ]
  }

  private func background(binSize: Int) throws -> Measurement {
    let control = try Background.Control(covering: scene.box, binSize: binSize)
    return perPixel(
      try measure("background mesh, \(binSize) px, and its surface", side: side, runs: 3) {
        keep(try Background(of: scene.image, mask: scene.mask, control).image(undersample: .reduceInterpOrder))
      })
  }

  private func statistics() throws -> Measurement {
    perPixel(
      try measure("clipped statistics of the whole image", side: side, runs: 3) {
        keep(try PixelStatistics(of: scene.image, mask: scene.mask))
      })
  }

  private func perPixel(_ measurement: Measurement) -> Measurement {
    var result = measurement
    result.rate = measurement.seconds / pixels * 1e9
    result.unit = "ns/px"
    return result
  }
}

/// Sky noise with stars, some of them masked.
func benchmarkScene(side: Int) throws -> MaskedImage {
  var state: UInt64 = 42
  func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-53
  }
  let box = Box2I(width: side, height: side)
  // Twelve uniform numbers make a Gaussian good enough for timing.
  var image = Image<Float>(box: box) { x, y in
    Float(100 + 5e-3 * Double(x + y) + 10 * ((0..<4).reduce(0) { sum, _ in sum + next() } - 2) * 1.732)
  }
  var mask = Mask(box: box)
  for _ in 0..<side * side / 4000 {
    let (cx, cy, flux) = (next() * Double(side), next() * Double(side), 200 / (next() + 1e-3))
    for y in max(0, Int(cy) - 8)..<min(side, Int(cy) + 9) {
      for x in max(0, Int(cx) - 8)..<min(side, Int(cx) + 9) {
        let r2 = (Double(x) - cx) * (Double(x) - cx) + (Double(y) - cy) * (Double(y) - cy)
        image[x, y] += Float(flux * exp(-r2 / 8))
        if flux > 20000, r2 < 9 { mask[x, y] |= 2 }
      }
    }
  }
  return try MaskedImage(image: image, mask: mask, variance: Image(box: box, fill: 100))
}

/// Three Gaussians with polynomials whose weights vary over the image, as image subtraction fits them: 18 functions.
func benchmarkKernel(side: Int, order: Int, over region: Box2I) throws -> Kernel {
  let half = side / 2
  let images = [0.7, 1.4, 2.8].flatMap { sigma in
    [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)].map { p, q in
      Image<Double>(box: Box2I(width: side, height: side)) { x, y in
        let (u, v) = (Double(x - half) / sigma, Double(y - half) / sigma)
        return exp(-(u * u + v * v) / 2) * pow(u, Double(p)) * pow(v, Double(q)) / (sigma * sigma)
      }
    }
  }
  let basis = SpatialBasis(.chebyshev(Box2D(region)), order: order)
  // A tenth of the kernel changes across the image, a hundredth of it with the square of the position.
  let coefficients = images.indices.map { i in
    (0..<basis.termCount).map { term in
      let size = i % 6 == 0 ? 0.1 : 0.01 * Double(i % 5)
      return size * (term == 0 ? 1 : term < 3 ? 0.1 : 0.02) * (i % 2 == 0 ? 1 : -1)
    }
  }
  return try Kernel(images: images, coefficients: coefficients, basis: basis)
}
