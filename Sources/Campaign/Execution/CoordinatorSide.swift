// SPDX-License-Identifier: GPL-3.0-or-later
// Rank 0's other half: it hands out the work and writes down what comes back.

internal import Digests
internal import Foundation
internal import OrderedCollections
internal import Reporting
internal import Repository
internal import Scheduling
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Carries out what ``Scheduling/Coordinator`` decides: orders to ranks, lines of the journal, files that are no longer needed.
final class CoordinatorSide {
  private(set) var coordinator: Coordinator
  private(set) var ledger: CampaignLedger
  private let run: PreparedRun
  private let journal: Journal
  private let attempts: AttemptsLog
  private let jobBytes: [UInt8]
  private let send: (Message, Int) -> Void
  private var display: ProgressDisplay

  /// Journal lines of the records, in their order; of those that are not safe yet.
  private var recordLines: [Int] = []
  private var durableRecords = 0
  private var drops: [(record: Int, datasets: [DatasetRef])] = []
  private(set) var workers: [Int: Message.Hello] = [:]
  private var assignmentStarts: [Int: (unit: Int, start: Double)] = [:]
  private var pendingResults: [Assignment: (result: Message.Result, consequences: CampaignLedger.Consequences)] = [:]
  /// Ranks that were lost or given up in this session.
  private(set) var lostRanks: Set<Int> = []
  private(set) var acceptedRanks: Set<Int> = []
  /// Statistics of what no rank counts itself.
  private(set) var statistics: CampaignStatistics
  private(set) var products: Set<String>
  private(set) var end: EndReason?
  private(set) var failure: PublishError?
  private let startCounts: [Int]
  /// Which of a unit's quanta was under way when it last ran out of time.
  private var blamed: [Int: Int] = [:]

  init(
    _ run: PreparedRun, journal: Journal, attempts: AttemptsLog, display: ProgressDisplay, policy: SchedulingPolicy,
    send: @escaping (Message, Int) -> Void
  ) {
    self.run = run
    self.journal = journal
    self.attempts = attempts
    self.display = display
    self.send = send
    jobBytes = WorkerJob.encode(run.job)
    coordinator = Coordinator(run.plan.workGraph, policy: policy, strikes: run.strikes)
    ledger = CampaignLedger(run.plan, run: run.job.run)
    statistics = run.statistics
    products = run.products
    startCounts = ledger.endCounts
  }

  /// Writes down that a session begins, and ends what is beyond hope.
  func begin(at now: Double) {
    let expected = run.expected.map {
      JSONValue.object(["task": .string($0.task), "count": .integer(Int64($0.count))])
    }
    let warnings = run.plan.graph.warnings.map { JSONValue.string($0) }
    write(
      "\"kind\":\"session\",\"formatVersion\":\(RunHistory.formatVersion),\"session\":\(run.session),"
        + "\"expected\":\(JSONValue.array(expected).text()),\"warnings\":\(JSONValue.array(warnings).text())")
    for recipe in run.plan.forgotten { write("\"kind\":\"forget\",\"recipe\":\"\(recipe.hex)\"") }
    for crash in run.crashes { writeStrike(crash.unit, attempt: 0, rank: -1, cause: "crash", place: crash.place) }
    CrashNote.discardAll(in: run.folder.path)
    for (unit, strikes) in run.strikes.sorted(by: { $0.key < $1.key })
    where strikes.losses >= coordinator.policy.lossLimit || strikes.timeouts >= coordinator.policy.timeoutLimit {
      quarantine(unit, losses: strikes.losses, timeouts: strikes.timeouts, now)
    }
    tell(.tick, now)
  }

  // MARK: - Messages

  func take(_ message: Message, from rank: Int, at now: Double) {
    switch message {
    case .hello(let hello):
      workers[rank] = hello
      send(.welcome(session: run.session, host: hostName(), processID: getpid(), job: jobBytes), rank)
    case .heartbeat:
      if coordinator.isActive(rank) || lostRanks.contains(rank) {
        tell(.heard(rank: rank), now)
        send(lostRanks.contains(rank) ? .retire : .acknowledge, rank)
      } else {
        tell(.joined(rank: rank), now)
      }
    case .result(let result): take(result, from: rank, now)
    case .collected, .welcome, .dismissed, .assign, .acknowledge, .retire, .release: break
    }
  }

