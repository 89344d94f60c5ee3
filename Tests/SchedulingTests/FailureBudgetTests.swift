// SPDX-License-Identifier: GPL-3.0-or-later

import Scheduling
import Testing

@Suite struct FailureBudgetTests {
  @Test func aTransientFailureIsTriedAgainAfterGrowingPauses() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    var pauses: [Double] = []
    for _ in 0..<3 {
      let effects = bench.finish(0, .failedTransiently)
      #expect(effects.isEmpty)
      #expect(bench.state(0) == .delayed)
      let due = try #require(bench.coordinator.nextDeadline)
      pauses.append(due - bench.now)
      bench.now = due - 1e-6
      #expect(bench.tell(.tick).assigned.isEmpty)
      bench.now = due
      bench.tell(.heard(rank: 0))
      #expect(bench.units(of: 0) == [0])
    }
    #expect(pauses == [0.5, 2, 8])
    #expect(bench.coordinator.assignments(of: 0) == [Assignment(unit: 0, attempt: 4)])
    bench.finish(0, .failedTransiently)
    #expect(bench.state(0) == .failed)
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func aFullDiskEndsTheRunAfterThreeInARow() throws {
    var bench = try CoordinatorBench((0..<10).map { _ in WorkUnitTraits() })
    bench.tell(.joined(rank: 0))
    bench.finish(0, .storageFull)
    bench.finish(0, .storageFull)
    // A success in between: there was space after all.
    bench.finish(0)
    bench.finish(0, .storageFull)
    bench.finish(0, .storageFull)
    #expect(!bench.coordinator.isDraining)
    #expect(bench.finish(0, .storageFull).assigned.isEmpty)
    #expect(bench.makeDurable().ending == .storageFull)
  }

  @Test func aUnitThatLosesItsRankTwiceIsQuarantined() throws {
    var bench = try CoordinatorBench([WorkUnitTraits(cost: 2), WorkUnitTraits()], upstream: [[], [0]])
    for rank in 0..<3 { bench.tell(.joined(rank: rank)) }
    let first = bench.tell(.lost(rank: 0))
    #expect(first.contains(.recordStrike(unit: 0, attempt: 1, rank: 0, isTimeout: false)))
    #expect(first.contains(.retire(rank: 0)))
    #expect(first.assigned == [1: [0]])
    let second = bench.tell(.lost(rank: 1))
    #expect(second.contains(.quarantine(unit: 0, attempt: 2, losses: 2, timeouts: 0)))
    #expect(second.assigned.isEmpty && second.ending == nil)
    bench.tell(.quarantined(unit: 0, blocked: [1]))
    #expect(bench.state(0) == .failed && bench.state(1) == .blocked)
    // It is written down once, however often it is said.
    bench.tell(.quarantined(unit: 0, blocked: [1]))
    #expect(bench.coordinator.count(.failed) == 1)
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func aUnitThatRunsOutOfTimeTwiceIsQuarantined() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    let first = bench.finish(0, .timedOut(isStuck: false))
    #expect(first.contains(.recordStrike(unit: 0, attempt: 1, rank: 0, isTimeout: true)))
    // The rank listened, so it goes on.
    #expect(first.assigned == [0: [0]])
    let second = bench.finish(0, .timedOut(isStuck: false))
    #expect(second.contains(.quarantine(unit: 0, attempt: 2, losses: 0, timeouts: 2)))
  }

