// SPDX-License-Identifier: GPL-3.0-or-later
// How cosmic rays are told from sources.

package import TaskFramework

/// How cosmic rays are told from sources; names and defaults are those of LSST's FindCosmicRaysConfig (detection-measurement A.14.4).
package struct CosmicRayConfig: Config {
  package var nCrPixelMax = 1_000_000
  package var minSigma = 6.0
  package var minDN = 150.0
  package var cond3Fac = 2.0
  package var cond3Fac2 = 0.35
  package var niteration = 6
  package var keepCRs = true

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "nCrPixelMax", \.nCrPixelMax, in: 1...1_000_000_000, doc: "more pixels than this are no cosmic rays: an error"),
    .field(
      positive: "minSigma", \.minSigma,
      doc: "how far a pixel stands out of two opposite neighbours, in its standard deviations"),
    .field("min_DN", \.minDN, in: 0...1e9, doc: "least sum of the pixels that are found at first, counts"),
    .field(
      "cond3_fac", \.cond3Fac, in: 0...100,
      doc: "standard deviations by which a pixel is sharper than the PSF, on either side"),
    .field(
      "cond3_fac2", \.cond3Fac2, in: 0...100, doc: "how much sharper than the PSF a pixel is; 1 for just as sharp"),
    .field("niteration", \.niteration, in: 0...1000, doc: "rounds of looking for more pixels beside those found"),
    .field(
      "keepCRs", \.keepCRs, doc: "the pixels keep their values: nothing is put in their place here",
      requirement: "true", where: { $0 }),
  ]
}