  private func take(_ result: Message.Result, from rank: Int, _ now: Double) {
    let unit = result.assignment.unit
    var consequences: CampaignLedger.Consequences?
    let isStuck = if case .timedOut(isStuck: true) = result.verdict { true } else { false }
    if !result.record.isEmpty, !isStuck {
      do throws(WireError) {
        consequences = ledger.consequences(of: unit, try UnitSummary.decode(result.record).0)
      } catch {
        lose(rank, "it sent \(error)", now)
        return
      }
    }
    if case .timedOut = result.verdict, let consequences,
      let place = consequences.summary.quanta.firstIndex(where: { $0.end == .failed })
    {
      blamed[unit] = place
    }
    guard consequences != nil || isStuck else {
      lose(rank, "it sent a result that is none of its unit", now)
      return
    }
    if let consequences { pendingResults[result.assignment] = (result, consequences) }
    if isStuck {
      if let place = result.record.first { blamed[unit] = Int(place) }
      lostRanks.insert(rank)
      display.say(
        "rank \(rank): \(unitName(unit)) took more than one and a half times its time and did not listen; the rank is given up"
      )
    }
    attempts.append(result.attempt)
    tell(
      .finished(
        rank: rank, unit: unit, attempt: result.assignment.attempt, result.verdict, seconds: result.seconds,
        blocked: consequences?.blockedUnits ?? []), now)
    pendingResults[result.assignment] = nil
  }

  private func unitName(_ unit: Int) -> String {
    run.plan.units.indices.contains(unit) ? run.plan.name(ofUnit: unit) : "a unit"
  }

  /// A rank is gone, or talks nonsense.
  func lose(_ rank: Int, _ reason: String, _ now: Double) {
    guard !lostRanks.contains(rank) else { return }
    lostRanks.insert(rank)
    display.say("rank \(rank)\(workers[rank].map { " on \($0.host)" } ?? "") is lost: \(reason)")
    tell(.lost(rank: rank), now)
  }

  /// Ranks of this machine whose processes are gone.
  func vanishedWorkers() -> [Int] {
    let host = hostName()
    return workers.filter { rank, hello in
      rank != 0 && hello.host == host && !lostRanks.contains(rank) && kill(hello.processID, 0) != 0 && errno == ESRCH
    }.keys.sorted()
  }

  func tick(at now: Double) {
    // When all are told to end, those that were quicker are not to blame.
    if !ProcessSignals.stopIsRequested { for rank in vanishedWorkers() { lose(rank, "its process is gone", now) } }
    tell(.tick, now)
    run.folder.beat()
    attempts.flush()
  }

  func drain(at now: Double) {
    guard !coordinator.isDraining else { return }
    display.say("draining: what runs is finished, nothing new begins")
    tell(.drain, now)
  }

  /// Looks how much of the journal is safe.
  func pollJournal(at now: Double) {
    guard failure == nil else { return }
    do throws(PublishError) {
      let lines = try journal.durableCount()
      let before = durableRecords
      while durableRecords < recordLines.count, recordLines[durableRecords] <= lines { durableRecords += 1 }
      if durableRecords > before { tell(.durable(recordCount: durableRecords), now) }
      while let drop = drops.first, drop.record <= durableRecords {
        drops.removeFirst()
        drop.datasets.forEach(remove)
      }
      if coordinator.count(.running) + coordinator.count(.ready) == 0, durableRecords < recordLines.count {
        journal.hurry()
      }
    } catch {
      failure = error
    }
  }

  /// Removes a file that only other tasks needed, and they have had it.
  private func remove(_ reference: DatasetRef) {
    products.remove(reference.relativePath)
    try? FileManager.default.removeItem(atPath: "\(run.folder.path)/\(reference.relativePath)")
  }

  // MARK: - Effects

  private func tell(_ event: CoordinatorEvent, _ now: Double) {
    var effects: [CoordinatorEffect] = []
    coordinator.handle(event, at: now, &effects)
    for effect in effects { carryOut(effect, now) }
  }

