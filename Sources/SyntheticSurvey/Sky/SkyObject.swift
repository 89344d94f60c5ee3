// SPDX-License-Identifier: GPL-3.0-or-later
// What there is on the sky.

internal import Foundation
package import SkyGeometry

/// What an object is, as truth catalogs call it.
package enum SkyObjectKind: String, CaseIterable, Sendable {
  case star, galaxy, variable, transient, properMotion, solarSystem
}

/// An object of the sky.
package struct SkyObject: Sendable {
  /// What an object does besides being there.
  enum Behaviour: Sendable {
    case constant
    case galaxy(GalaxyShape)
    case periodic(PeriodicLight)
    case episode(Episode)
    case properMotion(ProperMotion)
    case orbit(MinorPlanet)
  }

  /// From 1 on over the whole survey.
  package let id: Int64
  /// Where it is, of what moves when the survey begins.
  package let position: SpherePoint
  /// Mean or largest flux in each band of the survey, nJy.
  package let fluxes: [Double]
  let direction: SIMD3<Double>
  let behaviour: Behaviour

  init(id: Int64, position: SpherePoint, fluxes: [Double], _ behaviour: Behaviour) {
    self.id = id
    self.position = position
    self.fluxes = fluxes
    self.behaviour = behaviour
    direction = position.unitVector
  }

  package var kind: SkyObjectKind {
    switch behaviour {
    case .constant: .star
    case .galaxy: .galaxy
    case .periodic: .variable
    case .episode: .transient
    case .properMotion: .properMotion
    case .orbit: .solarSystem
    }
  }

  /// Whether it can differ from the static sky.
  package var isChanging: Bool { kind != .star && kind != .galaxy }

  /// Flux at a time (MJD, TAI) in a band, by its place in the survey's list, nJy.
  package func flux(band: Int, mjd: Double) -> Double {
    switch behaviour {
    case .periodic(let light): fluxes[band] * light.factor(mjd)
    case .episode(let episode): fluxes[band] * episode.factor(mjd)
    case .constant, .galaxy, .properMotion, .orbit: fluxes[band]
    }
  }

  /// Flux of the static sky at ``position``: that of a variable is its mean, of what comes and goes 0, of what disappears all.
  package func staticFlux(band: Int) -> Double {
    switch behaviour {
    case .constant, .galaxy, .periodic, .properMotion: fluxes[band]
    case .episode(let episode): episode.isDisappearance ? fluxes[band] : 0
    case .orbit: 0
    }
  }

  /// Where it is at a time (MJD, TAI); not finite where no direction exists.
  package func position(mjd: Double) -> SpherePoint {
    switch behaviour {
    case .properMotion(let motion): motion.position(mjd, from: position)
    case .orbit(let planet): planet.trajectory.position(mjd: mjd)
    case .constant, .galaxy, .periodic, .episode: position
    }
  }
}

/// The light of a periodic variable: a sine in magnitudes.
struct PeriodicLight: Sendable {
  let epoch: Double
  /// Days.
  let period: Double
  /// Mean to peak, magnitudes.
  let amplitude: Double
  /// Radians at the epoch.
  let phase: Double

  func factor(_ mjd: Double) -> Double {
    pow(10, -0.4 * amplitude * sin(2 * .pi * (mjd - epoch) / period + phase))
  }
}

/// Light that is there, or missing, from a start to an end.
struct Episode: Sendable {
  let isDisappearance: Bool
  /// MJD (TAI).
  let start: Double
  let end: Double
  /// e-folding times in days, of what appears.
  let rise: Double
  let decline: Double

  func factor(_ mjd: Double) -> Double {
    let isWithin = mjd >= start && mjd <= end
    guard !isDisappearance else { return isWithin ? 0 : 1 }
    guard isWithin else { return 0 }
    return (1 - exp(-(mjd - start) / rise)) * exp(-(mjd - start) / decline)
  }
}

/// Motion along a great circle.
struct ProperMotion: Sendable {
  let epoch: Double
  /// 0 toward east, 90 degrees toward north.
  let bearing: Angle
  /// Arcseconds a year.
  let speed: Double

  func position(_ mjd: Double, from start: SpherePoint) -> SpherePoint {
    start.offset(bearing: bearing, distance: .arcseconds(speed * (mjd - epoch) / 365.25))
  }
}

/// The shape of a galaxy, the same in all bands.
struct GalaxyShape: Sendable {
  /// Half-light radius along the major axis, arcseconds.
  let radius: Double
  let axisRatio: Double
  /// From north toward east.
  let positionAngle: Angle
  /// Part of the light that follows de Vaucouleurs' profile; the rest is exponential.
  let bulge: Double
}
