// SPDX-License-Identifier: GPL-3.0-or-later
// What happens in a simulated campaign, one event after the other.

extension SimulatedCampaign {
  func happen(_ event: Event) throws(SimulationFailure) {
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

  func die(_ rank: Int, of cause: String) {
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
  func crash() {
    hasCrashed = true
    let kept = Int.random(in: durableCount...max(durableCount, journal.count), using: &random)
    if kept < journal.count { note("journal tail lost") }
    journal.removeLast(journal.count - kept)
    durableCount = kept
  }

  func tell(_ rank: Int, _ event: WorkerEvent) {
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

  func start(_ rank: Int, _ assignment: Assignment) {
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

  func compute(_ rank: Int, _ assignment: Assignment, _ verdict: Verdict, _ run: Int) throws(SimulationFailure) {
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

  func tell(_ event: CoordinatorEvent) throws(SimulationFailure) {
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

  func spend(_ unit: Int, _ body: (inout Spent) -> Void) { body(&spent[unit, default: Spent()]) }

  func carryOut(_ effect: CoordinatorEffect, _ verdict: Verdict?) throws(SimulationFailure) {
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

  func append(_ entry: JournalEntry, isRecord: Bool) {
    journal.append(entry)
    recordsByJournalLength.append((recordsByJournalLength.last ?? 0) + (isRecord ? 1 : 0))
    if !syncIsDue { startSync() }
  }

  func startSync() {
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
