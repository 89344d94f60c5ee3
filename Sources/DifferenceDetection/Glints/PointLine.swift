// SPDX-License-Identifier: GPL-3.0-or-later
// A line through points.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A line, and where it lies.
struct PointLine {
  let center: Point2D
  /// A unit vector along it.
  let direction: SIMD2<Double>

  /// The line that comes closest to some points by the squares of their distances from it; `nil` when they are all at one position.
  init?(through points: some Collection<Point2D>) {
    guard !points.isEmpty else { return nil }
    var sum = SIMD2<Double>.zero
    for point in points { sum += SIMD2(point.x, point.y) }
    let mean = sum / Double(points.count)
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for point in points {
      let (dx, dy) = (point.x - mean.x, point.y - mean.y)
      xx += dx * dx
      yy += dy * dy
      xy += dx * dy
    }
    guard xx + yy > 0, (xx + yy).isFinite else { return nil }
    let angle = 0.5 * atan2(2 * xy, xx - yy)
    self.init(through: Point2D(x: mean.x, y: mean.y), angle: angle)
  }

  /// - Parameter angle: from the x axis toward the y axis, radians.
  init(through center: Point2D, angle: Double) {
    self.center = center
    // The cosine of a right angle is 6e-17.
    let (x, y) = (cos(angle), sin(angle))
    direction = SIMD2(abs(x) > 1e-15 ? x : 0, abs(y) > 1e-15 ? y : 0)
  }

  /// How far along the line a point is, from the centre on.
  func position(of point: Point2D) -> Double {
    (point.x - center.x) * direction.x + (point.y - center.y) * direction.y
  }

  /// How far from the line a point is; the sign tells the side.
  func distance(of point: Point2D) -> Double {
    (point.y - center.y) * direction.x - (point.x - center.x) * direction.y
  }

  /// From the x axis toward the y axis, above −90 and up to 90 degrees.
  var angle: Double {
    let degrees = atan2(direction.y, direction.x) * 180 / .pi
    return degrees > 90 ? degrees - 180 : degrees <= -90 ? degrees + 180 : degrees
  }
}
