// SPDX-License-Identifier: GPL-3.0-or-later
// What happens to a coordinator, and what it wants done.

/// How a rank says that a unit ended.
package enum Verdict: Hashable, Sendable {
  case succeeded
  /// The data or the task failed; trying again would give the same.
  case failed
  /// Input or output failed in a way that may pass.
  case failedTransiently
  /// There is no space to write to.
  case storageFull
  /// It ran out of time; when it did not listen either, its rank is of no more use.
  case timedOut(isStuck: Bool)
  /// It was asked to end before it was through; it may start again.
  case interrupted
}

package enum CoordinatorEvent: Hashable, Sendable {
  /// A rank is ready for work.
  case joined(rank: Int)
  /// A rank gave a sign of life.
  case heard(rank: Int)
  /// - blocked: units that can no longer run because of this, now or further down, in any order.
  case finished(rank: Int, unit: Int, attempt: Int, Verdict, seconds: Double, blocked: [Int])
  /// A rank is gone, or says what no rank says.
  case lost(rank: Int)
  /// A unit in quarantine was written down as failed, as the next record; with the units that cannot run because of it.
  case quarantined(unit: Int, blocked: [Int])
  /// All that was asked to be recorded up to a number is safe.
  case durable(recordCount: Int)
  /// Finish what runs, start nothing.
  case drain
  case tick
}

/// Why a run ends.
package enum EndReason: Hashable, Sendable {
  /// There is nothing left to do.
  case complete
  case drained
  case failedFast
  case tooManyFailures
  case storageFull
  /// Work is left, and nobody to do it.
  case noRanks
}

package enum CoordinatorEffect: Hashable, Sendable {
  /// Give units to a rank, to be done in this order.
  case assign(rank: Int, [Assignment])
  /// A result counts: write it down. Records are numbered from 1 on in the order of these effects.
  case record(unit: Int, attempt: Int, rank: Int)
  /// A result comes too late to count.
  case discard(unit: Int, attempt: Int, rank: Int)
  /// Write down that a start of a unit ended with the loss of its rank, or by running out of time.
  case recordStrike(unit: Int, attempt: Int, rank: Int, isTimeout: Bool)
  /// A unit has lost its rank, or its time, too often: write down that it failed, as the next record, and answer with
  /// ``CoordinatorEvent/quarantined(unit:blocked:)``.
  case quarantine(unit: Int, attempt: Int, losses: Int, timeouts: Int)
  /// A rank is given no more work; it should leave.
  case retire(rank: Int)
  /// A rank is to leave: all is over.
  case release(rank: Int)
  case end(EndReason)
}

/// A unit given to a rank.
package struct Assignment: Hashable, Sendable {
  package let unit: Int
  /// Counts the starts of the unit in this run, from 1 on.
  package let attempt: Int

  package init(unit: Int, attempt: Int) {
    self.unit = unit
    self.attempt = attempt
  }
}

/// Where a unit stands.
package enum UnitState: UInt8, Hashable, Sendable, CaseIterable {
  /// Others have to be done before.
  case waiting
  case ready
  /// To be tried again after a pause.
  case delayed
  /// Given to a rank.
  case running
  /// Its result counts and is being written down.
  case recorded
  case done
  case failed
  /// It cannot run, since something before it failed.
  case blocked

  /// Whether nothing will change any more.
  package var isFinal: Bool { self == .done || self == .failed || self == .blocked }
}
