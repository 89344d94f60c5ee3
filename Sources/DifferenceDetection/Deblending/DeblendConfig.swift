// SPDX-License-Identifier: GPL-3.0-or-later
// How blends are separated.

package import TaskFramework

/// How sources whose footprints are one are separated; names of limits are those of LSST's deblender (detection-measurement A.7.1, F.1.10).
package struct DeblendConfig: Config {
  package var maxNumberOfPeaks = 20
  package var maxFootprintArea = 10_000
  package var maskPlanes = ["SAT", "INTRP", "NO_DATA"]
  package var maxMaskedFraction = 0.25
  package var psfChisq = 1.5
  package var psfError = 0.02
  package var minPeakSignificance = 5.0
  package var minSeparation = 3.5

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("maxNumberOfPeaks", \.maxNumberOfPeaks, in: 2...100, doc: "blends of more peaks stay one source"),
    .field("maxFootprintArea", \.maxFootprintArea, in: 1...100_000, doc: "larger blends stay one source, pixels"),
    .field("maskPlanes", \.maskPlanes, count: 0...32, doc: "pixels with these planes do not count"),
    .field("maxMaskedFraction", \.maxMaskedFraction, in: 0...1, doc: "blends of which more is masked stay one source"),
    .field(
      positive: "psfChisq", \.psfChisq, doc: "with a larger reduced χ² a blend is not one of point sources"),
    .field("psfError", \.psfError, in: 0...1, doc: "how wrong the PSF may be, as a part of it, beside the noise"),
    .field(
      "minPeakSignificance", \.minPeakSignificance, in: 0...1e6,
      doc: "peaks whose sources are fainter than so many times their error are none"),
    .field(
      positive: "minSeparation", \.minSeparation,
      doc: "what is no blend of point sources is separated where peaks are so far apart, standard deviations of the PSF"
    ),
  ]
}
