// SPDX-License-Identifier: GPL-3.0-or-later
// A streak, and the pixels it covers.

internal import Imaging
internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A straight streak across an image.
///
/// Its middle is where `(x − xc) cos theta + (y − yc) sin theta = rho`, with (xc, yc) the centre of the image. Across it the brightness goes with
/// `(1 + (d / sigma)²)^−2.5`, d the distance from the middle: a Moffat function whose full width at half maximum is 1.13 `sigma`.
package struct Streak: Hashable, Sendable {
  /// Distance of the line from the image's centre, px; its sign is that of the side.
  package let rho: Double
  /// Direction of the line's normal, from the x axis toward the y axis, from 0 up to 180 degrees.
  package let theta: Double
  /// Scale of the profile, px.
  package let sigma: Double
  /// Of the medians along pieces of the streak that the profile was fitted to.
  package let reducedChi2: Double
  /// Height of the profile in the middle, the median along the streak, counts.
  package let modelMaximum: Double

  package init(rho: Double, theta: Double, sigma: Double, reducedChi2: Double, modelMaximum: Double) {
    self.rho = rho
    self.theta = theta
    self.sigma = sigma
    self.reducedChi2 = reducedChi2
    self.modelMaximum = modelMaximum
  }

  var line: ImageLine { ImageLine(rho: rho, theta: theta * .pi / 180) }
}

/// A line on an image, by its normal from the image's centre.
struct ImageLine {
  /// px.
  let rho: Double
  /// Of the normal, radians, from 0 up to π.
  let theta: Double
  /// The normal.
  let normal: SIMD2<Double>

  /// - Parameter theta: any; half a turn more is the same line with the other sign of `rho`.
  init(rho: Double, theta: Double) {
    let turns = (theta / .pi).rounded(.down)
    let isOdd = turns.remainder(dividingBy: 2) != 0
    // Just below a multiple of π the difference may round to π itself.
    let angle = min(max(theta - turns * .pi, 0), Double.pi.nextDown)
    self.theta = angle
    self.rho = isOdd ? -rho : rho
    normal = SIMD2(cos(angle), sin(angle))
  }

  /// The columns of a row within a distance of the line; `nil` when there is none.
  func columns(ofRow y: Int, within distance: Double, in box: Box2I) -> ClosedRange<Int>? {
    let center = box.center
    // x such that |x nx + rest| <= distance.
    let rest = (Double(y) - center.y) * normal.y - rho
    var (low, high) = (-Double.infinity, Double.infinity)
    if abs(normal.x) > 1e-12 {
      let (a, b) = ((-distance - rest) / normal.x, (distance - rest) / normal.x)
      (low, high) = (min(a, b), max(a, b))
    } else if abs(rest) > distance {
      return nil
    }
    let first = max((low + center.x).rounded(.up), Double(box.minX))
    let last = min((high + center.x).rounded(.down), Double(box.maxX))
    guard first <= last, let start = Box2I.pixelIndex(first), let end = Box2I.pixelIndex(last) else { return nil }
    return start...end
  }

  /// How much of the line lies in a box about the same centre, px.
  func length(in box: Box2I) -> Double {
    // Along the line from its point nearest to the centre: x = rho nx − u ny, y = rho ny + u nx.
    var (low, high) = (-Double.infinity, Double.infinity)
    for (offset, slope, half) in [
      (rho * normal.x, -normal.y, Double(box.width) / 2), (rho * normal.y, normal.x, Double(box.height) / 2),
    ] {
      guard abs(slope) > 1e-12 else {
        if abs(offset) > half { return 0 }
        continue
      }
      let (a, b) = ((-half - offset) / slope, (half - offset) / slope)
      (low, high) = (max(low, min(a, b)), min(high, max(a, b)))
    }
    return max(0, high - low)
  }
}