  @Test func lossesAndTimeoutsAreCountedApart() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    for rank in 0..<3 { bench.tell(.joined(rank: rank)) }
    bench.finish(0, .timedOut(isStuck: false))
    let holder = try #require((0..<3).first { bench.units(of: $0) == [0] })
    let effects = bench.tell(.lost(rank: holder))
    #expect(!effects.assigned.isEmpty)
    #expect(bench.coordinator.count(.running) == 1)
  }

  @Test func budgetsOfEarlierSessionsCount() throws {
    let graph = try WorkGraph([WorkUnitTraits()], upstream: [[]])
    var bench = CoordinatorBench(Coordinator(graph, strikes: [0: (losses: 1, timeouts: 0)]))
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    // Starts are counted on.
    #expect(bench.coordinator.assignments(of: 0) == [Assignment(unit: 0, attempt: 2)])
    let effects = bench.tell(.lost(rank: 0))
    #expect(effects.contains(.quarantine(unit: 0, attempt: 2, losses: 2, timeouts: 0)))
  }

  @Test func aStuckRankIsRetiredAndWhatLayThereIsGivenBack() throws {
    var bench = try CoordinatorBench((0..<40).map { _ in WorkUnitTraits() })
    bench.tell(.joined(rank: 0))
    bench.finish(0, seconds: 0.001)
    let held = bench.units(of: 0)
    #expect(held.count > 1)
    let effects = bench.finish(0, .timedOut(isStuck: true))
    #expect(effects.contains(.retire(rank: 0)))
    #expect(bench.coordinator.count(.running) == 0)
    #expect(held.allSatisfy { bench.state($0) == .ready })
    #expect(bench.coordinator.activeRanks.isEmpty)
    // The rank that comes next takes them; what had not begun is not blamed.
    bench.tell(.joined(rank: 1))
    #expect(!bench.units(of: 1).isEmpty)
    #expect(bench.all.filter { if case .recordStrike = $0 { true } else { false } }.count == 1)
  }

  @Test func silenceIsALoss() throws {
    var bench = try CoordinatorBench([WorkUnitTraits(), WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    bench.now = 30
    bench.tell(.heard(rank: 1))
    #expect(bench.tell(.tick).isEmpty)
    bench.now = 30.5
    #expect(bench.tell(.tick).contains(.retire(rank: 0)))
    #expect(bench.coordinator.activeRanks == [1])
    bench.finish(1)
    #expect(bench.units(of: 1) == [0])
  }

  @Test func aLateResultDoesNotCount() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    bench.tell(.lost(rank: 0))
    #expect(bench.units(of: 1) == [0])
    let late = bench.tell(.finished(rank: 0, unit: 0, attempt: 1, .succeeded, seconds: 1, blocked: []))
    #expect(late == [.discard(unit: 0, attempt: 1, rank: 0)])
    // Another's attempt, another unit, a unit that there is not, a rank that nobody knows.
    for (rank, unit, attempt) in [(1, 0, 1), (1, 1, 2), (1, -1, 2), (7, 0, 2), (0, 0, 2)] {
      let effects = bench.tell(.finished(rank: rank, unit: unit, attempt: attempt, .succeeded, seconds: 1, blocked: []))
      #expect(effects == [.discard(unit: unit, attempt: attempt, rank: rank)])
    }
    #expect(bench.state(0) == .running)
    bench.finish(1)
    let twice = bench.tell(.finished(rank: 1, unit: 0, attempt: 2, .succeeded, seconds: 1, blocked: []))
    #expect(twice == [.discard(unit: 0, attempt: 2, rank: 1)])
    #expect(bench.coordinator.count(.recorded) == 1)
  }

  @Test func aLostRankIsNotTakenBack() throws {
    var bench = try CoordinatorBench([WorkUnitTraits(), WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    bench.tell(.lost(rank: 0))
    #expect(bench.tell(.joined(rank: 0)).isEmpty)
    #expect(bench.tell(.lost(rank: 0)).isEmpty)
    #expect(bench.coordinator.activeRanks == [1])
  }

  @Test func afterADrainNothingIsAssigned() throws {
    var bench = try CoordinatorBench((0..<4).map { _ in WorkUnitTraits() })
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    bench.tell(.drain)
    bench.tell(.drain)
    #expect(bench.coordinator.isDraining)
    #expect(bench.tell(.joined(rank: 2)).isEmpty)
    #expect(bench.finish(0, .failedTransiently).isEmpty)
    bench.now = 100
    bench.tell(.heard(rank: 1))
    #expect(bench.all.count { if case .assign = $0 { true } else { false } } == 2)
    bench.finish(1)
    #expect(bench.makeDurable().ending == .drained)
  }

  @Test func aDrainWithNothingLeftIsComplete() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    bench.tell(.drain)
    bench.finish(0)
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func failFastEndsAtTheFirstFailure() throws {
    var bench = try CoordinatorBench((0..<5).map { _ in WorkUnitTraits() }) { $0.failsFast = true }
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    #expect(bench.finish(0, .failed).assigned.isEmpty)
    // What runs is finished.
    #expect(bench.makeDurable().ending == nil)
    bench.finish(1)
    #expect(bench.makeDurable().ending == .failedFast)
  }

  @Test func tooManyFailuresEndTheRun() throws {
    var bench = try CoordinatorBench((0..<400).map { _ in WorkUnitTraits() }) { $0.largestFailureFraction = 0.1 }
    bench.tell(.joined(rank: 0))
    for _ in 0..<20 { bench.finish(0, .failed) }
    #expect(!bench.coordinator.isDraining)
    bench.finish(0, .failed)
    #expect(bench.coordinator.isDraining)
    #expect(bench.makeDurable().ending == .tooManyFailures)
  }

  @Test func failuresAfterTheFirstTwoHundredEndNothing() throws {
    var bench = try CoordinatorBench((0..<400).map { _ in WorkUnitTraits() }) { $0.largestFailureFraction = 0.1 }
    bench.tell(.joined(rank: 0))
    for _ in 0..<200 { bench.finish(0) }
    for _ in 0..<200 { bench.finish(0, .failed) }
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func withoutRanksTheRunEnds() throws {
    var bench = try CoordinatorBench([WorkUnitTraits(), WorkUnitTraits()])
    // Nobody has come yet.
    #expect(bench.tell(.tick).ending == nil)
    bench.tell(.joined(rank: 0))
    #expect(bench.tell(.lost(rank: 0)).ending == .noRanks)
  }

  @Test func whatWasInterruptedStartsAgainWithoutBlame() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    for attempt in 2...9 {
      bench.finish(0, .interrupted)
      #expect(bench.coordinator.assignments(of: 0) == [Assignment(unit: 0, attempt: attempt)])
    }
    #expect(!bench.all.contains { if case .recordStrike = $0 { true } else { false } })
  }
}
