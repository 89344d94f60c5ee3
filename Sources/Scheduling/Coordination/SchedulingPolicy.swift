// SPDX-License-Identifier: GPL-3.0-or-later
// How patient the scheduler is.

/// Budgets and deadlines (anchors 4.3 #6, #7).
package struct SchedulingPolicy: Hashable, Sendable {
  /// Starts of a unit that may end with the loss of its rank; then it is quarantined.
  package var lossLimit = 2
  /// Starts of a unit that may run out of time.
  package var timeoutLimit = 2
  /// Times that a unit is tried again after input or output failed in a way that may pass.
  package var transientRetryLimit = 3
  /// Seconds before the first such retry; each further one waits four times as long.
  package var retryDelay = 0.5
  /// Seconds of silence after which a rank counts as lost.
  package var lostAfter = 30.0
  /// Seconds of work that a rank may hold beyond what it does now, so that short units follow without a pause.
  package var prefetchSeconds = 0.02
  package var largestPrefetch = 64
  /// Ends the run at the first failure.
  package var failsFast = false
  /// Ends the run when more than this fraction of the first 200 units failed: then something else is wrong.
  package var largestFailureFraction = 0.5
  /// Ends the run after this many units in a row found no space to write to.
  package var storageFailureLimit = 3

  package init() {}
}
