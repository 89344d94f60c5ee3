// SPDX-License-Identifier: GPL-3.0-or-later
// A rectangle with real edges.

/// A rectangle on the pixel grid with real edges, in pixels; half open, so that boxes side by side share no position.
package struct Box2D: Hashable, Sendable {
  package let minX: Double
  package let minY: Double
  package let maxX: Double
  package let maxY: Double

  package init(minX: Double, minY: Double, maxX: Double, maxY: Double) {
    self.minX = minX
    self.minY = minY
    self.maxX = maxX
    self.maxY = maxY
  }

  /// The area that the pixels of an integer box cover: half a pixel beyond the outermost centres.
  package init(_ box: Box2I) {
    self.init(
      minX: Double(box.minX) - 0.5, minY: Double(box.minY) - 0.5, maxX: Double(box.endX) - 0.5,
      maxY: Double(box.endY) - 0.5)
  }

  /// The smallest box around some positions.
  ///
  /// Those that are not finite are left out; `nil` when none is left.
  package init?(around points: some Sequence<Point2D>) {
    var box: Box2D?
    for point in points where point.isFinite {
      let known = box ?? Box2D(minX: point.x, minY: point.y, maxX: point.x, maxY: point.y)
      box = Box2D(
        minX: min(known.minX, point.x), minY: min(known.minY, point.y), maxX: max(known.maxX, point.x),
        maxY: max(known.maxY, point.y))
    }
    guard let box else { return nil }
    self = box
  }

  package var width: Double { maxX - minX }
  package var height: Double { maxY - minY }
  package var center: Point2D { Point2D(x: (minX + maxX) / 2, y: (minY + maxY) / 2) }
  /// Whether the box has no area; also true when an edge is NaN.
  package var isEmpty: Bool { !(maxX > minX && maxY > minY) }

  package func contains(_ point: Point2D) -> Bool {
    point.x >= minX && point.x < maxX && point.y >= minY && point.y < maxY
  }

  /// What both boxes have in common; `nil` when that has no area.
  package func intersection(_ other: Box2D) -> Box2D? {
    let common = Box2D(
      minX: max(minX, other.minX), minY: max(minY, other.minY), maxX: min(maxX, other.maxX), maxY: min(maxY, other.maxY)
    )
    return common.isEmpty ? nil : common
  }

  package func grown(by margin: Double) -> Box2D {
    Box2D(minX: minX - margin, minY: minY - margin, maxX: maxX + margin, maxY: maxY + margin)
  }

  /// The corners, counter-clockwise from the minimum.
  package var corners: [Point2D] {
    [
      Point2D(x: minX, y: minY), Point2D(x: maxX, y: minY), Point2D(x: maxX, y: maxY), Point2D(x: minX, y: maxY),
    ]
  }
}
