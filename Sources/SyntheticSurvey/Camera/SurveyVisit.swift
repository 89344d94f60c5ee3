// SPDX-License-Identifier: GPL-3.0-or-later
// One pointing of the telescope.

package import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One pointing of the telescope: when, where, through which filter and which air.
package struct SurveyVisit: Hashable, Sendable {
  package let number: Int64
  /// Place of the band in the survey's list.
  package let bandIndex: Int
  package let band: String
  /// Which of the survey's fields.
  package let field: Int
  /// Middle of the exposure, MJD (TAI).
  package let mjd: Double
  package let boresight: SpherePoint
  /// From north toward east to the direction of the rows, turned about the boresight.
  package let rotation: Angle
  /// AB magnitude of one count.
  package let zeroPoint: Double
  /// FWHM of the PSF on the boresight, arcseconds.
  package let seeing: Double
  /// Brightness of the sky, AB magnitudes a square arcsecond.
  package let skyMagnitude: Double

  /// All visits of a survey.
  static func schedule(_ config: SurveyConfig) -> [SurveyVisit] {
    let centers = SurveyTracts(config).centers
    return (0..<config.visits.count).map { index in
      var random = RandomStream(config.seed, "visit", index)
      let (night, turn) = index.quotientAndRemainder(dividingBy: config.visits.visitsPerNight)
      // A field has all bands before its next one comes.
      let field = index / config.bands.count % centers.count
      let band = index % config.bands.count
      let distance = config.visits.dither * random.uniform().squareRoot()
      return SurveyVisit(
        number: Int64(config.visits.first + index), bandIndex: band, band: config.bands[band], field: field,
        mjd: config.visits.firstMjd + Double(night * config.visits.nightsBetween)
          + Double(turn) * config.visits.minutesBetween / 1440,
        boresight: centers[field].offset(
          bearing: .radians(2 * .pi * random.uniform()), distance: .arcseconds(distance)),
        rotation: .degrees(config.visits.rotation * random.uniform(-1, 1)),
        zeroPoint: config.value(of: config.visits.zeroPoints, band: band)
          + config.visits.transparencyScatter * max(-3, min(3, random.gaussian())),
        seeing: random.uniform(config.psf.seeingMin, config.psf.seeingMax),
        skyMagnitude: config.value(of: config.sky.magnitudes, band: band)
          + config.sky.scatter * max(-3, min(3, random.gaussian())))
    }
  }

  /// From pixels to degrees toward east and north on the tangent plane; rows run north when nothing is rotated, right is west.
  func cd(pixelScale: Double) -> AffineTransform {
    let scale = pixelScale / 3600
    let (c, s) = (cos(rotation), sin(rotation))
    return AffineTransform(xx: -scale * c, xy: scale * s, yx: scale * s, yy: scale * c)
  }
}
