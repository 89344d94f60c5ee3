// SPDX-License-Identifier: GPL-3.0-or-later
// What the atmosphere and the sky do to exposures.

package import TaskFramework

/// The PSF: elliptical Moffat profiles.
package struct SeeingConfig: Config {
  package var seeingMin = 1.0
  package var seeingMax = 1.5
  package var beta = 3.0
  package var ellipticity = 0.05
  package var fwhmVariation = 0.05
  package var ellipticityVariation = 0.04
  package var radius = 4.0
  package var spatialOrder = 3

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("seeingMin", \.seeingMin, in: 0.05...100, doc: "FWHM at the field's centre in the best visits, arcseconds"),
    .field("seeingMax", \.seeingMax, in: 0.05...100, doc: "FWHM at the field's centre in the worst visits, arcseconds"),
    .field("beta", \.beta, in: 1.5...10, doc: "Moffat's exponent"),
    .field("ellipticity", \.ellipticity, in: 0...0.3, doc: "largest ellipticity (a²−b²)/(a²+b²) at the field's centre"),
    .field(
      "fwhmVariation", \.fwhmVariation, in: 0...0.3, doc: "largest change of the FWHM over the field, as a part of it"),
    .field(
      "ellipticityVariation", \.ellipticityVariation, in: 0...0.2,
      doc: "largest change of each ellipticity over the field"),
    .field("radius", \.radius, in: 1.5...20, doc: "where the profile ends, in FWHM of the visit"),
    .field("spatialOrder", \.spatialOrder, in: 0...6, doc: "order of the polynomials of the PSF that exposures carry"),
  ]

  package func validate() throws(ConfigProblem) {
    guard seeingMin <= seeingMax else {
      throw ConfigProblem(
        path: "seeingMin", reason: "\(seeingMin) is given; it must be at most seeingMax (\(seeingMax))")
    }
  }
}

/// The sky's brightness, and what its subtraction left.
package struct SkyLightConfig: Config {
  package var magnitudes = [20.8]
  package var scatter = 0.2
  package var offset = 5.0
  package var plane = 20.0
  package var curvature = 10.0
  package var wave = 8.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "magnitudes", \.magnitudes, count: 1...16,
      doc: "brightness of the sky, AB magnitudes a square arcsecond, one a band or one for all",
      requirement: "from 10 to 30", eachItem: { (10...30).contains($0) }),
    .field("scatter", \.scatter, in: 0...2, doc: "scatter of the brightness between visits, magnitudes"),
    .field(
      "offset", \.offset, in: 0...1e6,
      doc: "typical constant that sky subtraction left in a visit, nJy a pixel of the camera"),
    .field(
      "plane", \.plane, in: 0...1e6, doc: "typical height of the plane that it left at the field's corner, nJy a pixel"),
    .field(
      "curvature", \.curvature, in: 0...1e6,
      doc: "typical height of the bowl that it left, centre to corner, nJy a pixel"),
    .field("wave", \.wave, in: 0...1e6, doc: "typical amplitude of the long wave that it left, nJy a pixel"),
  ]
}

/// Tracks of cosmic rays.
package struct CosmicRaysConfig: Config {
  package var perMegapixel = 40.0
  package var length = 8.0
  package var charge = 1500.0
  package var unflaggedFraction = 0.1

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "perMegapixel", \.perMegapixel, in: 0...10_000, doc: "mean number of tracks a million pixels of an exposure"),
    .field("length", \.length, in: 0...500, doc: "mean length of a track, pixels"),
    .field("charge", \.charge, in: 1...1e6, doc: "mean charge of a pixel of a track, counts"),
    .field(
      "unflaggedFraction", \.unflaggedFraction, in: 0...1,
      doc: "part of the tracks that nobody found: in the pixels, without a flag"),
  ]
}

/// The catalog of stars of each exposure.
package struct SourcesConfig: Config {
  package var threshold = 5.0
  package var detectedSigma = 2.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("threshold", \.threshold, in: 1...1e4, doc: "least signal-to-noise ratio of the stars in src"),
    .field(
      "detectedSigma", \.detectedSigma, in: 0.1...1e4,
      doc: "DETECTED is set where the light of sources exceeds so many standard deviations of a pixel of sky"),
  ]
}
