// SPDX-License-Identifier: GPL-3.0-or-later
// The trail that has given moments.

package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A line on the image, as long as a source moved.
package struct Trail: Hashable, Sendable {
  package var center: Point2D
  /// Pixels.
  package var length: Double
  /// From the x axis toward the y axis, radians.
  package var angle: Double

  package init(center: Point2D, length: Double, angle: Double) {
    self.center = center
    self.length = length
    self.angle = angle
  }

  /// Unit vector along the trail.
  var direction: SIMD2<Double> { SIMD2(cos(angle), sin(angle)) }

  /// Both ends; which of them the source came from is unknown.
  var ends: (Point2D, Point2D) {
    let half = 0.5 * length * direction
    return (Point2D(x: center.x - half.x, y: center.y - half.y), Point2D(x: center.x + half.x, y: center.y + half.y))
  }
}

/// Length and angle of a trail with given adaptive moments, and how they change with these (detection-measurement B.10.2–4).
///
/// Exact for a line convolved with a Gaussian PSF. With the larger and the smaller eigenvalue a² and b² of the moments and
/// z = L/√(8(a² + b²)), the moments under a weight of their own shape are themselves where √π erf(z) e^{z²}/2z = 2a²/(a² + b²).
struct TrailGeometry {
  let length: Double
  let angle: Double
  /// By xx, yy, xy.
  let lengthGradient: SIMD3<Double>
  let angleGradient: SIMD3<Double>

  /// - Returns: `nil` for a circle, which has no length, and for moments of no ellipse.
  init?(_ moments: SecondMoments) {
    guard !moments.isSingular else { return nil }
    let (sum, difference, xy) = (moments.trace, moments.xx - moments.yy, moments.xy)
    let root = (difference * difference + 4 * xy * xy).squareRoot()
    let (a2, b2) = (0.5 * (sum + root), 0.5 * (sum - root))
    guard root > 0, let z = Self.halfLength(ratio: 2 * a2 / sum) else { return nil }
    let scale = (8 * sum).squareRoot()
    length = scale * z
    angle = 0.5 * atan2(2 * xy, difference)

    let slope = 1 / Self.derivative(z)
    let byA2 = length / (2 * sum) + scale * slope * 2 * b2 / (sum * sum)
    let byB2 = length / (2 * sum) - scale * slope * 2 * a2 / (sum * sum)
    let a2Gradient = 0.5 * SIMD3(1 + difference / root, 1 - difference / root, 4 * xy / root)
    let b2Gradient = 0.5 * SIMD3(1 - difference / root, 1 + difference / root, -4 * xy / root)
    lengthGradient = byA2 * a2Gradient + byB2 * b2Gradient
    angleGradient = SIMD3(-xy, xy, difference) / (root * root)
  }

  private static func value(_ z: Double) -> Double {
    exponential(z * z) * Double.pi.squareRoot() * errorFunction(z) / (2 * z)
  }

  private static func derivative(_ z: Double) -> Double { (2 * z * z - 1) * value(z) / z + 1 / z }

  /// z for a ratio between 1 and 2; `nil` below 0.001, where rounding is all that there is.
  private static func halfLength(ratio: Double) -> Double? {
    // The series 1 + 2z²/3 + … starts above the root; since the function curves upward in z², Newton's method stays there.
    var square = 1.5 * (ratio - 1)
    guard square > 0, square < 2 else { return nil }
    for _ in 0..<50 {
      let z = square.squareRoot()
      let step = (value(z) - ratio) * 2 * z / derivative(z)
      square -= step
      guard square > 0 else { return nil }
      // A step back is rounding.
      if step <= 1e-15 * square { break }
    }
    let z = square.squareRoot()
    return z >= 0.001 && z <= 1 ? z : nil
  }
}
