// SPDX-License-Identifier: GPL-3.0-or-later
// A linear map of the plane with an offset.

/// `(x, y) -> (xx x + xy y + x0, yx x + yy y + y0)`.
package struct AffineTransform: Hashable, Sendable {
  package var xx: Double
  package var xy: Double
  package var yx: Double
  package var yy: Double
  package var x0: Double
  package var y0: Double

  package init(xx: Double = 1, xy: Double = 0, yx: Double = 0, yy: Double = 1, x0: Double = 0, y0: Double = 0) {
    self.xx = xx
    self.xy = xy
    self.yx = yx
    self.yy = yy
    self.x0 = x0
    self.y0 = y0
  }

  /// Signed ratio of areas.
  package var determinant: Double { xx * yy - xy * yx }

  package func callAsFunction(_ p: Point2D) -> Point2D {
    Point2D(x: xx * p.x + xy * p.y + x0, y: yx * p.x + yy * p.y + y0)
  }

  /// The inverse map; `nil` when the determinant is zero or not finite.
  package var inverse: AffineTransform? {
    let d = determinant
    guard d != 0, d.isFinite, (1 / d).isFinite else { return nil }
    let i = (xx: yy / d, xy: -xy / d, yx: -yx / d, yy: xx / d)
    return AffineTransform(
      xx: i.xx, xy: i.xy, yx: i.yx, yy: i.yy, x0: -(i.xx * x0 + i.xy * y0), y0: -(i.yx * x0 + i.yy * y0))
  }
}
