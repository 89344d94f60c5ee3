// SPDX-License-Identifier: GPL-3.0-or-later
// A campaign, from the job to the report.

internal import Foundation
package import MPI
internal import Reporting
internal import Repository
internal import Scheduling
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Runs a job on all ranks: rank 0 plans, hands out the work and writes the record, every rank computes.
package final class Campaign {
  private let prepared: PreparedRun
  private let world: MPIWorld?
  private let options: CampaignOptions
  private let environment: [String: String]
  private let faults: FaultInjection
  private let waker = Waker()
  private let start = ContinuousClock.now
  private let startTime = utcNow()
  private var now: Double { (ContinuousClock.now - start).inSeconds }

  /// Runs a job, or goes on with it.
  ///
  /// - Parameters:
  ///   - world: the ranks; `nil` for one process alone. Called on rank 0.
  ///   - job: reads the job; what it throws, all ranks are told.
  /// - Throws: what is wrong with job, repository or run; ``Repository/PublishError`` when the record cannot be written.
  package static func run(
    on world: MPIWorld?, _ options: CampaignOptions, environment: [String: String], job: () throws -> Job
  ) throws -> CampaignEnd {
    do {
      let faults = FaultInjection(parsing: options.faults, rank: 0) ?? .none
      let prepared = try PreparedRun(try job(), options, environment: environment, faults: faults)
      return try Campaign(prepared, world, options, environment, faults).run()
    } catch {
      for rank in 1..<max(1, world?.size ?? 1) { try? world?.send(Message.dismissed.encoded, to: rank) }
      if options.allowsEmpty, case PlanError.nothingSelected = error { return .nothingSelected }
      throw error
    }
  }

  private init(
    _ prepared: PreparedRun, _ world: MPIWorld?, _ options: CampaignOptions, _ environment: [String: String],
    _ faults: FaultInjection
  ) {
    self.prepared = prepared
    self.world = world
    self.options = options
    self.environment = environment
    self.faults = faults
  }

  private func run() throws -> CampaignEnd {
    CrashNote.prepare(in: prepared.folder.path, rank: 0)
    defer { CrashNote.discard(in: prepared.folder.path, rank: 0) }
    let journal = try Journal(
      "\(prepared.folder.path)/journal.jsonl", soundLength: prepared.journalLength, faults: faults,
      whenDurable: { [waker] in waker.wake() })
    defer { journal.finish() }
    let attempts = AttemptsLog(prepared.folder.path)
    let mail = LocalMail(faults)
    let coordinator = CoordinatorSide(
      prepared, journal: journal, attempts: attempts, display: ProgressDisplay(options.progress),
      policy: prepared.job.execution.policy(failsFast: options.failsFast)
    ) { [world] message, rank in
      // A rank that cannot be reached is found to be lost by its silence.
      if rank == 0 { mail.sendToWorker(message) } else { try? world?.send(message.encoded, to: rank) }
    }
    for warning in prepared.warnings + prepared.plan.graph.warnings { coordinator.say("warning: \(warning)") }
    let worker = WorkerSide(
      try WorkerJob(prepared.job, session: prepared.session), rank: 0, of: max(1, world?.size ?? 1),
      resources: QuantumResources(prepared.job.execution, world), waker: waker, faults: faults, now: now,
      environment: environment, send: { mail.sendToCoordinator($0, about: $1) })
    defer { worker.close() }
    coordinator.begin(at: now)
    try loop(coordinator, worker, mail, journal, attempts)
    return try finish(coordinator, worker, attempts)
  }

  /// Until there is an end: signals, messages, the compute thread, the journal, and now and then the clock.
  private func loop(
    _ coordinator: CoordinatorSide, _ worker: WorkerSide, _ mail: LocalMail, _ journal: Journal, _ attempts: AttemptsLog
  ) throws {
    var nap = Nap(isAlone: (world?.size ?? 1) == 1)
    var (nextTick, nextStatus, nextShow) = (0.0, 0.0, 0.0)
    while coordinator.end == nil, coordinator.failure == nil {
      if ProcessSignals.stopIsRequested { stop(coordinator, journal, attempts) }
      if ProcessSignals.drainIsRequested { coordinator.drain(at: now) }
      var isBusy = receive(coordinator)
      worker.poll(at: now)
      if mail.deliver(to: coordinator, worker, at: now) { isBusy = true }
      if let problem = worker.problem { throw TaskError("the tasks cannot be made: \(problem)") }
      if isBusy { attempts.flush() }
      coordinator.pollJournal(at: now)
      if now >= nextTick {
        coordinator.tick(at: now)
        nextTick = now + 0.5
      }
      if now >= nextStatus {
        writeStatus(coordinator, "running")
        nextStatus = now + 5
      }
      if now >= nextShow {
        coordinator.show(at: now)
        nextShow = now + 0.1
      }
      if coordinator.end == nil { nap.rest(waker, isBusy: isBusy) }
    }
  }

  /// Takes in what other ranks have sent.
  private func receive(_ coordinator: CoordinatorSide) -> Bool {
    guard let world else { return false }
    var isBusy = false
    do {
      while let (rank, bytes) = try world.receive() {
        isBusy = true
        do throws(WireError) {
          coordinator.take(try Message(decoding: bytes), from: rank, at: now)
        } catch {
          coordinator.lose(rank, "it sent \(error)", now)
        }
      }
    } catch {
      coordinator.say("warning: \(error)")
    }
    return isBusy
  }

  /// Ends at once: what is written down counts, what runs is done again.
  private func stop(_ coordinator: CoordinatorSide, _ journal: Journal, _ attempts: AttemptsLog) -> Never {
    coordinator.writeStrikesOfVanished()
    try? journal.flush()
    attempts.append(session(coordinator, .stopped).json)
    attempts.flush()
    writeStatus(coordinator, "stopped")
    coordinator.show(at: now, isLast: true)
    coordinator.say("stopped; the same command goes on")
    CrashNote.discard(in: prepared.folder.path, rank: 0)
    // Other threads may be in the middle of anything, and so may the other ranks.
    _exit(75)
  }

  // MARK: - The end

  private func finish(
    _ coordinator: CoordinatorSide, _ worker: WorkerSide, _ attempts: AttemptsLog
  ) throws -> CampaignEnd {
    if let failure = coordinator.failure {
      for rank in coordinator.workers.keys.sorted() { try? world?.send(Message.retire.encoded, to: rank) }
      throw failure
    }
    let reason = coordinator.end ?? .noRanks
    let isComplete = reason == .complete
    let live = coordinator.coordinator.activeRanks.filter { $0 != 0 }
    faults.pass(.reduction)
    let collected = MetadataReduction.atRoot(world, live: live, own: worker.statistics, waker: waker)
    // Also those that have not said hello yet.
    for rank in 1..<max(1, world?.size ?? 1) where !live.contains(rank) {
      try? world?.send(Message.retire.encoded, to: rank)
    }
    try coordinator.finish(isComplete: isComplete)
    attempts.append(session(coordinator, isComplete ? .finished : reason == .drained ? .drained : .stopped).json)
    attempts.flush()
    faults.pass(.report)
    let (page, failures): (String, [FailedQuantum])
    do {
      (page, failures) = try writeReport(coordinator, collected, isComplete)
    } catch {
      coordinator.say("the record is safe, but the report cannot be written; the same command goes on")
      throw error
    }
    faults.pass(.index)
    if !worker.hasAbandonedThread { try RunIndex.write(coordinator.products, to: prepared.folder.path) }
    prepared.folder.removeEmptyFolders()
    CrashNote.discard(in: prepared.folder.path, ofRanks: coordinator.lostRanks)
    writeStatus(coordinator, isComplete ? "complete" : "interrupted")
    coordinator.show(at: now, isLast: true)
    faults.pass(.end)
    let (failed, blocked) = coordinator.failures
    for failure in failures.prefix(Self.shownFailureCount) { coordinator.say(Self.line(failure)) }
    coordinator.say(Self.summary(reason, failed, blocked, page, isAllReused: prepared.plan.units.isEmpty))
    return isComplete ? .complete(failed: failed, blocked: blocked) : .ended(reason, failed: failed)
  }

  /// The statistics of the ranks and of what no rank counted; from the journal where a rank's are lost with it.
  private func writeReport(
    _ coordinator: CoordinatorSide, _ collected: CampaignStatistics?, _ isComplete: Bool
  ) throws -> (page: String, failures: [FailedQuantum]) {
    var statistics = coordinator.statistics
    statistics.merge(collected ?? CampaignStatistics())
    guard collected != nil, coordinator.lostRanks.isDisjoint(with: coordinator.acceptedRanks) else {
      return (try RunReport.rewrite(prepared.folder.path), statistics.failures)
    }
    let page = try RunReport.write(
      prepared.folder.path, statistics, expected: prepared.expected, isComplete: isComplete,
      warnings: prepared.plan.graph.warnings)
    return (page, statistics.failures)
  }

  /// The report has them all.
  private static let shownFailureCount = 5

  /// `makeWarp of tract 0, patch 3, visit 104, band g failed (TaskError): …`, in one line.
  private static func line(_ failure: FailedQuantum) -> String {
    let message = failure.message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    return "\(failure.task) of \(failure.dataID) failed (\(failure.category)): \(message)"
  }

  private static func summary(
    _ reason: EndReason, _ failed: Int, _ blocked: Int, _ page: String, isAllReused: Bool
  ) -> String {
    let failures = failed + blocked > 0 ? "\(failed) quanta failed, \(blocked) could not run; " : ""
    return switch reason {
    case .complete: (isAllReused ? "nothing was left to do; " : "complete; ") + failures + "report: \(page)"
    case .drained: "drained; the same command goes on; \(failures)report: \(page)"
    case .failedFast: "ended at the first failure; \(failures)report: \(page)"
    case .tooManyFailures:
      "ended, since more quanta failed than execution.maxFailureFraction allows; \(failures)report: \(page)"
    case .storageFull: "ended, since there is no space left for products; the same command goes on; report: \(page)"
    case .noRanks: "ended, since no rank is left that could work; the same command goes on; report: \(page)"
    }
  }

  private func session(_ coordinator: CoordinatorSide, _ end: SessionRecord.End) -> SessionRecord {
    let hosts = Set([hostName()] + coordinator.workers.values.map(\.host))
    return SessionRecord(
      session: prepared.session, start: startTime, end: utcNow(), seconds: now, rankCount: max(1, world?.size ?? 1),
      hosts: hosts.sorted(), endedBy: end)
  }

  /// For `skydiff status` and monitors; nothing depends on it.
  private func writeStatus(_ coordinator: CoordinatorSide, _ state: String) {
    let text = coordinator.progress(at: now).json(state: state).text(isPretty: true) + "\n"
    _ = try? AtomicFile().publish(Array(text.utf8), to: "\(prepared.folder.path)/status.json")
  }
}
