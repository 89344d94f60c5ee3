// SPDX-License-Identifier: GPL-3.0-or-later
// Matching the backgrounds of a whole tract.

internal import Logging
internal import TaskFramework

extension MatchBackgroundsTask {
  /// Matches the backgrounds of a tract's visits, from what their warps have in each cell.
  ///
  /// **Metadata.** `referenceVisit`; side by side `visits`, `fitRMS` (nJy a pixel), `overlapFraction`; `unmatchedVisits`;
  /// of the global strategy `solverSteps`, `solverRelativeResidual`.
  ///
  /// - Throws: ``TractMatchingError``, ``Imaging/ImagingError``.
  package func runTract(
    _ bins: TractBins, checkCancellation: () throws -> Void = {}
  ) throws -> TractSolution {
    try timer("run") { () throws in
      let solution = try bins.solve(config.tract, check: checkCancellation)
      if let reference = solution.referenceVisit { try metadata.set("referenceVisit", .integer(reference)) }
      try metadata.set("visits", solution.models.map { .integer($0.visit) })
      try metadata.set("fitRMS", solution.models.map { .float($0.fitRMS) })
      try metadata.set("overlapFraction", solution.models.map { .float($0.overlapFraction) })
      if let search = solution.search {
        try metadata.set("solverSteps", search.steps)
        try metadata.set("solverRelativeResidual", search.relativeResidual)
        if search.relativeResidual > 1e-6 {
          log.warning(
            "the solution of all backgrounds is good to \(search.relativeResidual) after \(search.steps) steps only")
        }
      }
      let unmatched = solution.models.filter { $0.background == nil }.map(\.visit)
      try metadata.set("unmatchedVisits", unmatched.map { .integer($0) })
      if !unmatched.isEmpty {
        log.warning(
          """
          visits \(unmatched.map { "\($0)" }.joined(separator: ", ")) share no cell with the others that are matched and are left \
          out\(config.tract.strategy == .reference ? "; tract.strategy: global may match them" : "")
          """)
      }
      return solution
    }
  }
}
