// SPDX-License-Identifier: GPL-3.0-or-later
// Matching the backgrounds of a whole tract.

internal import Logging
internal import TaskFramework

extension MatchBackgroundsTask {
  /// Matches the backgrounds of a tract's visits, from what their warps have in each cell.
  ///
  /// **Metadata.** `referenceVisit`; side by side `visits`, `fitRMS` (nJy a pixel), `overlapFraction`; `unmatchedVisits`.
  ///
  /// - Throws: ``TractMatchingError``, ``Imaging/ImagingError``.
  package func runTract(_ bins: TractBins) throws -> TractSolution {
    try timer("run") { () throws in
      let solution = try bins.solve(config.tract)
      if let reference = solution.referenceVisit { try metadata.set("referenceVisit", .integer(reference)) }
      try metadata.set("visits", solution.models.map { .integer($0.visit) })
      try metadata.set("fitRMS", solution.models.map { .float($0.fitRMS) })
      try metadata.set("overlapFraction", solution.models.map { .float($0.overlapFraction) })
      let unmatched = solution.models.filter { $0.background == nil }.map(\.visit)
      try metadata.set("unmatchedVisits", unmatched.map { .integer($0) })
      if !unmatched.isEmpty {
        log.warning(
          """
          visits \(unmatched.map { "\($0)" }.joined(separator: ", ")) share no cell with the reference and are left out; \
          tract.strategy: global may match them
          """)
      }
      return solution
    }
  }
}
