// SPDX-License-Identifier: GPL-3.0-or-later

import Scheduling
import Testing

@Suite struct CoordinatorTests {
  @Test func theLongestUnitGoesFirst() throws {
    var bench = try CoordinatorBench([1, 5, 3, 5].map { WorkUnitTraits(cost: $0) })
    var order: [Int] = []
    bench.tell(.joined(rank: 0))
    while let unit = bench.units(of: 0).first {
      order.append(unit)
      bench.finish(0)
    }
    // Of equals the lower number.
    #expect(order == [1, 3, 2, 0])
  }

  @Test func theCriticalPathGoesBeforeTheLongestUnit() throws {
    // Unit 1 is short, and holds up 2, which is long.
    var bench = try CoordinatorBench([5, 1, 6].map { WorkUnitTraits(cost: $0) }, upstream: [[], [], [1]])
    let effects = bench.tell(.joined(rank: 0))
    #expect(effects.assigned == [0: [1]])
    #expect(bench.finish(0).assigned == [0: [2]])
    #expect(bench.finish(0).assigned == [0: [0]])
  }

  @Test func aWarmRankGetsWhatItHasWarm() throws {
    let units = [7, 8, 7, 8].map { WorkUnitTraits(cost: 2, affinity: $0) }
    var bench = try CoordinatorBench(units)
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 1))
    #expect(bench.units(of: 0) == [0])
    #expect(bench.units(of: 1) == [1])
    // The lowest number would be 2; rank 1 read what 3 reads.
    #expect(bench.finish(1).assigned == [1: [3]])
    #expect(bench.finish(0).assigned == [0: [2]])
  }

  @Test func warmthNeverHoldsUpALongerChain() throws {
    // Unit 3 is warm for rank 0, and 2 is the head of a chain that is much longer.
    let units = [
      WorkUnitTraits(cost: 9, affinity: 7), WorkUnitTraits(cost: 8, affinity: 8), WorkUnitTraits(cost: 2),
      WorkUnitTraits(cost: 2, affinity: 7), WorkUnitTraits(cost: 4),
    ]
    var bench = try CoordinatorBench(units, upstream: [[], [], [], [], [2]])
    bench.tell(.joined(rank: 0))
    #expect(bench.units(of: 0) == [0])
    bench.tell(.joined(rank: 1))
    #expect(bench.finish(0).assigned == [0: [2]])
    #expect(bench.finish(0).assigned == [0: [4]])
    #expect(bench.finish(0).assigned == [0: [3]])
  }

  @Test func anExclusiveGroupStaysOnOneRankAndMovesWhenThatIsLost() throws {
    let units = (0..<4).map { _ in WorkUnitTraits(exclusiveGroup: 3) }
    var bench = try CoordinatorBench(units)
    for rank in 0..<3 { bench.tell(.joined(rank: rank)) }
    #expect(bench.units(of: 0) == [0])
    #expect(bench.units(of: 1) == [] && bench.units(of: 2) == [])
    #expect(bench.finish(0).assigned == [0: [1]])
    let effects = bench.tell(.lost(rank: 0))
    #expect(effects.assigned == [1: [1]])
    #expect(bench.units(of: 2) == [])
    #expect(bench.finish(1).assigned == [1: [2]])
    #expect(bench.finish(1).assigned == [1: [3]])
  }

  @Test func twoGroupsTakeTwoRanks() throws {
    let units = [3, 4, 3, 4].map { WorkUnitTraits(exclusiveGroup: $0) }
    var bench = try CoordinatorBench(units)
    bench.tell(.joined(rank: 0))
    // One rank alone does both, one after the other.
    #expect(bench.units(of: 0) == [0])
    bench.tell(.joined(rank: 1))
    #expect(bench.units(of: 1) == [1])
    #expect(bench.finish(1).assigned == [1: [3]])
    #expect(bench.finish(0).assigned == [0: [2]])
  }

  @Test func oneRankDoesAllGroups() throws {
    var bench = try CoordinatorBench([3, 4, 5].map { WorkUnitTraits(exclusiveGroup: $0) })
    bench.tell(.joined(rank: 0))
    for _ in 0..<3 { bench.finish(0) }
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func whatIsShortIsGivenOutInAdvance() throws {
    var bench = try CoordinatorBench((0..<100).map { _ in WorkUnitTraits() })
    bench.tell(.joined(rank: 0))
    // Of what nobody has seen yet a rank gets one.
    #expect(bench.units(of: 0).count == 1)
    bench.finish(0, seconds: 0.001)
    let held = bench.units(of: 0).count
    #expect(held > 5 && held <= bench.coordinator.policy.largestPrefetch)
    // The rank keeps its order, and gets no more before it is through.
    #expect(bench.finish(0, seconds: 0.001).assigned.isEmpty)
    #expect(bench.units(of: 0).count == held - 1)
  }

  @Test func whatIsLongIsNot() throws {
    var bench = try CoordinatorBench((0..<100).map { _ in WorkUnitTraits() })
    bench.tell(.joined(rank: 0))
    bench.finish(0, seconds: 10)
    #expect(bench.units(of: 0).count == 1)
  }

  @Test func secondsThatAreNoNumberAreIgnored() throws {
    var bench = try CoordinatorBench((0..<5).map { _ in WorkUnitTraits() })
    bench.tell(.joined(rank: 0))
    for seconds in [Double.nan, .infinity, -1, -.infinity] { bench.finish(0, seconds: seconds) }
    #expect(bench.units(of: 0) == [4])
  }

  @Test func doneIsWhatIsDurable() throws {
    var bench = try CoordinatorBench([WorkUnitTraits(), WorkUnitTraits(), WorkUnitTraits()], upstream: [[], [0], []])
    bench.tell(.joined(rank: 0))
    bench.finish(0)
    #expect(bench.state(0) == .recorded)
    // What waits for it may start all the same.
    #expect(bench.state(1) != .waiting)
    bench.finish(0)
    bench.tell(.durable(recordCount: 0))
    #expect(bench.state(0) == .recorded)
    bench.tell(.durable(recordCount: 1))
    #expect(bench.state(0) == .done)
    #expect(bench.state(1) != .done && bench.state(2) != .done)
    #expect(bench.finish(0).ending == nil)
    // More cannot be safe than was recorded, and what is safe stays so.
    bench.tell(.durable(recordCount: 0))
    #expect(bench.state(0) == .done)
    #expect(bench.tell(.durable(recordCount: 99)).ending == .complete)
    #expect(bench.coordinator.count(.done) == 3)
  }

  @Test func theEndComesOnceAndReleasesAll() throws {
    var bench = try CoordinatorBench([WorkUnitTraits()])
    bench.tell(.joined(rank: 0))
    bench.tell(.joined(rank: 4))
    bench.finish(0)
    let last = bench.makeDurable()
    #expect(last == [.release(rank: 0), .release(rank: 4), .end(.complete)])
    #expect(bench.tell(.tick).isEmpty)
    #expect(bench.tell(.drain).isEmpty)
    // Who comes late hears that all is over.
    #expect(bench.tell(.joined(rank: 9)) == [.release(rank: 9)])
  }

  @Test func nothingToDoIsComplete() throws {
    var bench = try CoordinatorBench([WorkUnitTraits]())
    #expect(bench.tell(.tick).ending == .complete)
    var done = CoordinatorBench(
      Coordinator(try WorkGraph([WorkUnitTraits(), WorkUnitTraits()], upstream: [[], [0]]), done: [0, 1]))
    #expect(done.tell(.tick).ending == .complete)
  }

  @Test func whatIsDoneFailedOrBlockedBeforeStaysSo() throws {
    let graph = try WorkGraph((0..<5).map { _ in WorkUnitTraits() }, upstream: [[], [], [1], [0], [2]])
    var bench = CoordinatorBench(Coordinator(graph, done: [0], failed: [1], blocked: [2, 4]))
    #expect(bench.tell(.joined(rank: 0)).assigned == [0: [3]])
    bench.finish(0)
    #expect(bench.makeDurable().ending == .complete)
    #expect([0, 1, 2, 3, 4].map { bench.state($0) } == [.done, .failed, .blocked, .done, .blocked])
  }

  @Test func whatNeedsAFailureIsBlockedAndTheRestRuns() throws {
    // 1 needs 0, 2 needs 1, 3 reads 0 if it is there, 4 has nothing to do with it.
    var bench = try CoordinatorBench(
      (0..<5).map { WorkUnitTraits(cost: 5 - Double($0)) }, upstream: [[], [0], [1], [0], []])
    bench.tell(.joined(rank: 0))
    #expect(bench.units(of: 0) == [0])
    bench.finish(0, .failed, blocked: [2, 1])
    #expect(bench.state(0) == .failed)
    #expect(bench.state(1) == .blocked && bench.state(2) == .blocked)
    #expect(bench.units(of: 0) == [3])
    bench.finish(0)
    #expect(bench.units(of: 0) == [4])
    bench.finish(0)
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func aSuccessCanBlockToo() throws {
    // A part of unit 0 failed on purpose of the data; what needs that part is blocked, and is named twice.
    var bench = try CoordinatorBench((0..<2).map { _ in WorkUnitTraits() }, upstream: [[], [0]])
    bench.tell(.joined(rank: 0))
    bench.finish(0, blocked: [1, 1])
    #expect(bench.state(1) == .blocked)
    #expect(bench.makeDurable().ending == .complete)
  }

  @Test func whatCanDoWithoutABlockedUnitRunsAllTheSame() throws {
    // 1 needs 0, 2 reads 1 if it is there.
    var bench = try CoordinatorBench((0..<3).map { _ in WorkUnitTraits() }, upstream: [[], [0], [1]])
    bench.tell(.joined(rank: 0))
    #expect(bench.finish(0, .failed, blocked: [1]).assigned == [0: [2]])
    bench.finish(0)
    #expect(bench.makeDurable().ending == .complete)
  }
}