  private func carryOut(_ effect: CoordinatorEffect, _ now: Double) {
    switch effect {
    case .assign(let rank, let assignments):
      let orders = assignments.map { Message.Order($0, content: ledger.order(for: $0.unit).encoded) }
      if let first = assignments.first { assignmentStarts[rank] = (first.unit, now) }
      send(.assign(orders), rank)
    case .record(let unit, let attempt, let rank): record(Assignment(unit: unit, attempt: attempt), rank, now)
    case .discard: break
    case .recordStrike(let unit, let attempt, let rank, let isTimeout):
      writeStrike(
        run.plan.name(ofUnit: unit), attempt: attempt, rank: rank, cause: isTimeout ? "timeout" : "loss",
        place: blamed[unit])
      if !isTimeout { logLoss(unit, attempt, rank, now) }
    case .quarantine(let unit, _, let losses, let timeouts): quarantine(unit, losses: losses, timeouts: timeouts, now)
    case .retire(let rank):
      if lostRanks.insert(rank).inserted {
        display.say(
          "rank \(rank)\(workers[rank].map { " on \($0.host)" } ?? "") is lost: nothing was heard of it for too long")
      }
      send(.retire, rank)
    // All ranks are released together, once it is known who collects from whom.
    case .release: break
    case .end(let reason): end = reason
    }
  }

  private func record(_ assignment: Assignment, _ rank: Int, _ now: Double) {
    guard let (result, consequences) = pendingResults[assignment],
      let (_, members) = try? UnitSummary.decode(result.record)
    else { return }
    recordLines.append(write(members))
    acceptedRanks.insert(rank)
    accept(consequences)
    noteProducts(consequences)
    // A rank counts what it judged itself; what it only gave up for now is judged here.
    if result.verdict != .succeeded, result.verdict != .failed,
      let line = try? JSONValue(parsing: "{" + members + "}"), let record = UnitRecord(journalLine: line)
    {
      for entry in record.entries { statistics.add(entry.record) }
    }
  }

  private func accept(_ consequences: CampaignLedger.Consequences) {
    let done = ledger.accept(consequences)
    if !done.isEmpty { drops.append((recordLines.count, done)) }
  }

  private func noteProducts(_ consequences: CampaignLedger.Consequences) {
    for (quantum, summary) in zip(run.plan.units[consequences.unit].quanta, consequences.summary.quanta) {
      let outputs = Array(run.plan.graph.outputDatasets(of: Int(quantum)))
      for place in summary.files.keys where outputs.indices.contains(place) {
        products.insert(run.plan.graph.reference(Int(outputs[place].dataset)).relativePath)
      }
      let label = run.plan.graph.pipeline.nodes[run.plan.graph.quanta[Int(quantum)].task].label
      if run.job.writesMetadata.contains(label) {
        products.insert(DatasetRef("\(label)_metadata", run.plan.graph.quanta[Int(quantum)].dataID).relativePath)
      }
    }
  }

  private func quarantine(_ unit: Int, losses: Int, timeouts: Int, _ now: Double) {
    let graph = run.plan.graph
    let message =
      timeouts > 0 && losses == 0
      ? "it ran out of time \(timeouts) times (execution.timeout, execution.attempts)"
      : "its rank died \(losses) times while it ran\(timeouts > 0 ? ", and it ran out of time \(timeouts) times" : ""); "
        + "it is not tried again (execution.attempts) unless --retry-quarantined asks for it"
    let blame = min(blamed[unit] ?? run.blamed[unit] ?? 0, run.plan.units[unit].quanta.count - 1)
    var entries: [UnitRecord.Entry] = []
    for (place, number) in run.plan.units[unit].quanta.enumerated() {
      let quantum = Int(number)
      let outcome: RecordedOutcome =
        place == blame ? .failed(category: RunHistory.quarantined, message: message) : .blocked
      entries.append(
        UnitRecord.Entry(
          recipe: run.plan.recipes[quantum],
          record: QuantumRecord(
            task: graph.pipeline.nodes[graph.quanta[quantum].task].label, dataID: graph.quanta[quantum].dataID,
            outcome: outcome,
            inputs: place == blame ? graph.inputDatasets(of: quantum).map { "\(graph.reference(Int($0.dataset)))" } : []
          )))
    }
    display.say("\(run.plan.name(ofUnit: unit)) is in quarantine: \(message)")
    for entry in entries { statistics.add(entry.record) }
    recordLines.append(
      write(UnitRecord(unit: run.plan.name(ofUnit: unit), attempt: 0, entries: entries).journalMembers))
    let summary = UnitSummary(
      quanta: entries.indices.map { UnitSummary.Quantum(end: $0 == blame ? .failed : .blocked, files: [:]) })
    guard let consequences = ledger.consequences(of: unit, summary) else { return }
    accept(consequences)
    tell(.quarantined(unit: unit, blocked: consequences.blockedUnits), now)
  }

