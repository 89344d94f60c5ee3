// SPDX-License-Identifier: GPL-3.0-or-later
// Galactic and ecliptic coordinates.

internal import SkyGeometry

/// Frames of the sky beside ICRS: constant rotations (framework B.7).
enum SkyFrame {
  case galactic
  /// The true ecliptic and equinox of J2000.0: frame bias, nutation and obliquity, without aberration.
  case ecliptic

  /// Longitude in [0, 360) and latitude, degrees.
  func coordinates(of direction: SIMD3<Double>) -> (longitude: Double, latitude: Double) {
    let rows = self == .galactic ? Self.galacticRows : Self.eclipticRows
    let position = SpherePoint(
      SIMD3((rows.0 * direction).sum(), (rows.1 * direction).sum(), (rows.2 * direction).sum()))
    return (position.ra.wrapped.degrees, position.dec.degrees)
  }

  private static let galacticRows = (
    SIMD3(-0.0548756577125916, -0.8734370519556159, -0.4838350736167155),
    SIMD3(0.4941094371927268, -0.4448297212232952, 0.7469821839866676),
    SIMD3(-0.8676661375596576, -0.1980763372730005, 0.4559838136873016)
  )
  private static let eclipticRows = (
    SIMD3(0.99999999772110293, 6.1899864112377719e-5, 2.6948113596424639e-5),
    SIMD3(-6.7511358934333656e-5, 0.9174821278268589, 0.39777699853123205),
    SIMD3(-1.0207044725483802e-7, -0.39777699944404304, 0.91748212991495548)
  )
}
