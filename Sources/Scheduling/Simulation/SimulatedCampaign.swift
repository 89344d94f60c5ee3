// SPDX-License-Identifier: GPL-3.0-or-later
// A campaign in virtual time, with everything that can go wrong.

internal import HeapModule

/// An invariant that did not hold, and how to see it again.
package struct SimulationFailure: Error, CustomStringConvertible {
  package let seed: UInt64
  package let time: Double
  package let reason: String
  package var description: String { "seed \(seed), at \(time) s of session time: \(reason)" }
}

/// What happened in a simulated campaign.
package struct SimulationSummary: Hashable, Sendable {
  package var events = 0
  package var sessions = 0
  package var virtualSeconds = 0.0
  /// How often each kind of thing happened: faults, states, ends.
  package var occurrences: [String: Int] = [:]
  /// A number that two equal courses of events have in common.
  package var trace: UInt64 = 14_695_981_039_346_656_037
}

/// Runs the real coordinator and the real workers in virtual time, with delays, deaths, stops, crashes, full disks and lost journal
/// tails that a seed determines, and checks after every event what must always hold (anchors 5 #27).
package final class SimulatedCampaign {
  enum Event {
    case toCoordinator(CoordinatorEvent)
    case toWorker(Int, WorkerEvent)
    /// The compute thread of a rank is through; the number tells an abandoned run from a later one.
    case computed(rank: Int, assignment: Assignment, Verdict, run: Int)
    case workerTick(Int)
    case coordinatorTick
    case synced(Int)
    case death(Int)
    case stop(Int)
    case crash
  }

  struct Scheduled: Comparable {
    let time: Double
    let order: Int
    let event: Event
    static func < (a: Scheduled, b: Scheduled) -> Bool { (a.time, a.order) < (b.time, b.order) }
    static func == (a: Scheduled, b: Scheduled) -> Bool { a.order == b.order }
  }

  enum JournalEntry {
    case succeeded(Int)
    case failed(Int)
    case strike(Int, isTimeout: Bool)
  }

  struct Rank {
    var machine: Worker
    var isAlive = true
    var stoppedUntil = 0.0
    var run = 0
    /// Messages of one sender arrive in the order in which they were sent.
    var lastToWorker = 0.0
    var lastToCoordinator = 0.0
  }

  let seed: UInt64
  let plan: SimulationPlan
  var random: SeededGenerator
  var queue = Heap<Scheduled>()
  var order = 0
  var now = 0.0
  var summary = SimulationSummary()

  // What outlives a session.
  var journal: [JournalEntry] = []
  var durableCount = 0
  var files: Set<Int> = []
  var failuresLeft: [Int: Int] = [:]
  var succeededEver: Set<Int> = []

  // Of the session.
  var coordinator: Coordinator
  var ranks: [Rank] = []
  var recordsByJournalLength: [Int] = []
  var syncIsDue = false
  var ending: EndReason?
  var hasCrashed = false
  var drainIsKnown = false
  /// What each unit has spent of its budgets, as this simulation counts it.
  var spent: [Int: Spent] = [:]
  var retired: Set<Int> = []

  struct Spent {
    var losses = 0
    var timeouts = 0
    var transients = 0
    /// Not to be tried again before.
    var due = 0.0
  }

  package init(seed: UInt64) {
    self.seed = seed
    plan = SimulationPlan(seed: seed)
    random = SeededGenerator(seed: seed &+ 0xABCD)
    coordinator = Coordinator(plan.graph, policy: plan.policy)
  }

  func failure(_ reason: String) -> SimulationFailure { SimulationFailure(seed: seed, time: now, reason: reason) }

  func note(_ name: String) { summary.occurrences[name, default: 0] += 1 }

  /// Runs sessions until there is nothing left to do.
  ///
  /// - Throws: ``SimulationFailure`` for the first thing that must not be.
  package func run() throws(SimulationFailure) -> SimulationSummary {
    var lastEnding: EndReason?
    // Each session but the last does something, or spends a part of some unit's budget; crashes are the only other way to end one.
    let bound = 60 + 4 * plan.graph.unitCount
    while true {
      summary.sessions += 1
      guard summary.sessions <= bound else { throw failure("\(bound) sessions were not enough") }
      // Random faults stop at some point, or nothing could be said about the end.
      try runSession(isQuiet: summary.sessions > 20)
      note(hasCrashed ? "end: crash" : "end: \(ending.map { "\($0)" } ?? "none")")
      summary.virtualSeconds += now
      if let ending, !hasCrashed {
        if ending == .complete { break }
        // What stops a run at its first failure, or for want of space, would do so again.
        if ending == lastEnding, [.failedFast, .storageFull, .tooManyFailures].contains(ending) { break }
        lastEnding = ending
      }
    }
    return summary
  }

  // MARK: - A session

  func runSession(isQuiet: Bool) throws(SimulationFailure) {
    let (done, failed, strikes) = replay()
    // What was accepted and lost with the end of the journal is done again.
    succeededEver = done
    queue = Heap()
    now = 0
    ending = nil
    hasCrashed = false
    drainIsKnown = false
    spent = strikes.mapValues { Spent(losses: $0.losses, timeouts: $0.timeouts) }
    retired = []
    syncIsDue = false
    recordsByJournalLength = Array(repeating: 0, count: journal.count + 1)
    for unit in done where !files.contains(unit) {
      throw failure("the journal says that \(unit) is done, and its file is not there")
    }
    coordinator = Coordinator(
      plan.graph, policy: plan.policy, done: done.sorted(), failed: failed.sorted(), blocked: plan.blocked(by: failed),
      strikes: strikes)
    ranks = (0..<plan.rankCount).map { _ in
      Rank(machine: Worker(startingAt: 0, heartbeatSeconds: 10, coordinatorLostAfter: 120))
    }
    for rank in ranks.indices {
      post(after: random.unit(), .toCoordinator(.joined(rank: rank)))
      post(after: 5 + random.unit(), .workerTick(rank))
    }
    post(after: 1, .coordinatorTick)
    if !isQuiet { scheduleFaults() }
    var eventsLeft = 200_000
    while ending == nil, !hasCrashed {
      guard let next = queue.popMin() else { throw failure("nothing is left to happen, and the run has not ended") }
      eventsLeft -= 1
      guard eventsLeft > 0, next.time < 1e6 else { throw failure("the session does not end") }
      now = next.time
      summary.events += 1
      summary.trace = (summary.trace ^ UInt64(truncatingIfNeeded: next.order) ^ now.bitPattern) &* 1_099_511_628_211
      try happen(next.event)
      try checkInvariants()
    }
    if !hasCrashed { try checkEnd(ending) }
  }

  func scheduleFaults() {
    func times(_ rate: Double) -> [Double] {
      guard rate > 0 else { return [] }
      return (0..<3).map { _ in random.unit() / rate }
    }
    for time in times(plan.deathRate) { post(after: time, .death(Int.random(in: ranks.indices, using: &random))) }
    for time in times(plan.stopRate) { post(after: time, .stop(Int.random(in: ranks.indices, using: &random))) }
    if let time = times(plan.crashRate).first { post(after: time, .crash) }
    if let time = times(plan.drainRate).first { post(after: time, .toCoordinator(.drain)) }
  }

  /// What the journal says when it is read again.
  func replay() -> (done: Set<Int>, failed: Set<Int>, strikes: [Int: (losses: Int, timeouts: Int)]) {
    var done: Set<Int> = []
    var failed: Set<Int> = []
    var strikes: [Int: (losses: Int, timeouts: Int)] = [:]
    for entry in journal {
      switch entry {
      case .succeeded(let unit): done.insert(unit)
      case .failed(let unit): failed.insert(unit)
      case .strike(let unit, let isTimeout):
        strikes[unit, default: (0, 0)].losses += isTimeout ? 0 : 1
        strikes[unit, default: (0, 0)].timeouts += isTimeout ? 1 : 0
      }
    }
    // A unit whose budget was spent just before a crash is as good as quarantined.
    for (unit, strike) in strikes where !done.contains(unit) {
      if strike.losses >= plan.policy.lossLimit || strike.timeouts >= plan.policy.timeoutLimit { failed.insert(unit) }
    }
    return (done, failed, strikes)
  }

  func post(after delay: Double, _ event: Event) {
    order += 1
    queue.insert(Scheduled(time: now + delay, order: order, event: event))
  }

  func send(toWorker rank: Int, _ event: WorkerEvent) {
    let time = max(now + 0.001 * random.unit() + (random.chance(0.02) ? 3 : 0), ranks[rank].lastToWorker)
    ranks[rank].lastToWorker = time
    post(after: time - now, .toWorker(rank, event))
  }

  func send(from rank: Int, _ event: CoordinatorEvent) {
    let time = max(now + 0.001 * random.unit() + (random.chance(0.02) ? 3 : 0), ranks[rank].lastToCoordinator)
    ranks[rank].lastToCoordinator = time
    post(after: time - now, .toCoordinator(event))
  }
}
