// SPDX-License-Identifier: GPL-3.0-or-later
// How the variance of a coadd is put right.

package import TaskFramework

/// How the variance of a coadd is put right for what is as large as its PSF.
package struct ScaleVarianceConfig: Config {
  package var maskPlanes = ["BAD", "SAT", "CR", "NO_DATA", "EDGE"]
  package var growMask = 1.0
  package var lowerLimit = 0.25
  package var upperLimit = 10.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "maskPlanes", \.maskPlanes, count: 0...32,
      doc: "planes, beside detections, of positions that are not blank; those that a coadd lacks are ignored"),
    .field("growMask", \.growMask, in: 0...20, doc: "distance that blank positions keep from these, FWHM of the PSF"),
    .field("lowerLimit", \.lowerLimit, in: 0...1, doc: "a factor below this is not believed, and not applied"),
    .field("upperLimit", \.upperLimit, in: 1...1e6, doc: "a factor above this is not believed, and not applied"),
  ]
}
