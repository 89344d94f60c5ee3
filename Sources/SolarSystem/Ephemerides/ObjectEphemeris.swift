// SPDX-License-Identifier: GPL-3.0-or-later
// Where an object is at one time.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Where an object of the solar system is at one time; NaN for what is not known.
///
/// Vectors are equatorial (ICRS), those of positions in AU, of velocities in km/s.
package struct ObjectEphemeris: Hashable, Sendable {
  /// As seen from the observer, degrees.
  package var ra = Double.nan
  package var dec = Double.nan
  /// Apparent motion, degrees a day; that in right ascension is multiplied by cos δ.
  package var rateRa = Double.nan
  package var rateDec = Double.nan
  /// V magnitude.
  package var magnitude = Double.nan
  /// From the Sun to the object.
  package var helio = SIMD3<Double>(repeating: .nan)
  package var helioVelocity = SIMD3<Double>(repeating: .nan)
  /// From the observer to the object.
  package var topo = SIMD3<Double>(repeating: .nan)
  package var topoVelocity = SIMD3<Double>(repeating: .nan)
  /// AU.
  package var helioRange = Double.nan
  package var topoRange = Double.nan
  /// km/s.
  package var topoRangeRate = Double.nan
  /// Sun, object, observer; degrees.
  package var phaseAngle = Double.nan

  package init() {}

  /// One AU a day in km/s.
  package static let kilometresPerSecond = 149_597_870.7 / 86_400
  static let kilometresPerAU = 149_597_870.7

  var position: SpherePoint { SpherePoint(raDegrees: ra, decDegrees: dec) }

  /// From positions of object and observer as seen from the Sun, AU, and velocities, AU a day (framework B.4).
  ///
  /// The object's position is that which light left, so rates lack the change of the light's way: they are good to 2 · 10⁻⁴ of themselves.
  init(
    object: (position: SIMD3<Double>, velocity: SIMD3<Double>),
    observer: (position: SIMD3<Double>, velocity: SIMD3<Double>)
  ) {
    helio = object.position
    topo = object.position - observer.position
    let motion = object.velocity - observer.velocity
    let direction = SpherePoint(topo)
    (ra, dec) = (direction.ra.wrapped.degrees, direction.dec.degrees)
    (helioRange, topoRange) = (length(helio), length(topo))
    helioVelocity = object.velocity * Self.kilometresPerSecond
    topoVelocity = motion * Self.kilometresPerSecond
    topoRangeRate = (topoVelocity * topo).sum() / topoRange
    phaseAngle = angle(helio, topo)
    let (east, north) = tangents(at: direction)
    rateRa = Angle(radians: (motion * east).sum() / topoRange).degrees
    rateDec = Angle(radians: (motion * north).sum() / topoRange).degrees
  }

  /// The ephemeris a little later or earlier, by straight motion; unknown rates leave the position where it is.
  func moved(byDays days: Double) -> ObjectEphemeris {
    guard days != 0 else { return self }
    guard days.isFinite else { return ObjectEphemeris() }
    var result = self
    if rateRa.isFinite, rateDec.isFinite {
      let (east, north) = tangents(at: position)
      let shift = east * Angle(degrees: rateRa * days).radians + north * Angle(degrees: rateDec * days).radians
      let moved = SpherePoint(position.unitVector + shift)
      (result.ra, result.dec) = (moved.ra.wrapped.degrees, moved.dec.degrees)
    }
    result.helio += helioVelocity * (days / Self.kilometresPerSecond)
    result.topo += topoVelocity * (days / Self.kilometresPerSecond)
    if topoRangeRate.isFinite { result.topoRange += topoRangeRate * days / Self.kilometresPerSecond }
    if result.helio.isFinite { result.helioRange = length(result.helio) }
    if result.helio.isFinite, result.topo.isFinite { result.phaseAngle = angle(result.helio, result.topo) }
    return result
  }
}

/// Unit vectors toward growing right ascension and declination.
func tangents(at position: SpherePoint) -> (east: SIMD3<Double>, north: SIMD3<Double>) {
  let (sinRa, cosRa, sinDec, cosDec) = (sin(position.ra), cos(position.ra), sin(position.dec), cos(position.dec))
  return (SIMD3(-sinRa, cosRa, 0), SIMD3(-sinDec * cosRa, -sinDec * sinRa, cosDec))
}

func length(_ vector: SIMD3<Double>) -> Double { (vector * vector).sum().squareRoot() }

/// The angle between two vectors, accurate also where they are nearly parallel; degrees.
func angle(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double {
  Angle(radians: atan2(length(crossProduct(a, b)), (a * b).sum())).degrees
}

extension SIMD3 where Scalar == Double {
  var isFinite: Bool { x.isFinite && y.isFinite && z.isFinite }
}
