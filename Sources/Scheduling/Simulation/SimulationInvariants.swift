// SPDX-License-Identifier: GPL-3.0-or-later
// What must hold at any moment of a campaign, and at its end.

extension SimulatedCampaign {
  /// After every event.
  func checkInvariants() throws(SimulationFailure) {
    let total = UnitState.allCases.reduce(0) { $0 + coordinator.count($1) }
    guard total == plan.graph.unitCount else {
      throw failure("\(total) units are in some state, of \(plan.graph.unitCount)")
    }
    // Looking at every unit takes longer than everything else together, so it is done now and then.
    guard summary.events % 16 == 0 || plan.graph.unitCount < 20 else { return }
    var counts = [Int](repeating: 0, count: UnitState.allCases.count)
    let isDurable = isDurable
    for unit in 0..<plan.graph.unitCount {
      let state = coordinator.state(of: unit)
      counts[Int(state.rawValue)] += 1
      if state == .done, !files.contains(unit) || !isDurable(unit) {
        throw failure("unit \(unit) counts as done and is not safe")
      }
    }
    for state in UnitState.allCases where counts[Int(state.rawValue)] != coordinator.count(state) {
      throw failure("\(coordinator.count(state)) units are said to be \(state), \(counts[Int(state.rawValue)]) are")
    }
    for state in UnitState.allCases where counts[Int(state.rawValue)] > 0 { note("state: \(state)") }
  }

  /// A unit that a rank is given.
  func checkAssignment(_ assignment: Assignment, _ rank: Int, _ now: Double) throws(SimulationFailure) {
    let unit = assignment.unit
    guard coordinator.state(of: unit) == .running else { throw failure("unit \(unit) is given away and not running") }
    guard !succeededEver.contains(unit) else { throw failure("unit \(unit) runs again after it was accepted") }
    for source in plan.upstream[unit] {
      let state = coordinator.state(of: source)
      if state == .blocked { note("runs without a blocked unit") }
      guard state.isFinal || state == .recorded else {
        throw failure("unit \(unit) runs before unit \(source), which is \(state)")
      }
      guard !plan.required[unit].contains(source) || state == .done || state == .recorded else {
        throw failure("unit \(unit) runs although unit \(source) is \(state)")
      }
    }
    if plan.graph.exclusiveGroups[unit] >= 0 {
      note("exclusive group")
      for other in coordinator.activeRanks where other != rank {
        for held in coordinator.assignments(of: other)
        where plan.graph.exclusiveGroups[held.unit] == plan.graph.exclusiveGroups[unit] {
          throw failure("units \(unit) and \(held.unit) of one group are on ranks \(rank) and \(other)")
        }
      }
    }
    if let spent = spent[unit] {
      let policy = plan.policy
      guard spent.losses < policy.lossLimit, spent.timeouts < policy.timeoutLimit,
        spent.transients <= policy.transientRetryLimit
      else { throw failure("unit \(unit) runs again after \(spent)") }
      guard now >= spent.due else { throw failure("unit \(unit) runs again before \(spent.due) s") }
    }
    let budget =
      1 + plan.policy.lossLimit + plan.policy.timeoutLimit + plan.policy.transientRetryLimit
      // A unit that lay behind another on a rank that was lost starts again without blame.
      + plan.rankCount
    guard assignment.attempt <= budget else {
      throw failure("unit \(unit) is started for the \(assignment.attempt)th time")
    }
  }

  /// When a session has ended by itself.
  func checkEnd(_ reason: EndReason?) throws(SimulationFailure) {
    guard reason == .complete else { return }
    var failed: Set<Int> = []
    for unit in 0..<plan.graph.unitCount {
      let state = coordinator.state(of: unit)
      guard state.isFinal else { throw failure("all is over, and unit \(unit) is \(state)") }
      if state == .failed { failed.insert(unit) }
    }
    let blocked = Set(plan.blocked(by: failed))
    for unit in 0..<plan.graph.unitCount where (coordinator.state(of: unit) == .blocked) != blocked.contains(unit) {
      throw failure("unit \(unit) is \(coordinator.state(of: unit)), and that does not follow from what failed")
    }
    for unit in 0..<plan.graph.unitCount where coordinator.state(of: unit) == .done {
      switch plan.natures[unit] {
      case .sound, .flaky: break
      default: throw failure("unit \(unit) cannot have succeeded")
      }
    }
  }
}