  /// - Parameter place: which of the unit's quanta was under way, where that is known.
  private func writeStrike(_ unit: String, attempt: Int, rank: Int, cause: String, place: Int?) {
    let quantum = place.map { ",\"place\":\($0)" } ?? ""
    write(
      "\"kind\":\"strike\",\"unit\":\(JSONValue.string(unit).text()),\"attempt\":\(attempt),\"rank\":\(rank),"
        + "\"cause\":\"\(cause)\",\"session\":\(cause == "crash" ? run.session - 1 : run.session)" + quantum)
  }

  private func logLoss(_ unit: Int, _ attempt: Int, _ rank: Int, _ now: Double) {
    let start = assignmentStarts[rank].map { now - $0.start } ?? 0
    attempts.append(
      AttemptRecord(
        unit: run.plan.name(ofUnit: unit), attempt: attempt, session: run.session, rank: rank,
        host: workers[rank]?.host ?? hostName(), start: utcNow(), seconds: max(0, start), outcome: .lost
      ).json)
  }

  /// Whom a sudden end of everything is to be blamed on: units of ranks that were gone before.
  func writeStrikesOfVanished() {
    for rank in vanishedWorkers() {
      guard let head = coordinator.assignments(of: rank).first else { continue }
      writeStrike(run.plan.name(ofUnit: head.unit), attempt: head.attempt, rank: rank, cause: "loss", place: nil)
    }
  }

  @discardableResult
  private func write(_ members: String) -> Int {
    do throws(PublishError) {
      return try journal.append(members)
    } catch {
      // Without its journal the run cannot go on: what was done would be forgotten.
      failure = failure ?? error
      return 0
    }
  }

  // MARK: - The end

  /// Writes down what could not run, and that all is over.
  func finish(isComplete: Bool) throws(PublishError) {
    if isComplete {
      for record in ledger.unrecordedBlocked {
        statistics.add(record)
        write("\"kind\":\"blocked\",\"record\":\(record.json.text())")
      }
    }
    write("\"kind\":\"end\",\"isComplete\":\(isComplete)")
    if let failure { throw failure }
    try journal.flush()
    // A session that was killed may not have come to it.
    ledger.servedDatasets.forEach(remove)
  }

  /// How far the session is.
  func progress(at now: Double) -> ProgressState {
    var state = ProgressState()
    let counts = ledger.endCounts
    state.run = run.job.run
    state.session = run.session
    state.succeeded = counts[0] - startCounts[0]
    state.failed = counts[1] - startCounts[1]
    state.blocked = counts[2] - startCounts[2]
    state.total = ledger.plan.graph.quanta.count - startCounts.reduce(0, +)
    state.reused = startCounts[0]
    state.running = coordinator.count(.running)
    state.ranks = coordinator.activeCount
    state.seconds = now
    state.isDraining = coordinator.isDraining
    let slowest = assignmentStarts.filter { coordinator.assignments(of: $0.key).first?.unit == $0.value.unit }
      .min { $0.value.start < $1.value.start }
    if let slowest {
      state.slowest = (run.plan.name(ofUnit: slowest.value.unit), slowest.key, now - slowest.value.start)
    }
    return state
  }

  func show(at now: Double, isLast: Bool = false) { display.show(progress(at: now), isLast: isLast) }
  func say(_ text: String) { display.say(text) }

  /// Quanta that failed or could not run, over the whole plan.
  var failures: (failed: Int, blocked: Int) { (ledger.endCounts[1], ledger.endCounts[2]) }
}
