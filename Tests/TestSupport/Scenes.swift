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

/// The sum of a plane about its first moments: flux and centroid of what stands alone in it.
package func fluxAndCentroid(_ image: Image<Float>) -> (flux: Double, center: Point2D) {
  var (sum, sumX, sumY) = (0.0, 0.0, 0.0)
  for y in image.box.minY..<image.box.endY {
    for x in image.box.minX..<image.box.endX where image[x, y].isFinite {
      let value = Double(image[x, y])
      sum += value
      sumX += value * Double(x)
      sumY += value * Double(y)
    }
  }
  return (sum, Point2D(x: sumX / sum, y: sumY / sum))
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
    return (0..<basis.termCount).map { $0 == 0 ? scale * random.uniform(0.5...1) : scale * variation * random.gaussian() }
  }
  return try Kernel(images: images, coefficients: coefficients, basis: basis)
}
