// SPDX-License-Identifier: GPL-3.0-or-later
// Moments of a source under a weight that follows it.

package import Imaging
package import SkyGeometry

/// Moments of a source under a Gaussian weight of its own position and shape.
package struct HSMMoments: Hashable, Sendable {
  package var center: Point2D
  /// A Gaussian source has its own covariance here: object, PSF and pixel together, px².
  package var moments: SecondMoments
  /// Twice the sum under the weight, which is the whole of a Gaussian source; in the unit of the image.
  package var flux: Double
}

/// Moments of a source under a Gaussian weight of its own position and shape (detection-measurement B.9.1; Hirata & Seljak 2003).
///
/// Unlike with ``adaptiveMoments(of:at:isNegative:control:)`` the weight moves, reaches farther, and steps toward the source
/// by Newton's method until nothing changes by more than 10⁻⁶ of its smaller axis. The sign of the source does not matter.
///
/// Steps are limited in units of the weight itself, whatever its direction. The reference limits each moment by the weight's
/// smaller axis, which takes more rounds and turns the step: trails of a dozen σ often end as a line without width.
///
/// - Parameters:
///   - image: background subtracted; the unit is free.
///   - badBits: pixels whose mask has any of these count as zero.
///   - box: what is looked at; the rest counts as zero.
///   - center: where the weight starts.
///   - sigma: of the circle that it starts as, px.
/// - Returns: `nil` when the iteration does not end or leaves its source, and when a pixel under the weight is not finite.
package func hsmMoments(
  of image: Image<Float>, mask: Mask? = nil, leavingOut badBits: UInt32 = 0, in box: Box2I? = nil,
  startingAt center: Point2D, sigma: Double
) -> HSMMoments? {
  guard let reach = HSMStamp.reach(about: center) else { return nil }
  let part = (box ?? image.box).intersection(image.box).intersection(reach)
  guard !part.isEmpty, mask.map({ $0.box == image.box }) ?? true else { return nil }
  return hsmMoments(of: HSMStamp(image, mask: mask, leavingOut: badBits, in: part), startingAt: center, sigma: sigma)
}

/// The moments of a PSF's kernel image, from its central pixel on.
///
/// - Parameters:
///   - kernel: odd sides, the source at the central pixel.
///   - sigma: of the circle that the weight starts as, px.
/// - Returns: as for sources.
package func hsmMoments(ofPSF kernel: Image<Double>, sigma: Double) -> HSMMoments? {
  guard !kernel.box.isEmpty else { return nil }
  return hsmMoments(of: HSMStamp(kernel), startingAt: kernel.box.center, sigma: sigma)
}

/// How far from its start a centre may move along an axis, px.
private let farthestShift = 15.0
private let largestMoment = 8000.0
/// How far a centre may move in a round, standard deviations of the weight in that direction.
private let longestShift = 0.25
/// By what part of itself the weight may shrink or grow in a round, in any direction.
private let growthLimits = -0.5...1.0

private func hsmMoments(of stamp: HSMStamp, startingAt start: Point2D, sigma: Double) -> HSMMoments? {
  guard start.isFinite, sigma > 0, sigma < 1e6 else { return nil }
  var center = start
  var m = SecondMoments(xx: sigma * sigma, yy: sigma * sigma, xy: 0)
  for _ in 0..<400 {
    let sums = HSMSums(of: stamp, at: center, moments: m)
    let amplitude = sums.sum
    // What the source's position and moments would be if it were a Gaussian, less what the weight's are.
    let step = limited(
      shift: SIMD2(sums.x, sums.y) * (2 / amplitude),
      growth: SIMD3(sums.xx, sums.yy, sums.xy) * (4 / amplitude) - 2 * m.columns, of: m)
    guard let step else { return nil }
    let axis2 = m.smallerEigenvalue
    let change = max(abs(step.shift).max() / axis2.squareRoot(), abs(step.growth).max() / axis2)
    let isEnd = change * max(1, sigma / axis2.squareRoot()) <= 1e-6
    center = Point2D(x: center.x + step.shift.x, y: center.y + step.shift.y)
    m = SecondMoments(m.columns + step.growth)
    guard max(m.xx, m.yy) <= largestMoment, abs(center.x - start.x) <= farthestShift,
      abs(center.y - start.y) <= farthestShift, m.xx >= 1e-8, m.yy >= 1e-8, m.determinant >= 1e-8
    else { return nil }
    if isEnd { return HSMMoments(center: center, moments: m, flux: 2 * amplitude) }
  }
  return nil
}

/// A step, or as much of it as a weight of given moments may do in a round; `nil` for one that is not finite.
private func limited(
  shift: SIMD2<Double>, growth: SIMD3<Double>, of m: SecondMoments
) -> (shift: SIMD2<Double>, growth: SIMD3<Double>)? {
  guard abs(shift).max().isFinite, abs(growth).max().isFinite, m.xx > 0 else { return nil }
  // M = R Rᵀ with R = (a 0, b c): where the weight is a circle of radius 1 the step is R⁻¹ of the shift, R⁻¹ G R⁻ᵀ of the growth.
  let a = m.xx.squareRoot()
  let b = m.xy / a
  let c = (m.yy - b * b).squareRoot()
  guard c > 0 else { return nil }
  let length = SIMD2(shift.x / a, (shift.y - b * shift.x / a) / c)
  let distance = (length * length).sum().squareRoot()
  let xx = growth.x / (a * a)
  let xy = (growth.z / a - b * xx) / c
  let yy = (growth.y - 2 * b * c * xy - b * b * xx) / (c * c)
  let (middle, half) = ((xx + yy) / 2, (((xx - yy) / 2) * ((xx - yy) / 2) + xy * xy).squareRoot())
  let low = min(max(middle - half, growthLimits.lowerBound), growthLimits.upperBound)
  let high = min(max(middle + half, growthLimits.lowerBound), growthLimits.upperBound)
  var growth = growth
  if low != middle - half || high != middle + half {
    // The same directions with other eigenvalues, and back by R.
    let factor = half > 0 ? (high - low) / (2 * half) : 0
    let center = (high + low) / 2
    let (exx, eyy, exy) = (center + factor * (xx - middle), center + factor * (yy - middle), factor * xy)
    growth = SIMD3(a * a * exx, b * b * exx + 2 * b * c * exy + c * c * eyy, a * (b * exx + c * exy))
  }
  return (distance > longestShift ? shift * (longestShift / distance) : shift, growth)
}

private func abs<Vector: SIMD<Double>>(_ v: Vector) -> Vector { v.replacing(with: -v, where: v .< 0) }

extension SecondMoments {
  fileprivate var smallerEigenvalue: Double {
    let difference = xx - yy
    return 0.5 * (trace - (difference * difference + 4 * xy * xy).squareRoot())
  }
}

extension HSMStamp {
  /// All pixels that a weight can ever reach; `nil` for a centre that is no position.
  fileprivate static func reach(about center: Point2D) -> Box2I? {
    let radius = (HSMSums.limit * largestMoment).squareRoot() + farthestShift
    return Box2I(centeredAt: center, side: 2 * Int(radius) + 3)
  }
}
