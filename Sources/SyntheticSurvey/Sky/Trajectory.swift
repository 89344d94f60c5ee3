// SPDX-License-Identifier: GPL-3.0-or-later
// The motion of objects of the solar system.

internal import Foundation
internal import SkyGeometry

/// The observer: on a circle of 1 au about the Sun in the ecliptic, as the Earth nearly is.
///
/// Vectors are heliocentric, equatorial (ICRS), in au and days.
enum Observer {
  /// Radians a day.
  static let meanMotion = 0.98564736 * Double.pi / 180
  private static let obliquity = 23.4392911 * Double.pi / 180

  /// Heliocentric longitude, radians.
  static func longitude(mjd: Double) -> Double { (100.464 + 0.98564736 * (mjd - 51_544.5)) * .pi / 180 }

  /// A vector in the ecliptic in equatorial coordinates.
  private static func equatorial(_ x: Double, _ y: Double) -> SIMD3<Double> {
    SIMD3(x, y * cos(obliquity), y * sin(obliquity))
  }

  static func position(mjd: Double) -> SIMD3<Double> {
    let l = longitude(mjd: mjd)
    return equatorial(cos(l), sin(l))
  }

  static func velocity(mjd: Double) -> SIMD3<Double> {
    let l = longitude(mjd: mjd)
    return equatorial(-sin(l), cos(l)) * meanMotion
  }

  /// The position as a power series of the days since a time.
  static func series(from mjd: Double, order: Int) -> [SIMD3<Double>] {
    let l = longitude(mjd: mjd)
    var scale = 1.0
    return (0...max(0, order)).map { n in
      if n > 0 { scale *= meanMotion / Double(n) }
      let turned = l + Double(n) * .pi / 2
      return equatorial(cos(turned), sin(turned)) * scale
    }
  }
}

/// The path of an object of the solar system about the time when it is in the field.
///
/// **Model.** Heliocentric position to second order in time: where it is, its velocity, and the Sun's pull there. The Earth's motion bends
/// the path on the sky. Positions count as corrected for light time.
struct Trajectory: Sendable {
  /// The Sun's gravity, au³/day².
  private static let sun = 0.01720209895 * 0.01720209895

  /// MJD (TAI).
  let epoch: Double
  let position: SIMD3<Double>
  let velocity: SIMD3<Double>
  let acceleration: SIMD3<Double>

  /// - Parameters:
  ///   - sky: where it is seen at the epoch.
  ///   - distance: from the observer, au.
  ///   - bearing: where it moves on the sky, 0 toward east, 90 degrees toward north.
  ///   - rate: how fast, radians a day.
  init(epoch: Double, sky: SpherePoint, distance: Double, bearing: Angle, rate: Double) {
    let east = SIMD3(-sin(sky.ra), cos(sky.ra), 0)
    let north = SIMD3(-sin(sky.dec) * cos(sky.ra), -sin(sky.dec) * sin(sky.ra), cos(sky.dec))
    self.epoch = epoch
    position = Observer.position(mjd: epoch) + sky.unitVector * distance
    velocity = Observer.velocity(mjd: epoch) + (east * cos(bearing) + north * sin(bearing)) * (distance * rate)
    let r2 = max(1e-6, (position * position).sum())
    acceleration = position * (-Self.sun / (r2 * r2.squareRoot()))
  }

  /// Heliocentric position, au.
  func heliocentric(mjd: Double) -> SIMD3<Double> {
    let t = mjd - epoch
    return position + velocity * t + acceleration * (t * t / 2)
  }

  /// The direction in which it is seen.
  func position(mjd: Double) -> SpherePoint { SpherePoint(heliocentric(mjd: mjd) - Observer.position(mjd: mjd)) }

  /// The heliocentric position as a power series of the days since a time.
  func series(from mjd: Double) -> [SIMD3<Double>] {
    let t = mjd - epoch
    return [heliocentric(mjd: mjd), velocity + acceleration * t, acceleration * 0.5]
  }
}
