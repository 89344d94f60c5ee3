// SPDX-License-Identifier: GPL-3.0-or-later
// How neighbours are measured together.

package import TaskFramework

/// How the fluxes of neighbours are solved for together (detection-measurement F.1.9).
package struct JointForcedConfig: Config {
  package var weights = Weights.uniform
  package var badMaskPlanes = ["BAD", "SAT", "NO_DATA"]
  package var maxGroupSize = 50_000
  package var minOwnPart = 1e-3

  package init() {}

  /// What a pixel counts.
  package enum Weights: String, ConfigChoice {
    /// 1, as for `base_PsfFlux`: an isolated source has exactly its flux, which does not depend on how noise was estimated.
    case uniform
    /// 1/v: smaller errors where the noise of the background is not the same everywhere; biased low for bright sources whose own noise is in v.
    case inverseVariance
  }

  package static let fields: [ConfigField<Self>] = [
    .field(
      "weights", \.weights,
      doc: "what a pixel counts: the same for all, or the inverse of its variance"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels with these planes are left out; those that an image lacks are ignored"),
    .field(
      "maxGroupSize", \.maxGroupSize, in: 1...1_000_000,
      doc: "sources of larger groups are flagged, not solved"),
    .field(
      "minOwnPart", \.minOwnPart, in: 1e-10...0.5,
      doc:
        "a source of whose fit neighbours leave less is one with that nearest to it; at 0.001 its error is 32 times that of a source by "
        + "itself, and errors of the PSF count as often: two sources less than 0.045 standard deviations of the PSF apart"
    ),
  ]
}
