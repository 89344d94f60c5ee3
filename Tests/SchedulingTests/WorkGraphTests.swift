// SPDX-License-Identifier: GPL-3.0-or-later

import Scheduling
import Testing

@Suite struct WorkGraphTests {
  @Test(arguments: [
    [[0]], [[1], [0]], [[], [0, 3], [1], [2]],
  ]) func aCircleIsAnError(_ upstream: [[Int]]) {
    let error = #expect(throws: WorkGraphError.self) {
      _ = try WorkGraph(upstream.map { _ in WorkUnitTraits() }, upstream: upstream)
    }
    #expect(error?.description.contains("in a circle") == true)
  }

  @Test(arguments: [-1, 2, .max, .min]) func aUnitThatThereIsNotIsAnError(_ source: Int) {
    let error = #expect(throws: WorkGraphError.self) {
      _ = try WorkGraph([WorkUnitTraits(), WorkUnitTraits()], upstream: [[], [source]])
    }
    #expect(error?.description.contains("\(source)") == true)
  }

  @Test func listsOfAnotherLengthAreAnError() {
    #expect(throws: WorkGraphError.self) { _ = try WorkGraph([WorkUnitTraits()], upstream: []) }
    #expect(throws: WorkGraphError.self) { _ = try WorkGraph([], upstream: [[]]) }
  }

  /// The flat arrays come from the plan, which has them right; were they not, that is no reason to crash.
  @Test(
    arguments: [
      ([0], [Int32](), 1), ([0, 0, 0], [], 1), ([1, 1], [0], 1), ([0, 2], [0], 1), ([0, 2, 1], [0], 2),
      ([0, 1], [1], 1),
      ([0, 1], [-1], 1), ([0, 0], [0], 1),
    ] as [([Int32], [Int32], Int)]) func flatArraysThatContradictThemselvesAreAnError(
      _ offsets: [Int32], _ list: [Int32], _ count: Int
    )
  {
    #expect(throws: WorkGraphError.self) {
      _ = try WorkGraph((0..<count).map { _ in WorkUnitTraits() }, upstreamOffsets: offsets, upstreamList: list)
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, -1, 1e300]) func costsThatAreNoneAreAnError(_ cost: Double) {
    #expect(throws: WorkGraphError.self) { _ = try WorkGraph([WorkUnitTraits(cost: cost)], upstream: [[]]) }
  }

  @Test(arguments: [-1, .max, 1 << 40]) func stagesThatAreNoneAreAnError(_ stage: Int) {
    #expect(throws: WorkGraphError.self) { _ = try WorkGraph([WorkUnitTraits(stage: stage)], upstream: [[]]) }
  }

  @Test func dependentsAreWhoWaits() throws {
    let graph = try WorkGraph((0..<4).map { WorkUnitTraits(stage: $0 % 3) }, upstream: [[], [0], [0, 1], []])
    #expect(graph.unitCount == 4 && graph.stageCount == 3)
    #expect(Array(graph.dependents(of: 0)) == [1, 2])
    #expect(Array(graph.dependents(of: 1)) == [2])
    #expect(graph.dependents(of: 3).isEmpty)
  }

  // MARK: - The queue

  private func graph(_ units: [WorkUnitTraits]) throws -> WorkGraph {
    try WorkGraph(units, upstream: units.map { _ in [] })
  }

  @Test func theQueueIsInTheOrderOfUrgency() throws {
    let seed: UInt64 = 0x5EED_0003
    var random = SeededGenerator(seed: seed)
    for round in 0..<200 {
      let count = Int.random(in: 1...40, using: &random)
      let units = (0..<count).map { _ in
        WorkUnitTraits(
          cost: Double(Int.random(in: 0...3, using: &random)),
          affinity: random.chance(0.5) ? Int.random(in: 0...2, using: &random) : nil)
      }
      // Each waits for at most one before it, so a path is the longest sum of costs from the unit on.
      let upstream = (0..<count).map { unit in
        unit > 0 && random.chance(0.5) ? [Int.random(in: 0..<unit, using: &random)] : []
      }
      var paths = units.map(\.cost)
      for unit in (0..<count).reversed() {
        let longest = upstream.indices.filter { upstream[$0] == [unit] }.map { paths[$0] }.max() ?? 0
        paths[unit] = units[unit].cost + longest
      }
      var queue = ReadyQueue(try WorkGraph(units, upstream: upstream))
      for unit in (0..<count).shuffled(using: &random) { queue.insert(unit) }
      let left = Set((0..<count).filter { _ in random.chance(0.8) })
      for unit in 0..<count where !left.contains(unit) { queue.discard(unit) }
      #expect(queue.count == left.count && queue.freeCount == left.count)
      var taken: [Int] = []
      while let unit = queue.take(warm: []) { taken.append(unit) }
      let expected = left.sorted { (-paths[$0], -units[$0].cost, $0) < (-paths[$1], -units[$1].cost, $1) }
      #expect(taken == expected, "seed \(seed), round \(round)")
      #expect(queue.count == 0)
    }
  }

  @Test func aUnitIsTakenOnceHoweverItIsFound() throws {
    let units = (0..<6).map { WorkUnitTraits(cost: 1, affinity: $0 % 2) }
    var queue = ReadyQueue(try graph(units))
    for unit in units.indices { queue.insert(unit) }
    queue.insert(3)
    #expect(queue.take(warm: [1]) == 1)
    #expect(queue.take(warm: []) == 0)
    // What was taken out and comes back is there once.
    queue.insert(1)
    queue.discard(2)
    queue.insert(2)
    var rest: [Int] = []
    while let unit = queue.take(warm: [9, 0]) { rest.append(unit) }
    #expect(rest == [2, 4, 1, 3, 5])
    #expect(queue.count == 0)
    #expect(queue.take(warm: [0, 1]) == nil)
  }

  @Test func groupsAreApart() throws {
    let units = [nil, 5, nil, 5, 6].map { WorkUnitTraits(cost: 1, exclusiveGroup: $0) }
    var queue = ReadyQueue(try graph(units))
    for unit in units.indices { queue.insert(unit) }
    #expect(queue.count == 5 && queue.freeCount == 2)
    #expect(queue.waitingGroups == [5, 6])
    #expect(queue.take(group: 4) == nil)
    queue.discard(1)
    #expect(queue.freeCount == 2)
    #expect(queue.take(group: 5) == 3)
    #expect(queue.take(group: 5) == nil)
    #expect(queue.take(warm: []) == 0)
    #expect(queue.take(warm: []) == 2)
    #expect(queue.take(warm: []) == nil)
    #expect(queue.count == 1)
  }
}
