// SPDX-License-Identifier: GPL-3.0-or-later
// How much of each pixel lies in a circle.

package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How much of each pixel lies in a circle: exact areas, 0 to 1.
///
/// The area of the circle to the left of and below each corner of the pixel grid has a closed form; that of a pixel is the difference of its four
/// corners'. What depends on a column or a row alone is worked out once for it.
package struct CircleOverlap {
  /// The pixels that the circle touches.
  package let box: Box2I
  private let radius: Double
  private let center: Point2D
  /// ∫₀ˣ√(r² − u²)du at the left edge of each column, and one more.
  private let columns: [(x: Double, integral: Double)]

  /// - Returns: `nil` for a radius that is not positive, or a circle that is beyond where an image can be.
  package init?(center: Point2D, radius: Double) {
    guard radius > 0, radius <= 10_000, center.isFinite else { return nil }
    let square = Box2D(minX: center.x, minY: center.y, maxX: center.x, maxY: center.y).grown(by: radius)
    guard let box = try? Box2I(covering: square), !box.isEmpty else { return nil }
    self.box = box
    self.radius = radius
    self.center = center
    columns = (box.minX...box.endX).map { column in
      let x = min(max(Double(column) - 0.5 - center.x, -radius), radius)
      return (x, Self.integral(x, radius))
    }
  }

  /// The areas of the pixels of a row, from column `box.minX` on, appended to an array.
  ///
  /// - Parameter below: what lies below the row's lower edge, column edge by column edge; what lies below its upper edge afterwards.
  private func append(row y: Int, _ below: inout [Double], to areas: inout [Double]) {
    let above = areasBelow(Double(y) + 0.5 - center.y)
    for i in 0..<box.width {
      areas.append(max(0, above[i + 1] - above[i] - below[i + 1] + below[i]))
    }
    below = above
  }

  /// Areas of all pixels of the box, row by row.
  package func areas() -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(box.area)
    var below = areasBelow(Double(box.minY) - 0.5 - center.y)
    for y in box.minY..<box.endY { append(row: y, &below, to: &result) }
    return result
  }

  /// The area of the circle to the left of each column edge and below a height above the centre.
  private func areasBelow(_ height: Double) -> [Double] {
    let y = min(max(height, -radius), radius)
    let half = max(0, radius * radius - y * y).squareRoot()
    let atHalf = Self.integral(half, radius)
    return columns.map { x, integral in
      let edge = min(max(x, -half), half)
      // Within the chord at this height the column reaches from the circle's lower arc to the height.
      let ofChord = abs(x) <= half ? integral : x > 0 ? atHalf : -atHalf
      let cap = ofChord + atHalf - abs(y) * (edge + half)
      guard y >= 0 else { return cap }
      let whole = 2 * (integral - columns[0].integral)
      return whole - cap
    }
  }

  private static func integral(_ x: Double, _ radius: Double) -> Double {
    let ratio = min(max(x / radius, -1), 1)
    return 0.5 * radius * radius * (ratio * (1 - ratio * ratio).squareRoot() + asin(ratio))
  }
}
