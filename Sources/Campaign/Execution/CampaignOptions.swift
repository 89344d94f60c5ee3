// SPDX-License-Identifier: GPL-3.0-or-later
// How a campaign is started, and how it ends.

package import Scheduling

/// What the command line says besides the job.
package struct CampaignOptions: Sendable {
  /// Begins the run anew.
  package var restarts = false
  /// Runs of the same repository whose results may be used.
  package var skipExistingIn: [String] = []
  /// Whether units in quarantine are tried again.
  package var retriesQuarantined = false
  package var failsFast = false
  /// Whether it is well that nothing is selected.
  package var allowsEmpty = false
  package var progress = ProgressStyle.auto
  /// Accidents on purpose; empty for none.
  package var faults = ""
  /// Gives units out in another order.
  package var shuffleSeed: UInt64?

  package init() {}
}

/// How a campaign ended.
package enum CampaignEnd: Hashable, Sendable {
  /// Nothing is left to do; so many quanta failed or could not run.
  case complete(failed: Int, blocked: Int)
  case ended(EndReason, failed: Int)
  /// There was nothing to do at all.
  case nothingSelected

  /// After sysexits: 0 all done, 1 finished and some quanta failed, 74 no space, 75 interrupted and resumable.
  package var exitCode: Int32 {
    switch self {
    case .complete(let failed, let blocked): failed + blocked > 0 ? 1 : 0
    case .ended(.complete, let failed): failed > 0 ? 1 : 0
    case .ended(.failedFast, _), .ended(.tooManyFailures, _): 1
    case .ended(.storageFull, _): 74
    case .ended(.drained, _), .ended(.noRanks, _): 75
    case .nothingSelected: 0
    }
  }
}
