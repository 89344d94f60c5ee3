// SPDX-License-Identifier: GPL-3.0-or-later
// How the families of a coadd are separated.

package import TaskFramework

/// How the sources of a family are separated on a coadd; names are those of LSST's deblender by templates (detection-measurement A.7.1).
package struct CoaddDeblendConfig: Config {
  /// What a template does where the image ends.
  package enum EdgeHandling: String, ConfigChoice {
    /// It ends there, and at the mirror image of the edge.
    case clip
    /// It is continued beyond the edge with the PSF, so that only the edge itself ends it.
    case ramp
  }

  package var edgeHandling = EdgeHandling.ramp
  package var psfChisq1 = 1.5
  package var psfChisq2 = 1.5
  package var psfChisq2b = 1.5
  package var psfError = 0.02
  package var maxNumberOfPeaks = 0
  package var maxFootprintArea = 1_000_000
  package var maxFootprintSize = 0
  package var minFootprintAxisRatio = 0.0
  package var maskPlanes = ["SAT", "INTRP", "NO_DATA"]
  package var maskLimits = ["NO_DATA": 0.25]
  package var medianSmoothTemplate = true
  package var medianFilterHalfsize = 2
  package var monotonicTemplate = true

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("edgeHandling", \.edgeHandling, doc: "what a template does where the image ends"),
    .field(
      positive: "psfChisq1", \.psfChisq1, doc: "with a larger reduced χ² a peak is no point source where it is"),
    .field(positive: "psfChisq2", \.psfChisq2, doc: "the same of the fit that finds how far the peak has to move"),
    .field(positive: "psfChisq2b", \.psfChisq2b, doc: "the same of the fit at the place to which it moved"),
    .field("psfError", \.psfError, in: 0...1, doc: "how wrong the PSF may be, as a part of it, beside the noise"),
    .field("maxNumberOfPeaks", \.maxNumberOfPeaks, in: 0..., doc: "families of more peaks are skipped; 0 for any"),
    .field("maxFootprintArea", \.maxFootprintArea, in: 0..., doc: "larger families are skipped, pixels; 0 for any"),
    .field(
      "maxFootprintSize", \.maxFootprintSize, in: 0..., doc: "wider or higher families are skipped, pixels; 0 for any"),
    .field(
      "minFootprintAxisRatio", \.minFootprintAxisRatio, in: 0...1,
      doc: "longer families are skipped: minor over major axis; 0 for any"),
    .field(
      "maskPlanes", \.maskPlanes, count: 0...32,
      doc: "pixels with these planes do not count for the noise of the image"),
    .field(
      "maskLimits", \.maskLimits,
      doc: "families of which more than a part has a plane are skipped; pixels beyond the image and those that are "
        + "not finite count as NO_DATA",
      requirement: "parts from 0 to 1 by plane", where: { $0.values.allSatisfy { (0...1).contains($0) } }),
    .field("medianSmoothTemplate", \.medianSmoothTemplate, doc: "whether symmetric templates are smoothed by a median"),
    .field(
      "medianFilterHalfsize", \.medianFilterHalfsize, in: 1...10,
      doc: "the median is that of so many pixels to each side"),
    .field(
      "monotonicTemplate", \.monotonicTemplate, doc: "whether symmetric templates may only decrease outward"),
  ]
}
