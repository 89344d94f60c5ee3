// SPDX-License-Identifier: GPL-3.0-or-later
// A direction on the sky.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A direction on the sky: right ascension and declination (ICRS).
package struct SpherePoint: Hashable, Sendable {
  /// Right ascension; any turn is allowed, ``Angle/wrapped`` brings it to [0, 360) degrees.
  package var ra: Angle
  /// Declination, -90 to 90 degrees.
  package var dec: Angle

  package init(ra: Angle, dec: Angle) {
    self.ra = ra
    self.dec = dec
  }

  /// A direction in degrees.
  package init(raDegrees: Double, decDegrees: Double) {
    self.init(ra: .degrees(raDegrees), dec: .degrees(decDegrees))
  }

  /// The direction of a vector of any positive length; NaN for the zero vector.
  package init(_ vector: SIMD3<Double>) {
    let equatorial = hypot(vector.x, vector.y)
    guard equatorial > 0 || vector.z != 0 else {
      self.init(ra: .radians(.nan), dec: .radians(.nan))
      return
    }
    self.init(
      ra: Angle(radians: equatorial > 0 ? atan2(vector.y, vector.x) : 0).wrapped,
      dec: .radians(atan2(vector.z, equatorial)))
  }

  package var isFinite: Bool { ra.isFinite && dec.isFinite }

  /// The unit vector toward (ra 0, dec 0), (90, 0) and the north pole.
  package var unitVector: SIMD3<Double> {
    SIMD3(cos(dec) * cos(ra), cos(dec) * sin(ra), sin(dec))
  }

  /// The great-circle distance, accurate at every distance (Vincenty's form).
  package func separation(from other: SpherePoint) -> Angle {
    let a = unitVector
    let b = other.unitVector
    let cross = crossProduct(a, b)
    return .radians(atan2((cross * cross).sum().squareRoot(), (a * b).sum()))
  }

  /// The direction of another point as seen from this one: 0 toward east, 90 degrees toward north.
  ///
  /// This is the reference library's convention, not a position angle, which is 90 degrees minus it.
  package func bearing(to other: SpherePoint) -> Angle {
    let difference = other.ra - ra
    let north = sin(other.dec) * cos(dec) - cos(other.dec) * sin(dec) * cos(difference)
    let east = cos(other.dec) * sin(difference)
    return Angle(radians: atan2(north, east)).wrapped
  }

  /// The point at a distance along the great circle that leaves at a bearing (0 toward east, 90 degrees toward north).
  package func offset(bearing: Angle, distance: Angle) -> SpherePoint {
    let east = SIMD3(-sin(ra), cos(ra), 0)
    let north = SIMD3(-sin(dec) * cos(ra), -sin(dec) * sin(ra), cos(dec))
    let direction = east * cos(bearing) + north * sin(bearing)
    return SpherePoint(unitVector * cos(distance) + direction * sin(distance))
  }
}

/// The vector product of two directions.
package func crossProduct(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
  SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}
