// SPDX-License-Identifier: GPL-3.0-or-later
// Where the time and the memory went.

internal import TaskFramework

/// Time and memory by task and by rank, lost attempts, the slowest quanta, and the sessions.
///
/// What is added in another order gives the same summary.
package struct TimingSummary: Sendable {
  package static let lostLimit = 100
  package static let slowestLimit = 10

  struct Task: Sendable {
    var seconds = NumberStatistics()
    var cpuSeconds = ExactSum()
    var maxResidentSetSize: Int64 = 0
  }

  struct RankKey: Sendable, Hashable, Comparable {
    var rank: Int
    var host: ByteText

    static func < (a: RankKey, b: RankKey) -> Bool { (a.rank, a.host) < (b.rank, b.host) }
  }

  struct Rank: Sendable {
    var units: Int64 = 0
    var quanta: Int64 = 0
    var busySeconds = ExactSum()
    var tasks: [ByteText: Int64] = [:]
    var maxResidentSetSize: Int64 = 0
  }

  struct SlowQuantum: Sendable, Comparable {
    var timing: QuantumTiming
    var rank: RankKey
    var order: QuantumOrder

    /// The slower one first.
    static func < (a: SlowQuantum, b: SlowQuantum) -> Bool {
      if a.timing.seconds != b.timing.seconds { return a.timing.seconds > b.timing.seconds }
      return a.order == b.order ? a.rank < b.rank : a.order < b.order
    }
  }

  struct LostAttempt: Sendable, Comparable {
    var session: Int
    var unit: ByteText
    var attempt: Int
    var rank: RankKey
    var outcome: AttemptRecord.Outcome

    static func < (a: LostAttempt, b: LostAttempt) -> Bool {
      (a.session, a.unit, a.attempt, a.rank, a.outcome.rawValue)
        < (b.session, b.unit, b.attempt, b.rank, b.outcome.rawValue)
    }
  }

  private(set) var tasks: [ByteText: Task] = [:]
  private(set) var ranks: [RankKey: Rank] = [:]
  private(set) var attempts: [AttemptRecord.Outcome: Int64] = [:]
  private(set) var slowest: [SlowQuantum] = []
  private(set) var lost: [LostAttempt] = []
  private(set) var sessions: [SessionRecord] = []
  private(set) var sessionSeconds = ExactSum()

  package init() {}

  package mutating func add(_ attempt: AttemptRecord) {
    attempts[attempt.outcome, default: 0] += 1
    let key = RankKey(rank: attempt.rank, host: ByteText(attempt.host))
    var rank = ranks.removeValue(forKey: key) ?? Rank()
    rank.units += 1
    rank.quanta += Int64(attempt.quanta.count)
    rank.busySeconds.add(attempt.seconds)
    for quantum in attempt.quanta {
      let task = ByteText(quantum.task)
      rank.tasks[task, default: 0] += 1
      rank.maxResidentSetSize = max(rank.maxResidentSetSize, quantum.maxResidentSetSize)
      tasks[task, default: Task()].add(quantum)
      noteSlow(quantum, on: key)
    }
    ranks[key] = rank
    if attempt.outcome == .lost || attempt.outcome == .timeout {
      let unit = ByteText(attempt.unit)
      lost.append(
        LostAttempt(
          session: attempt.session, unit: unit, attempt: attempt.attempt, rank: key, outcome: attempt.outcome))
      if lost.count >= 2 * Self.lostLimit { lost = firstLost }
    }
  }

  package mutating func add(_ session: SessionRecord) {
    sessions.append(session)
    sessionSeconds.add(session.seconds)
  }

  private mutating func noteSlow(_ quantum: QuantumTiming, on rank: RankKey) {
    guard quantum.seconds.isFinite else { return }
    if slowest.count == Self.slowestLimit, let last = slowest.last, quantum.seconds < last.timing.seconds { return }
    let entry = SlowQuantum(
      timing: quantum, rank: rank, order: QuantumOrder(task: quantum.task, dataID: quantum.dataID))
    slowest.insert(entry, at: slowest.firstIndex { entry < $0 } ?? slowest.endIndex)
    if slowest.count > Self.slowestLimit { slowest.removeLast() }
  }

  /// The first ones in their order.
  var firstLost: [LostAttempt] { Array(lost.sorted().prefix(Self.lostLimit)) }
}

extension TimingSummary.Task {
  fileprivate mutating func add(_ quantum: QuantumTiming) {
    seconds.add(quantum.seconds)
    cpuSeconds.add(quantum.cpuSeconds)
    maxResidentSetSize = max(maxResidentSetSize, quantum.maxResidentSetSize)
  }
}
