// SPDX-License-Identifier: GPL-3.0-or-later
// What detection finds.

package import Catalogs

/// What detection finds.
package struct DetectedFootprints: Hashable, Sendable {
  /// `nil` when positive sources were not looked for.
  package let positive: FootprintSet?
  /// `nil` when negative sources were not looked for.
  package let negative: FootprintSet?

  /// How empty positions are distributed; `nil` for too few of them, or thresholds that do not count in standard deviations of pixels.
  package var null: NullDistribution?

  package var numPos: Int { positive?.count ?? 0 }
  package var numPosPeaks: Int { positive?.peakCount ?? 0 }
  package var numNeg: Int { negative?.count ?? 0 }
  package var numNegPeaks: Int { negative?.peakCount ?? 0 }
}

/// What detection finds, with a row for each source.
package struct DetectedSources: Hashable, Sendable {
  /// The negative sources, then the positive ones; each row has its footprint.
  package let sources: Catalog
  package let footprints: DetectedFootprints
}
