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

  private struct Scheduled: Comparable {
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
  private var random: SeededGenerator
  private var queue = Heap<Scheduled>()
  private var order = 0
  private var now = 0.0
  var summary = SimulationSummary()

  // What outlives a session.
  private var journal: [JournalEntry] = []
  private var durableCount = 0
  private(set) var files: Set<Int> = []
  private var failuresLeft: [Int: Int] = [:]
  var succeededEver: Set<Int> = []

  // Of the session.
  var coordinator: Coordinator
  private var ranks: [Rank] = []
  private var recordsByJournalLength: [Int] = []
  private var syncIsDue = false
  private var ending: EndReason?
  private var hasCrashed = false
  private var drainIsKnown = false
  /// What each unit has spent of its budgets, as this simulation counts it.
  private(set) var spent: [Int: Spent] = [:]
  private(set) var retired: Set<Int> = []

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

  private func runSession(isQuiet: Bool) throws(SimulationFailure) {
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

  private func scheduleFaults() {
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
  private func replay() -> (done: Set<Int>, failed: Set<Int>, strikes: [Int: (losses: Int, timeouts: Int)]) {
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

  private func post(after delay: Double, _ event: Event) {
    order += 1
    queue.insert(Scheduled(time: now + delay, order: order, event: event))
  }

  private func send(toWorker rank: Int, _ event: WorkerEvent) {
    let time = max(now + 0.001 * random.unit() + (random.chance(0.02) ? 3 : 0), ranks[rank].lastToWorker)
    ranks[rank].lastToWorker = time
    post(after: time - now, .toWorker(rank, event))
  }

  private func send(from rank: Int, _ event: CoordinatorEvent) {
    let time = max(now + 0.001 * random.unit() + (random.chance(0.02) ? 3 : 0), ranks[rank].lastToCoordinator)
    ranks[rank].lastToCoordinator = time
    post(after: time - now, .toCoordinator(event))
  }

  // MARK: - What happens

  private func happen(_ event: Event) throws(SimulationFailure) {
    switch event {
    case .toCoordinator(let event):
      try tell(event)
      // As in production: were a rank that waits not answered, it would leave, and a run that hangs would seem to end.
      if case .heard(let rank) = event { send(toWorker: rank, retired.contains(rank) ? .released : .heard) }
    case .toWorker(let rank, let event): tell(rank, event)
    case .workerTick(let rank):
      guard ranks[rank].isAlive else { return }
      tell(rank, .tick)
      post(after: 5, .workerTick(rank))
    case .coordinatorTick:
      try tell(.tick)
      post(after: 1, .coordinatorTick)
    case .synced(let length):
      syncIsDue = false
      durableCount = max(durableCount, length)
      note("journal synced")
      try tell(.durable(recordCount: recordsByJournalLength[length]))
      if durableCount < journal.count { startSync() }
    case .computed(let rank, let assignment, let verdict, let run):
      try compute(rank, assignment, verdict, run)
    case .death(let rank): die(rank, of: "death")
    case .stop(let rank):
      note("stop")
      ranks[rank].stoppedUntil = now + (random.chance(0.5) ? 5 : 50)
    case .crash:
      note("coordinator crash")
      crash()
    }
  }

  private func die(_ rank: Int, of cause: String) {
    guard ranks[rank].isAlive else { return }
    note(cause)
    if plan.survivesDeaths, rank != 0 {
      ranks[rank].isAlive = false
      post(after: 1 + random.unit(), .toCoordinator(.lost(rank: rank)))
    } else {
      crash()
    }
  }

  /// Everything dies; of what was not safe some beginning is left.
  private func crash() {
    hasCrashed = true
    let kept = Int.random(in: durableCount...max(durableCount, journal.count), using: &random)
    if kept < journal.count { note("journal tail lost") }
    journal.removeLast(journal.count - kept)
    durableCount = kept
  }

  private func tell(_ rank: Int, _ event: WorkerEvent) {
    guard ranks[rank].isAlive else { return }
    guard ranks[rank].stoppedUntil <= now else {
      post(after: ranks[rank].stoppedUntil - now, .toWorker(rank, event))
      return
    }
    var effects: [WorkerEffect] = []
    ranks[rank].machine.handle(event, at: now, &effects)
    for effect in effects {
      switch effect {
      case .start(let assignment): start(rank, assignment)
      case .report(let assignment, let verdict, let seconds):
        let blocked =
          verdict == .failed || verdict == .storageFull || verdict == .failedTransiently
          ? plan.blocked(by: [assignment.unit]) : []
        send(
          from: rank,
          .finished(
            rank: rank, unit: assignment.unit, attempt: assignment.attempt, verdict, seconds: seconds, blocked: blocked)
        )
      case .cancel:
        note("cancel")
        guard let current = ranks[rank].machine.running, case .slow = plan.natures[current.unit] else { break }
        post(
          after: 1, .computed(rank: rank, assignment: current, .timedOut(isStuck: false), run: ranks[rank].run))
      case .abandonThread:
        note("thread abandoned")
        ranks[rank].run += 1
      case .heartbeat: send(from: rank, .heard(rank: rank))
      case .leave(let reason): note("leave: \(reason)")
      }
    }
  }

  private func start(_ rank: Int, _ assignment: Assignment) {
    ranks[rank].run += 1
    tell(rank, .quantumStarted(timeout: plan.timeout))
    let seconds = plan.seconds[assignment.unit]
    let verdict: Verdict
    switch plan.natures[assignment.unit] {
    case .sound: verdict = .succeeded
    case .bad: verdict = .failed
    case .homeless: verdict = .storageFull
    case .flaky(let failures):
      let left = failuresLeft[assignment.unit] ?? failures
      failuresLeft[assignment.unit] = left - 1
      verdict = left > 0 ? .failedTransiently : .succeeded
    case .poison:
      // The process leaves a note of what it died of.
      note("poison")
      if !plan.survivesDeaths || rank == 0 {
        journal.append(.strike(assignment.unit, isTimeout: false))
        recordsByJournalLength.append(recordsByJournalLength.last ?? 0)
        durableCount = journal.count
      }
      die(rank, of: "death by poison")
      return
    case .endless, .slow: return
    }
    post(after: seconds, .computed(rank: rank, assignment: assignment, verdict, run: ranks[rank].run))
  }

  private func compute(_ rank: Int, _ assignment: Assignment, _ verdict: Verdict, _ run: Int) throws(SimulationFailure)
  {
    guard ranks[rank].isAlive, ranks[rank].run == run else { return }
    guard ranks[rank].stoppedUntil <= now else {
      post(
        after: ranks[rank].stoppedUntil - now,
        .computed(rank: rank, assignment: assignment, verdict, run: run))
      return
    }
    // Products are safe before anyone hears of them.
    if verdict == .succeeded { files.insert(assignment.unit) }
    tell(rank, .unitEnded(unit: assignment.unit, verdict))
  }

  private func tell(_ event: CoordinatorEvent) throws(SimulationFailure) {
    var effects: [CoordinatorEffect] = []
    if event == .drain {
      note("drain")
      drainIsKnown = true
    }
    coordinator.handle(event, at: now, &effects)
    var verdict: Verdict?
    if case .finished(let rank, let unit, let attempt, let given, _, _) = event {
      verdict = given
      if given == .failedTransiently || given == .storageFull,
        !effects.contains(.discard(unit: unit, attempt: attempt, rank: rank))
      {
        spend(unit) { spent in
          spent.transients += 1
          spent.due = now + plan.policy.retryDelay * (0..<(spent.transients - 1)).reduce(1.0) { pause, _ in pause * 4 }
        }
      }
    }
    for effect in effects { try carryOut(effect, verdict) }
  }

  private func spend(_ unit: Int, _ body: (inout Spent) -> Void) { body(&spent[unit, default: Spent()]) }

  private func carryOut(_ effect: CoordinatorEffect, _ verdict: Verdict?) throws(SimulationFailure) {
    switch effect {
    case .assign(let rank, let assignments):
      if drainIsKnown { throw failure("a rank was given work after the drain") }
      if retired.contains(rank) { throw failure("rank \(rank) was given work after it was retired") }
      for assignment in assignments { try checkAssignment(assignment, rank, now) }
      send(toWorker: rank, .assigned(assignments))
    case .record(let unit, _, _):
      if succeededEver.contains(unit) { throw failure("unit \(unit) was accepted twice") }
      if verdict == .succeeded {
        succeededEver.insert(unit)
        if !files.contains(unit) { throw failure("unit \(unit) was accepted without its file") }
      }
      append(verdict == .succeeded ? .succeeded(unit) : .failed(unit), isRecord: true)
    case .discard: note("late result")
    case .recordStrike(let unit, _, _, let isTimeout):
      note(isTimeout ? "timeout" : "loss")
      spend(unit) { if isTimeout { $0.timeouts += 1 } else { $0.losses += 1 } }
      append(.strike(unit, isTimeout: isTimeout), isRecord: false)
    case .quarantine(let unit, _, let losses, let timeouts):
      note("quarantine")
      if losses < plan.policy.lossLimit, timeouts < plan.policy.timeoutLimit {
        throw failure("unit \(unit) is in quarantine after \(losses) losses and \(timeouts) timeouts")
      }
      append(.failed(unit), isRecord: true)
      try tell(.quarantined(unit: unit, blocked: plan.blocked(by: [unit])))
    case .retire(let rank):
      if coordinator.activeRanks.contains(rank) { throw failure("rank \(rank) is retired and may be given work") }
      retired.insert(rank)
      send(toWorker: rank, .released)
    case .release(let rank): send(toWorker: rank, .released)
    case .end(let reason): ending = reason
    }
  }

  private func append(_ entry: JournalEntry, isRecord: Bool) {
    journal.append(entry)
    recordsByJournalLength.append((recordsByJournalLength.last ?? 0) + (isRecord ? 1 : 0))
    if !syncIsDue { startSync() }
  }

  private func startSync() {
    syncIsDue = true
    post(after: 0.05, .synced(journal.count))
  }

  var isDurable: (Int) -> Bool {
    let safe = Set(
      journal.prefix(durableCount).compactMap { entry -> Int? in
        if case .succeeded(let unit) = entry { unit } else { nil }
      })
    return { safe.contains($0) }
  }
}
