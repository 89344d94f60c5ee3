// SPDX-License-Identifier: GPL-3.0-or-later
// A rank's share of the work.

internal import Foundation
internal import Reporting
internal import Scheduling
internal import TaskFramework

/// A rank's share of the work: the worker's rules, its compute thread, and what it has to say.
///
/// Used by the main thread of the rank; rank 0 has one too.
final class WorkerSide {
  private var machine: Worker
  private let compute: ComputeThread
  /// Sends a message about a unit, or about none.
  private let send: (Message, String) -> Void
  private let job: WorkerJob
  private let rank: Int
  private let memory: MemoryBudget
  private var orders: [Assignment: UnitOrder] = [:]
  private var results: [Assignment: UnitResult] = [:]
  private var nextMemoryCheck = 0.0
  private var quantumNumber: UInt64 = 0
  /// Which quantum of its unit runs.
  private var place = -1
  private var startTimes: [Assignment: String] = [:]
  /// Statistics of the quanta that this rank ran and that count if this rank's results do.
  private(set) var statistics = CampaignStatistics()
  private(set) var leaveReason: WorkerEffect.LeaveReason?
  private(set) var isReady = false
  /// Why this rank cannot work.
  private(set) var problem: String?
  private(set) var hasAbandonedThread = false

  init(
    _ job: WorkerJob, rank: Int, of rankCount: Int, resources: QuantumResources, waker: Waker, faults: FaultInjection,
    now: Double,
    environment: [String: String], send: @escaping (Message, String) -> Void
  ) {
    self.job = job
    self.rank = rank
    self.send = send
    memory = MemoryBudget(limit: job.execution.memoryPerRank?.bytes, share: resources.memory ?? .max)
    machine = Worker(
      startingAt: now, heartbeatSeconds: min(max(1, Double(rankCount) / 2000), job.execution.lostAfter / 5),
      coordinatorLostAfter: rank == 0 ? nil : max(30, 2 * job.execution.lostAfter))
    compute = ComputeThread(waker) { flag in
      try UnitRunner(
        job, rank: rank, resources: resources, flag: flag, faults: faults, environment: environment)
    }
  }

  /// Takes in a message of the coordinator.
  func take(_ message: Message, at now: Double) {
    switch message {
    case .assign(let received):
      var assignments: [Assignment] = []
      for order in received {
        guard let content = try? UnitOrder(decoding: order.content) else {
          // A result without a record says that this rank is of no use.
          send(.result(.init(order.assignment, .failed, seconds: 0, record: [], attempt: [])), "")
          continue
        }
        orders[order.assignment] = content
        assignments.append(order.assignment)
      }
      handle(.assigned(assignments), now)
    case .retire, .dismissed: handle(.released, now)
    default: handle(.heard, now)
    }
  }

  /// Looks after the compute thread and the clock.
  func poll(at now: Double) {
    for notice in compute.takeNotices() {
      switch notice {
      case .ready:
        isReady = true
        handle(.heard, now)
        send(.heartbeat(memory: MemoryBudget.residentBytes), "")
      case .unusable(let reason): problem = reason
      case .quantumStarted(let assignment, let number):
        guard machine.running == assignment else { continue }
        if quantumNumber != number { place += 1 }
        quantumNumber = number
        handle(.quantumStarted(timeout: job.execution.timeout), now)
      case .ended(let assignment, let result):
        guard machine.running == assignment else { continue }
        results[assignment] = result
        handle(.unitEnded(unit: assignment.unit, result.verdict), now)
      }
    }
    // Making the tasks may take its time, in which nobody answers, since nothing is said.
    if isReady { handle(.tick, now) }
    checkMemory(now)
  }

  func close() { compute.close() }

  private func handle(_ event: WorkerEvent, _ now: Double) {
    var effects: [WorkerEffect] = []
    machine.handle(event, at: now, &effects)
    for effect in effects {
      switch effect {
      case .start(let assignment):
        guard let order = orders[assignment] else { continue }
        startTimes[assignment] = utcNow()
        place = -1
        compute.start(order, assignment)
      case .report(let assignment, let verdict, let seconds): report(assignment, verdict, seconds)
      case .cancel: compute.flag.raise(.timeout, quantum: quantumNumber)
      case .abandonThread: hasAbandonedThread = true
      case .heartbeat: if isReady { send(.heartbeat(memory: MemoryBudget.residentBytes), "") }
      case .leave(let reason): leaveReason = reason
      }
    }
  }

  private func report(_ assignment: Assignment, _ verdict: Verdict, _ seconds: Double) {
    let result = results.removeValue(forKey: assignment)
    let order = orders.removeValue(forKey: assignment)
    if let result, verdict == .succeeded || verdict == .failed {
      for record in result.quanta { statistics.add(record) }
    }
    let attempt =
      result?.attempt
      ?? Array(
        AttemptRecord(
          unit: order?.name ?? "", attempt: assignment.attempt, session: job.session, rank: rank, host: hostName(),
          start: startTimes[assignment] ?? utcNow(), seconds: seconds, outcome: .timeout
        ).json.text().utf8)
    startTimes[assignment] = nil
    let message = Message.result(
      .init(assignment, verdict, seconds: seconds, record: result?.record ?? [UInt8(clamping: place)], attempt: attempt)
    )
    send(message, order?.name ?? "")
  }

  /// A quantum that takes more than the rank may have is asked to end before the system ends the process.
  private func checkMemory(_ now: Double) {
    guard now >= nextMemoryCheck else { return }
    nextMemoryCheck = now + 0.25
    if machine.running != nil, memory.isExceeded { compute.flag.raise(.memory, quantum: quantumNumber) }
  }
}
