// SPDX-License-Identifier: GPL-3.0-or-later
// Weights of an aperture for an image whose every detail is sampled.

package import Imaging
package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The weights of a circular aperture for a critically sampled image (detection-measurement B.6.3; Bickerton & Lupton 2013).
///
/// The circle convolved with the sinc function that interpolates the image: the weights reach beyond the circle, and their sum is its area to 10⁻³.
package struct SincAperture: Sendable {
  package let radius: Double
  /// About pixel (0, 0), with zeros around.
  package let weights: Image<Double>
  private let table: Box2I

  /// - Precondition: the radius is more than 0 and at most 100 pixels.
  package init(radius: Double) {
    precondition(radius > 0 && radius <= 100)
    self.radius = radius
    var half = 8
    while Double(half) < 2 * radius { half *= 2 }
    let side = 2 * half - 1
    let middle = half - 1
    // The transform of the circle at the frequencies of the table; even in both, so that cosines make its inverse.
    func spectrum(_ i: Int, _ j: Int) -> Double {
      let k = (Double(i * i + j * j)).squareRoot() / Double(side)
      return k == 0 ? .pi * radius * radius : radius * j1(2 * .pi * radius * k) / k
    }
    let cosines = (0..<side).map { cos(2 * .pi * Double($0) / Double(side)) }
    // Along one axis, then the other: only frequencies and positions from 0 on differ.
    var alongX = [Double](repeating: 0, count: half * half)
    for j in 0..<half {
      let values = (0..<half).map { spectrum($0, j) * ($0 == 0 ? 1 : 2) }
      for x in 0..<half { alongX[j * half + x] = values.indices.reduce(0) { $0 + values[$1] * cosines[$1 * x % side] } }
    }
    var quadrant = [Double](repeating: 0, count: half * half)
    for y in 0..<half {
      for x in 0..<half {
        var sum = 0.0
        for j in 0..<half { sum += (j == 0 ? 1 : 2) * alongX[j * half + x] * cosines[j * y % side] }
        quadrant[y * half + x] = sum / Double(side * side)
      }
    }
    let box = Box2I(minX: -middle, minY: -middle, width: side, height: side)
    table = box
    weights = Image(box: box.grown(by: Self.margin)) { x, y in
      box.contains(x: x, y: y) ? quadrant[abs(y) * half + abs(x)] : 0
    }
  }

  /// Room for what Lanczos-5 moves out of the table.
  private static let margin = 5

  /// The weights about a position: moved by Lanczos-5.
  ///
  /// (The reference leaves a rim of five pixels as it was, which is most of the table of a radius of 4 and less.)
  ///
  /// - Returns: `nil` for a position that is beyond where an image can be.
  package func weights(at center: Point2D) -> Image<Double>? {
    guard let pixel = center.pixel else { return nil }
    let moved = weights.shifted(x: center.x - Double(pixel.x), y: center.y - Double(pixel.y))
    return moved.moved(toX: pixel.x + weights.box.minX, y: pixel.y + weights.box.minY)
  }

  /// The pixels that the table is of, about a position.
  func table(at center: Point2D) -> Box2I? { center.pixel.map { table.shifted(x: $0.x, y: $0.y) } }
}
