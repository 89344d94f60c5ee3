// SPDX-License-Identifier: GPL-3.0-or-later
// Who does what, decided without knowing how.

internal import HeapModule

/// Hands out work units to ranks: events in, effects out.
///
/// A value without clock, messages, files or randomness: production, tests and the simulation run the same one. Time is seconds since
/// any moment, given with each event, and never goes back.
///
/// **Guarantees.** A unit is in exactly one state. At most one result of a unit counts. What is done stays done. After
/// ``CoordinatorEvent/drain`` nothing is assigned.
package struct Coordinator: Sendable {
  package let graph: WorkGraph
  package let policy: SchedulingPolicy

  private(set) var states: [UnitState]
  private var waitingCounts: [Int32]
  private var attempts: [UInt16]
  private var strikes: [Int32: Strikes] = [:]
  private var ready: ReadyQueue
  private var delayed = Heap<Delayed>()
  private var ranks = RankTable()
  private var idle: IdleRanks
  private var groupOwners: [Int: Int] = [:]
  /// Observed seconds of the units of each stage; smoothed, 0 before the first.
  private var stageSeconds: [Double]

  /// Units in each state, by the state's raw value.
  private var counts = [Int](repeating: 0, count: UnitState.allCases.count)
  private var recordCount = 0
  private var durableCount = 0
  /// Successes that are not safe yet, in the order of their records.
  private var undurable: [(record: Int, unit: Int)] = []
  private var undurableStart = 0
  private var judgedCount = 0
  private var failureCount = 0
  private var storageFailures = 0
  private var stopReason: EndReason?
  private var hasStarted = false
  private var hasEnded = false

  struct Strikes: Sendable {
    var losses = 0
    var timeouts = 0
    var transients = 0
  }

  private struct Delayed: Comparable, Sendable {
    let time: Double
    let unit: Int
    static func < (a: Delayed, b: Delayed) -> Bool { (a.time, a.unit) < (b.time, b.unit) }
  }

  /// - Parameters:
  ///   - done: units whose products are there already.
  ///   - failed: units whose failure stands.
  ///   - blocked: units that cannot run because of those.
  ///   - strikes: losses and timeouts of units in earlier sessions.
  package init(
    _ graph: WorkGraph, policy: SchedulingPolicy = .init(), done: some Sequence<Int> = [],
    failed: some Sequence<Int> = [],
    blocked: some Sequence<Int> = [], strikes: [Int: (losses: Int, timeouts: Int)] = [:]
  ) {
    self.graph = graph
    self.policy = policy
    states = Array(repeating: .waiting, count: graph.unitCount)
    waitingCounts = graph.upstreamCounts
    attempts = Array(repeating: 0, count: graph.unitCount)
    ready = ReadyQueue(graph)
    idle = IdleRanks()
    stageSeconds = Array(repeating: 0, count: graph.stageCount)
    counts[Int(UnitState.waiting.rawValue)] = graph.unitCount
    for (unit, given) in strikes {
      self.strikes[Int32(unit)] = Strikes(losses: given.losses, timeouts: given.timeouts)
      attempts[unit] = UInt16(clamping: given.losses + given.timeouts)
    }
    for (units, state) in [(Array(done), UnitState.done), (Array(failed), .failed), (Array(blocked), .blocked)] {
      for unit in units where states[unit] == .waiting {
        setState(unit, state)
        letGo(unit)
      }
    }
    hasStarted = true
    for unit in 0..<graph.unitCount where states[unit] == .waiting && waitingCounts[unit] == 0 { makeReady(unit) }
  }

  /// Takes in what happened, and says what to do about it.
  package mutating func handle(_ event: CoordinatorEvent, at now: Double, _ effects: inout [CoordinatorEffect]) {
    guard !hasEnded else {
      // A rank that comes back from the dead has to hear that all is over.
      if case .joined(let rank) = event { effects.append(.release(rank: rank)) }
      return
    }
    switch event {
    case .joined(let rank): join(rank, now)
    case .heard(let rank): ranks[rank]?.lastHeard = now
    case .finished(let rank, let unit, let attempt, let verdict, let seconds, let blocked):
      ranks[rank]?.lastHeard = now
      finish(rank, unit, attempt, verdict, seconds, blocked, now, &effects)
    case .lost(let rank): lose(rank, &effects)
    case .durable(let count): makeDurable(upTo: count)
    case .drain: stopReason = stopReason ?? .drained
    case .tick:
      for rank in ranks.active where now - (ranks[rank]?.lastHeard ?? now) > policy.lostAfter { lose(rank, &effects) }
    case .quarantined(let unit, let blocked):
      guard !states[unit].isFinal, states[unit] != .recorded else { break }
      ready.discard(unit)
      recordCount += 1
      fail(unit, blocked)
    }
    while let first = delayed.min, first.time <= now, stopReason == nil {
      delayed.removeMin()
      if states[first.unit] == .delayed { makeReady(first.unit) }
    }
    dispatch(&effects)
    endIfOver(&effects)
  }

  // MARK: - What others may see

  package func state(of unit: Int) -> UnitState { states[unit] }
  package func count(_ state: UnitState) -> Int { counts[Int(state.rawValue)] }
  package var isDraining: Bool { stopReason != nil }
  package var isOver: Bool { hasEnded }
  /// Ranks that may still be given work.
  package var activeRanks: [Int] { ranks.active }
  package func isActive(_ rank: Int) -> Bool { ranks[rank]?.isActive == true }
  package var activeCount: Int { ranks.activeCount }
  package func assignments(of rank: Int) -> [Assignment] { ranks[rank]?.assignments ?? [] }
  /// When something is due that no event announces; `nil` when nothing is.
  package var nextDeadline: Double? { delayed.min?.time }

  // MARK: - Units

  private mutating func setState(_ unit: Int, _ state: UnitState) {
    counts[Int(states[unit].rawValue)] -= 1
    counts[Int(state.rawValue)] += 1
    states[unit] = state
  }

  private mutating func makeReady(_ unit: Int) {
    setState(unit, .ready)
    ready.insert(unit)
  }

  /// Those that wait for a unit wait for it no longer.
  private mutating func letGo(_ unit: Int) {
    for dependent in graph.dependents(of: unit) {
      waitingCounts[Int(dependent)] -= 1
      // Only once all first states are set it shows what is ready.
      if waitingCounts[Int(dependent)] == 0, states[Int(dependent)] == .waiting, hasStarted {
        makeReady(Int(dependent))
      }
    }
  }

  private mutating func finish(
    _ rank: Int, _ unit: Int, _ attempt: Int, _ verdict: Verdict, _ seconds: Double, _ blocked: [Int], _ now: Double,
    _ effects: inout [CoordinatorEffect]
  ) {
    guard states.indices.contains(unit), states[unit] == .running, ranks[rank]?.isActive == true,
      let place = ranks[rank]?.assignments.firstIndex(of: Assignment(unit: unit, attempt: attempt))
    else {
      effects.append(.discard(unit: unit, attempt: attempt, rank: rank))
      return
    }
    ranks[rank]?.assignments.remove(at: place)
    if ranks[rank]?.assignments.isEmpty == true { idle.insert(rank) }
    switch verdict {
    case .succeeded:
      storageFailures = 0
      observe(graph.stages[unit], seconds)
      warm(rank, unit)
      effects.append(.record(unit: unit, attempt: attempt, rank: rank))
      succeed(unit, blocked)
    case .failed:
      effects.append(.record(unit: unit, attempt: attempt, rank: rank))
      recordCount += 1
      fail(unit, blocked)
    case .failedTransiently, .storageFull:
      if verdict == .storageFull {
        storageFailures += 1
        if storageFailures >= policy.storageFailureLimit { stopReason = stopReason ?? .storageFull }
      }
      var strike = strikes[Int32(unit), default: Strikes()]
      strike.transients += 1
      strikes[Int32(unit)] = strike
      if strike.transients > policy.transientRetryLimit {
        effects.append(.record(unit: unit, attempt: attempt, rank: rank))
        recordCount += 1
        fail(unit, blocked)
      } else {
        setState(unit, .delayed)
        var delay = policy.retryDelay
        for _ in 1..<strike.transients { delay *= 4 }
        delayed.insert(Delayed(time: now + delay, unit: unit))
      }
    case .timedOut(let isStuck):
      strike(unit, attempt, rank, isTimeout: true, &effects)
      if isStuck {
        effects.append(.retire(rank: rank))
        giveBack(rank)
        ranks[rank]?.isActive = false
        idle.remove(rank)
        releaseGroups(of: rank)
      }
    case .interrupted: makeReady(unit)
    }
  }

  /// Lets a success count.
  private mutating func succeed(_ unit: Int, _ blocked: [Int]) {
    recordCount += 1
    undurable.append((recordCount, unit))
    judgedCount += 1
    end(unit, .recorded, blocked)
  }

  private mutating func fail(_ unit: Int, _ blocked: [Int]) {
    judgedCount += 1
    failureCount += 1
    if policy.failsFast { stopReason = stopReason ?? .failedFast }
    if judgedCount <= 200, Double(failureCount) > policy.largestFailureFraction * 200 {
      stopReason = stopReason ?? .tooManyFailures
    }
    end(unit, .failed, blocked)
  }

  private mutating func end(_ unit: Int, _ state: UnitState, _ blocked: [Int]) {
    setState(unit, state)
    // What is blocked may not become ready in between.
    let blocked = blocked.filter { states[$0] == .waiting }
    for other in blocked where states[other] == .waiting { setState(other, .blocked) }
    letGo(unit)
    for other in Set(blocked).sorted() { letGo(other) }
  }

  private mutating func makeDurable(upTo count: Int) {
    durableCount = max(durableCount, min(count, recordCount))
    while undurableStart < undurable.count, undurable[undurableStart].record <= durableCount {
      setState(undurable[undurableStart].unit, .done)
      undurableStart += 1
    }
    if undurableStart == undurable.count || undurableStart > 4096 {
      undurable.removeFirst(undurableStart)
      undurableStart = 0
    }
  }

  // MARK: - Ranks

  private mutating func join(_ rank: Int, _ now: Double) {
    guard ranks[rank] == nil else { return }
    ranks[rank] = RankTable.Record(lastHeard: now)
    idle.insert(rank)
  }

  /// Takes a rank off the list; the unit at its head has lost its rank, the others had not begun.
  private mutating func lose(_ rank: Int, _ effects: inout [CoordinatorEffect]) {
    guard let record = ranks[rank], record.isActive else { return }
    ranks[rank]?.isActive = false
    idle.remove(rank)
    effects.append(.retire(rank: rank))
    if let head = record.assignments.first {
      ranks[rank]?.assignments.removeFirst()
      strike(head.unit, head.attempt, rank, isTimeout: false, &effects)
    }
    giveBack(rank)
    releaseGroups(of: rank)
  }

  private mutating func giveBack(_ rank: Int) {
    for assignment in ranks[rank]?.assignments ?? [] where states[assignment.unit] == .running {
      makeReady(assignment.unit)
    }
    ranks[rank]?.assignments = []
  }

  private mutating func releaseGroups(of rank: Int) {
    groupOwners = groupOwners.filter { $0.value != rank }
  }

  private mutating func strike(
    _ unit: Int, _ attempt: Int, _ rank: Int, isTimeout: Bool, _ effects: inout [CoordinatorEffect]
  ) {
    var strike = strikes[Int32(unit), default: Strikes()]
    if isTimeout { strike.timeouts += 1 } else { strike.losses += 1 }
    strikes[Int32(unit)] = strike
    effects.append(.recordStrike(unit: unit, attempt: attempt, rank: rank, isTimeout: isTimeout))
    guard strike.losses >= policy.lossLimit || strike.timeouts >= policy.timeoutLimit else {
      makeReady(unit)
      return
    }
    effects.append(
      .quarantine(unit: unit, attempt: attempt, losses: strike.losses, timeouts: strike.timeouts))
  }

  private mutating func warm(_ rank: Int, _ unit: Int) {
    let affinity = graph.affinities[unit]
    guard affinity >= 0 else { return }
    var warm = ranks[rank]?.warm ?? []
    warm.removeAll { $0 == affinity }
    warm.insert(affinity, at: 0)
    ranks[rank]?.warm = Array(warm.prefix(4))
  }

  private mutating func observe(_ stage: Int32, _ seconds: Double) {
    guard seconds.isFinite, seconds >= 0 else { return }
    let old = stageSeconds[Int(stage)]
    stageSeconds[Int(stage)] = old == 0 ? seconds + 1e-9 : 0.8 * old + 0.2 * seconds
  }

  // MARK: - Dispatch

  private mutating func dispatch(_ effects: inout [CoordinatorEffect]) {
    guard stopReason == nil else { return }
    for group in ready.hasGroups ? ready.waitingGroups : [] {
      guard let owner = groupOwners[group] ?? idle.first() else { continue }
      groupOwners[group] = owner
      // Its units run one after the other, so they may as well all lie there.
      guard ranks[owner]?.assignments.isEmpty == true, let unit = ready.take(group: group) else { continue }
      assign(owner, [unit], &effects)
    }
    while ready.freeCount > 0, let rank = idle.first() {
      let depth = max(1, min(policy.largestPrefetch, ready.freeCount / (2 * max(1, ranks.count))))
      var units: [Int] = []
      var seconds = 0.0
      while units.count < depth, let unit = ready.take(warm: ranks[rank]?.warm ?? []) {
        units.append(unit)
        let expected = stageSeconds[Int(graph.stages[unit])]
        seconds += expected
        // Of what nobody has seen yet a rank gets one at a time.
        if expected == 0 || seconds > policy.prefetchSeconds { break }
      }
      assign(rank, units, &effects)
    }
    idle.compact()
  }

  private mutating func assign(_ rank: Int, _ units: [Int], _ effects: inout [CoordinatorEffect]) {
    idle.remove(rank)
    var assignments: [Assignment] = []
    for unit in units {
      setState(unit, .running)
      attempts[unit] &+= 1
      assignments.append(Assignment(unit: unit, attempt: Int(attempts[unit])))
    }
    ranks[rank]?.assignments += assignments
    effects.append(.assign(rank: rank, assignments))
  }

  // MARK: - The end

  private mutating func endIfOver(_ effects: inout [CoordinatorEffect]) {
    guard count(.running) == 0, durableCount == recordCount else { return }
    let left = count(.waiting) + count(.ready) + count(.delayed)
    let reason: EndReason
    if left == 0 {
      reason = .complete
    } else if let stopReason {
      reason = stopReason
    } else if ranks.count > 0, ranks.activeCount == 0 {
      reason = .noRanks
    } else {
      return
    }
    hasEnded = true
    for rank in activeRanks { effects.append(.release(rank: rank)) }
    effects.append(.end(reason))
  }
}
