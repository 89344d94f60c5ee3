// SPDX-License-Identifier: GPL-3.0-or-later
// A coordinator with hands on it.

import Scheduling

/// A coordinator that is told things one by one, and remembers what it wanted done.
struct CoordinatorBench {
  var coordinator: Coordinator
  var now = 0.0
  private(set) var all: [CoordinatorEffect] = []
  /// What became of the units that were recorded, so that they can be made durable.
  private(set) var recordCount = 0

  init(_ coordinator: Coordinator) { self.coordinator = coordinator }

  init(
    _ units: [WorkUnitTraits], upstream: [[Int]]? = nil, _ adjust: (inout SchedulingPolicy) -> Void = { _ in }
  ) throws {
    var policy = SchedulingPolicy()
    adjust(&policy)
    self.init(
      Coordinator(try WorkGraph(units, upstream: upstream ?? units.map { _ in [] }), policy: policy))
  }

  @discardableResult
  mutating func tell(_ event: CoordinatorEvent) -> [CoordinatorEffect] {
    var effects: [CoordinatorEffect] = []
    coordinator.handle(event, at: now, &effects)
    all += effects
    for effect in effects {
      switch effect {
      case .record, .quarantine: recordCount += 1
      default: break
      }
    }
    return effects
  }

  /// Lets the head of a rank's work end.
  @discardableResult
  mutating func finish(_ rank: Int, _ verdict: Verdict = .succeeded, seconds: Double = 1, blocked: [Int] = [])
    -> [CoordinatorEffect]
  {
    guard let head = coordinator.assignments(of: rank).first else { return [] }
    return tell(
      .finished(rank: rank, unit: head.unit, attempt: head.attempt, verdict, seconds: seconds, blocked: blocked))
  }

  @discardableResult
  mutating func makeDurable() -> [CoordinatorEffect] { tell(.durable(recordCount: recordCount)) }

  func units(of rank: Int) -> [Int] { coordinator.assignments(of: rank).map(\.unit) }
  func state(_ unit: Int) -> UnitState { coordinator.state(of: unit) }
}

extension [CoordinatorEffect] {
  /// Who was given what.
  var assigned: [Int: [Int]] {
    reduce(into: [:]) { result, effect in
      if case .assign(let rank, let assignments) = effect { result[rank, default: []] += assignments.map(\.unit) }
    }
  }

  var ending: EndReason? {
    for case .end(let reason) in self { return reason }
    return nil
  }
}
