// SPDX-License-Identifier: GPL-3.0-or-later
// A rectangle of whole pixels.

/// A rectangle of whole pixels, possibly empty, in parent coordinates.
///
/// Every pixel of a box lies within ``coordinateLimits``, so that sums and products of its numbers never overflow. All empty
/// boxes of a position are equal in behaviour: they contain nothing and overlap nothing.
package struct Box2I: Hashable, Sendable {
  /// The pixel coordinates that a box can hold: ±2³⁰, far beyond any tract.
  package static let coordinateLimits = -(1 << 30)...(1 << 30)

  /// The pixel coordinates that data may have: ±2²⁹, so that what grows about them stays within the limits.
  package static let dataLimits = -(1 << 29)...(1 << 29)

  package let minX: Int
  package let minY: Int
  /// Columns, at least 0.
  package let width: Int
  /// Rows, at least 0.
  package let height: Int

  /// A box from numbers that the program knows to be in range.
  ///
  /// Numbers from data go through ``init(checkingMinX:minY:width:height:)``.
  package init(minX: Int = 0, minY: Int = 0, width: Int, height: Int) {
    precondition(
      Self.isRepresentable(minX, width) && Self.isRepresentable(minY, height), "box outside the coordinate limits")
    self.minX = minX
    self.minY = minY
    self.width = width
    self.height = height
  }

  /// A box from numbers that came from a file or a person.
  ///
  /// - Throws: ``GeometryError/boxOutOfRange(minimum:extent:)``.
  package init(checkingMinX minX: Int, minY: Int, width: Int, height: Int) throws(GeometryError) {
    guard Self.isRepresentable(minX, width, Self.dataLimits), Self.isRepresentable(minY, height, Self.dataLimits)
    else {
      throw .boxOutOfRange(
        minimum: [Double(minX), Double(minY)], extent: [Double(width), Double(height)])
    }
    self.init(minX: minX, minY: minY, width: width, height: height)
  }

  /// The box of the pixels from `minimum` to `maximum`, both included; empty when `maximum` is below `minimum` on an axis.
  package init(minimum: Point2I, maximum: Point2I) {
    self.init(
      minX: minimum.x, minY: minimum.y, width: max(0, maximum.x - minimum.x + 1),
      height: max(0, maximum.y - minimum.y + 1))
  }

  /// The smallest box whose pixels cover a real box: every pixel that the real box touches, halves rounded outward.
  ///
  /// - Throws: ``GeometryError/boxOutOfRange(minimum:extent:)`` when the real box is not finite or too large.
  package init(covering box: Box2D) throws(GeometryError) {
    let edges = [box.minX, box.minY, box.maxX, box.maxY]
    guard box.isEmpty == false || !edges.allSatisfy(\.isFinite) else {
      self.init(width: 0, height: 0)
      return
    }
    guard let minX = Self.integer((box.minX + 0.5).rounded(.down)),
      let minY = Self.integer((box.minY + 0.5).rounded(.down)),
      let maxX = Self.integer((box.maxX - 0.5).rounded(.up)), let maxY = Self.integer((box.maxY - 0.5).rounded(.up))
    else {
      throw .boxOutOfRange(minimum: [box.minX, box.minY], extent: [box.width, box.height])
    }
    self.init(minimum: Point2I(x: minX, y: minY), maximum: Point2I(x: max(minX, maxX), y: max(minY, maxY)))
  }

  /// The odd-sized square box about a position; a position between pixels rounds up (differencing 0.7).
  ///
  /// - Returns: `nil` when the centre is not finite or too far away.
  package init?(centeredAt center: Point2D, side: Int) {
    precondition(side >= 1 && side <= 1 << 20)
    guard let pixel = center.pixel, abs(pixel.x) < 1 << 29, abs(pixel.y) < 1 << 29 else { return nil }
    self.init(minX: pixel.x - (side - 1) / 2, minY: pixel.y - (side - 1) / 2, width: side, height: side)
  }

  private static func isRepresentable(
    _ minimum: Int, _ extent: Int, _ limits: ClosedRange<Int> = coordinateLimits
  ) -> Bool {
    limits.contains(minimum) && extent >= 0 && extent <= limits.upperBound - minimum + 1
  }

  private static func integer(_ value: Double) -> Int? {
    guard value >= Double(dataLimits.lowerBound), value <= Double(dataLimits.upperBound) else { return nil }
    return Int(value)
  }

  /// The pixel index that holds a coordinate, `floor(v + 0.5)`; `nil` outside the limits or for NaN.
  package static func pixelIndex(_ value: Double) -> Int? { integer((value + 0.5).rounded(.down)) }

  /// One past the last column.
  package var endX: Int { minX + width }
  /// One past the last row.
  package var endY: Int { minY + height }
  /// The last column; one below `minX` when the box is empty.
  package var maxX: Int { minX + width - 1 }
  /// The last row; one below `minY` when the box is empty.
  package var maxY: Int { minY + height - 1 }
  package var isEmpty: Bool { width == 0 || height == 0 }
  /// The number of pixels.
  package var area: Int { width * height }
  package var minimum: Point2I { Point2I(x: minX, y: minY) }

  /// The centre, which lies between pixels for an even extent.
  package var center: Point2D {
    Point2D(x: Double(minX) + Double(width - 1) / 2, y: Double(minY) + Double(height - 1) / 2)
  }

  package func contains(_ pixel: Point2I) -> Bool { contains(x: pixel.x, y: pixel.y) }

  package func contains(x: Int, y: Int) -> Bool { x >= minX && x < endX && y >= minY && y < endY }

  /// Whether every pixel of `other` is in this box; an empty box is in every box.
  package func contains(_ other: Box2I) -> Bool {
    other.isEmpty
      || (other.minX >= minX && other.endX <= endX && other.minY >= minY && other.endY <= endY)
  }

  package func overlaps(_ other: Box2I) -> Bool { !intersection(other).isEmpty }

  /// The pixels in both boxes.
  package func intersection(_ other: Box2I) -> Box2I {
    let x = max(minX, other.minX)
    let y = max(minY, other.minY)
    return Box2I(
      minX: x, minY: y, width: max(0, min(endX, other.endX) - x), height: max(0, min(endY, other.endY) - y))
  }

  /// The smallest box that holds both.
  package func union(_ other: Box2I) -> Box2I {
    if isEmpty { return other }
    if other.isEmpty { return self }
    let x = min(minX, other.minX)
    let y = min(minY, other.minY)
    return Box2I(minX: x, minY: y, width: max(endX, other.endX) - x, height: max(endY, other.endY) - y)
  }

  /// The box with `margin` pixels more on every side, fewer when negative; empty when nothing is left.
  package func grown(by margin: Int) -> Box2I {
    Box2I(
      minX: minX - margin, minY: minY - margin, width: max(0, width + 2 * margin), height: max(0, height + 2 * margin))
  }

  package func shifted(x: Int, y: Int) -> Box2I {
    Box2I(minX: minX + x, minY: minY + y, width: width, height: height)
  }
}

extension Box2I: CustomStringConvertible {
  package var description: String { "[\(minX)…\(maxX)]×[\(minY)…\(maxY)]" }
}
