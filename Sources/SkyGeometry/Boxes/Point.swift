// SPDX-License-Identifier: GPL-3.0-or-later
// Positions on a pixel grid.

/// A pixel: column `x`, row `y`, in parent coordinates (docs/conventions.md).
package struct Point2I: Hashable, Sendable {
  package var x: Int
  package var y: Int

  package init(x: Int, y: Int) {
    self.x = x
    self.y = y
  }
}

/// A position on the pixel grid, in pixels; integer values are pixel centres (docs/conventions.md).
package struct Point2D: Hashable, Sendable {
  package var x: Double
  package var y: Double

  package init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }

  package init(_ pixel: Point2I) {
    self.init(x: Double(pixel.x), y: Double(pixel.y))
  }

  /// Whether both coordinates are neither NaN nor infinite.
  package var isFinite: Bool { x.isFinite && y.isFinite }

  /// The pixel that holds the position: `floor(p + 0.5)` per axis.
  ///
  /// `nil` for a position that is not finite or lies outside ``Box2I/coordinateLimits``.
  package var pixel: Point2I? {
    guard let x = Box2I.pixelIndex(x), let y = Box2I.pixelIndex(y) else { return nil }
    return Point2I(x: x, y: y)
  }

  package static func + (a: Point2D, b: Point2D) -> Point2D { Point2D(x: a.x + b.x, y: a.y + b.y) }
  package static func - (a: Point2D, b: Point2D) -> Point2D { Point2D(x: a.x - b.x, y: a.y - b.y) }
  package static func * (a: Point2D, factor: Double) -> Point2D { Point2D(x: a.x * factor, y: a.y * factor) }

  /// The distance to another position, in pixels.
  package func distance(to other: Point2D) -> Double {
    let d = self - other
    return (d.x * d.x + d.y * d.y).squareRoot()
  }
}
