// SPDX-License-Identifier: GPL-3.0-or-later
// What a rank does with what it is given.

package enum WorkerEvent: Hashable, Sendable {
  case assigned([Assignment])
  /// The compute thread begins a quantum that may take so many seconds; `nil` for any time.
  case quantumStarted(timeout: Double?)
  /// The compute thread is through with the unit that it was given.
  case unitEnded(unit: Int, Verdict)
  /// The coordinator gave a sign of life.
  case heard
  /// There is no more work for this rank, or for any.
  case released
  case tick
}

package enum WorkerEffect: Hashable, Sendable {
  /// Let the compute thread do a unit.
  case start(Assignment)
  /// Tell the coordinator how a unit ended; `seconds` since its start.
  case report(Assignment, Verdict, seconds: Double)
  /// Raise the flag that tasks look at between their steps.
  case cancel
  /// The compute thread does not listen: leave it to itself.
  case abandonThread
  case heartbeat
  case leave(LeaveReason)

  package enum LeaveReason: Hashable, Sendable {
    case released
    case threadAbandoned
    /// Nothing was heard of the coordinator for too long.
    case coordinatorLost
  }
}

/// A rank's side of the work: takes units one after the other, watches their time, gives signs of life.
///
/// A value without clock, threads and messages, as ``Coordinator`` is.
package struct Worker: Sendable {
  private var queue: [Assignment] = []
  private var current: Assignment?
  private var currentStart = 0.0
  private var quantumStart = 0.0
  private var timeout: Double?
  private var isCancelled = false
  private var cancelTime = 0.0
  private var lastHeard: Double
  private var lastHeartbeat: Double
  private let heartbeatSeconds: Double
  /// `nil` for the rank of the coordinator itself.
  private let coordinatorLostAfter: Double?
  private var hasLeft = false

  package init(startingAt now: Double, heartbeatSeconds: Double = 1, coordinatorLostAfter: Double? = 30) {
    lastHeard = now
    lastHeartbeat = now
    self.heartbeatSeconds = heartbeatSeconds
    self.coordinatorLostAfter = coordinatorLostAfter
  }

  /// What the rank works on; `nil` while it waits.
  package var running: Assignment? { current }
  package var isGone: Bool { hasLeft }

  package mutating func handle(_ event: WorkerEvent, at now: Double, _ effects: inout [WorkerEffect]) {
    guard !hasLeft else { return }
    switch event {
    case .assigned(let assignments):
      lastHeard = now
      queue += assignments
      startNext(now, &effects)
    case .quantumStarted(let timeout):
      quantumStart = now
      self.timeout = timeout
      isCancelled = false
    case .unitEnded(let unit, let verdict):
      guard let assignment = current, assignment.unit == unit else { return }
      effects.append(.report(assignment, verdict, seconds: now - currentStart))
      current = nil
      timeout = nil
      startNext(now, &effects)
    case .heard: lastHeard = now
    case .released: leave(.released, &effects)
    case .tick: tick(now, &effects)
    }
  }

  private mutating func startNext(_ now: Double, _ effects: inout [WorkerEffect]) {
    guard current == nil, !queue.isEmpty else { return }
    let next = queue.removeFirst()
    current = next
    currentStart = now
    quantumStart = now
    timeout = nil
    isCancelled = false
    effects.append(.start(next))
  }

  private mutating func tick(_ now: Double, _ effects: inout [WorkerEffect]) {
    if now - lastHeartbeat >= heartbeatSeconds {
      lastHeartbeat = now
      effects.append(.heartbeat)
    }
    if let limit = coordinatorLostAfter, now - lastHeard > limit { return leave(.coordinatorLost, &effects) }
    guard let current, let timeout else { return }
    let elapsed = now - quantumStart
    if elapsed > timeout, !isCancelled {
      isCancelled = true
      cancelTime = now
      effects.append(.cancel)
    }
    // A task that looks at the flag now and then ends by itself; this one never looked. A process that was stopped for so long has
    // to have the time to look, too.
    if elapsed > 1.5 * timeout, now - cancelTime > min(0.25 * timeout, 30) {
      effects.append(.abandonThread)
      effects.append(.report(current, .timedOut(isStuck: true), seconds: now - currentStart))
      self.current = nil
      leave(.threadAbandoned, &effects)
    }
  }

  private mutating func leave(_ reason: WorkerEffect.LeaveReason, _ effects: inout [WorkerEffect]) {
    hasLeft = true
    queue = []
    effects.append(.leave(reason))
  }
}
