// SPDX-License-Identifier: GPL-3.0-or-later
// Images for tests.

import Foundation
package import Imaging
package import SkyGeometry

/// White noise of a standard deviation about a level.
package func noiseImage(_ box: Box2I, level: Double = 0, sigma: Double = 1, seed: UInt64) -> Image<Float> {
  var random = SeededRandom(seed)
  return Image(box: box) { _, _ in Float(level + sigma * random.gaussian()) }
}

/// A Gaussian star sampled at pixel centres; `flux` is its sum over the plane.
package func addStar(
  to image: inout Image<Float>, at center: Point2D, sigma: Double, flux: Double
) {
  let norm = flux / (2 * .pi * sigma * sigma)
  for y in image.box.minY..<image.box.endY {
    for x in image.box.minX..<image.box.endX {
      let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
      let r2 = dx * dx + dy * dy
      if r2 < 100 * sigma * sigma { image[x, y] += Float(norm * exp(-r2 / (2 * sigma * sigma))) }
    }
  }
}

/// A masked image of noise with stars, some masked pixels and a smooth variance.
package func testScene(_ box: Box2I, seed: UInt64) throws -> MaskedImage {
  var image = noiseImage(box, level: 10, sigma: 3, seed: seed)
  var random = SeededRandom(seed &+ 1)
  var mask = Mask(box: box)
  for _ in 0..<max(1, box.area / 2000) {
    let x = random.uniform(Double(box.minX)...Double(box.maxX))
    let y = random.uniform(Double(box.minY)...Double(box.maxY))
    addStar(to: &image, at: Point2D(x: x, y: y), sigma: 1.8, flux: random.uniform(100...20000))
    mask[Int(x.rounded(.down)), Int(y.rounded(.down))] = 1 << UInt32(random.next() % 9)
  }
  let variance = Image<Float>(box: box) { x, y in 9 + abs(image[x, y]) / 2 }
  return try MaskedImage(image: image, mask: mask, variance: variance)
}

/// How an image differs from the model of a star: its flux as a multiple of the model's, and its shift in pixels.
///
/// The linear least-squares fit of the model and its two derivatives, which is what PSF fitting comes to for small shifts.
package func fitStar(
  _ image: Image<Float>, model: (Point2D) -> Double
) -> (scale: Double, dx: Double, dy: Double) {
  var normal = [[Double]](repeating: [0, 0, 0, 0], count: 3)
  let h = 1e-3
  for y in image.box.minY..<image.box.endY {
    for x in image.box.minX..<image.box.endX where image[x, y].isFinite {
      let (cx, cy) = (Double(x), Double(y))
      let terms = [
        model(Point2D(x: cx, y: cy)),
        (model(Point2D(x: cx - h, y: cy)) - model(Point2D(x: cx + h, y: cy))) / (2 * h),
        (model(Point2D(x: cx, y: cy - h)) - model(Point2D(x: cx, y: cy + h))) / (2 * h),
        Double(image[x, y]),
      ]
      for i in 0..<3 { for j in 0..<4 { normal[i][j] += terms[i] * terms[j] } }
    }
  }
  for i in 0..<3 {
    for k in 0..<3 where k != i {
      let factor = normal[k][i] / normal[i][i]
      for j in 0..<4 { normal[k][j] -= factor * normal[i][j] }
    }
  }
  let solution = (0..<3).map { normal[$0][3] / normal[$0][$0] }
  return (solution[0], solution[1] / solution[0], solution[2] / solution[0])
}

/// The sum of the pixels times a Gaussian about a position.
package func gaussianFlux(_ image: Image<Float>, at center: Point2D, sigma: Double) -> Double {
  var sum = 0.0
  for y in image.box.minY..<image.box.endY {
    for x in image.box.minX..<image.box.endX {
      let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
      sum += exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)) * Double(image[x, y])
    }
  }
  return sum
}

/// A kernel like those of image subtraction: three Gaussians with polynomials, varying over the image.
///
/// - Parameter variation: how much the terms beyond the constant change it across `region`, as a part of the first.
package func testKernel(side: Int, order: Int, over region: Box2I, variation: Double, seed: UInt64) throws -> Kernel {
  var random = SeededRandom(seed)
  let half = side / 2
  let widths = [0.7, 1.4, 2.8].map { $0 * Double(side) / 21 }
  let images = widths.flatMap { sigma in
    [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)].map { px, py in
      Image<Double>(box: Box2I(width: side, height: side)) { x, y in
        let (u, v) = (Double(x - half) / sigma, Double(y - half) / sigma)
        return exp(-(u * u + v * v) / 2) * pow(u, Double(px)) * pow(v, Double(py)) / (sigma * sigma)
      }
    }
  }
  let basis = SpatialBasis(.chebyshev(Box2D(region)), order: order)
  let coefficients = images.indices.map { i in
    let scale = i % 6 == 0 ? 0.1 : 0.02
    return (0..<basis.termCount).map {
      $0 == 0 ? scale * random.uniform(0.5...1) : scale * variation * random.gaussian()
    }
  }
  return try Kernel(images: images, coefficients: coefficients, basis: basis)
}
