// SPDX-License-Identifier: GPL-3.0-or-later
// What detection on a difference gives.

package import Catalogs
package import Imaging

/// What detection on a difference gives.
package struct DetectAndMeasureResult: Sendable {
  /// The difference as it was, with detection planes in its mask.
  package var subtractedMeasuredExposure: Exposure
  /// The sources; `nil` when it never came to measuring them.
  package var diaSources: Catalog?
  /// Sources that were found and dropped, each with the reason (``DroppedSources``).
  package var droppedSources: Catalog?
  /// What was subtracted before sources were found; the difference that is returned still has it.
  package var differenceBackground: Image<Float>?
  package var maskedStreaks: [Streak] = []
  package var glints: [GlintTrail] = []
  /// Science image, template and difference about each source.
  package var cutouts: SourceCutouts?
  /// How empty positions are distributed.
  package var null: NullSummary?
  /// Why the catalog is not to be trusted, or not there; the outputs are those there are.
  package var failure: (any Error)?

  /// How empty positions are distributed, in standard deviations.
  package struct NullSummary: Hashable, Sendable {
    package let mean: Double
    package let stdev: Double
    package let count: Int
  }
}

/// Square pictures of each source, one after the other, row by row.
package struct SourceCutouts: Sendable {
  package let science: Cutouts
  package let template: Cutouts
  package let difference: Cutouts
}
