// SPDX-License-Identifier: GPL-3.0-or-later
// When, where and how an exposure was taken.

package import SkyGeometry

/// When, where and how an exposure was taken; `nil` for what its source does not say.
package struct VisitInfo: Hashable, Sendable {
  /// Number of the visit.
  package var id: Int64?
  package var exposureSeconds: Double?
  package var darkSeconds: Double?
  /// Midpoint of the exposure: MJD, TAI.
  package var mjdTAI: Double?
  /// Midpoint of the exposure: MJD, UT1.
  package var mjdUT1: Double?
  package var earthRotationAngle: Angle?
  package var boresight: SpherePoint?
  package var boresightAzimuth: Angle?
  package var boresightAltitude: Angle?
  package var boresightAirmass: Double?
  package var boresightRotation: Angle?
  package var observatory: Observatory?
  package var airTemperatureCelsius: Double?
  package var airPressurePascal: Double?
  package var humidityPercent: Double?
  package var instrument: String?
  package var focusZMillimetres: Double?
  package var observationType: String?
  package var scienceProgram: String?
  package var observationReason: String?
  package var object: String?
  /// Whether any of the pixels are simulated.
  package var hasSimulatedContent: Bool?

  package init() {}

  /// A place on Earth.
  package struct Observatory: Hashable, Sendable {
    /// East of Greenwich.
    package var longitude: Angle
    package var latitude: Angle
    package var elevationMetres: Double

    package init(longitude: Angle, latitude: Angle, elevationMetres: Double) {
      self.longitude = longitude
      self.latitude = latitude
      self.elevationMetres = elevationMetres
    }
  }
}
