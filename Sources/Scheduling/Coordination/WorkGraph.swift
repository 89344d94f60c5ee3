// SPDX-License-Identifier: GPL-3.0-or-later
// What has to be done, and in which order.

/// A work unit as the scheduler sees it.
package struct WorkUnitTraits: Hashable, Sendable {
  /// Units of one stage do the same kind of work and take about the same time.
  package var stage: Int
  /// Expected seconds, or any measure that is proportional to them over the whole graph.
  package var cost: Double
  /// What the unit reads that others read too, and what a rank that had it last has warm; `nil` for nothing of the kind.
  package var affinity: Int?
  /// All units of a group run on one rank, one after the other; `nil` for those that run anywhere.
  package var exclusiveGroup: Int?

  package init(stage: Int = 0, cost: Double = 1, affinity: Int? = nil, exclusiveGroup: Int? = nil) {
    self.stage = stage
    self.cost = cost
    self.affinity = affinity
    self.exclusiveGroup = exclusiveGroup
  }
}

/// A graph of work units that is no graph of work.
package struct WorkGraphError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
}

/// Work units by number, from 0 on, and which of them wait for which.
///
/// Arrays throughout: ten million units take less than a gigabyte.
package struct WorkGraph: Sendable {
  package let stageCount: Int
  let stages: [Int32]
  let costs: [Float]
  /// −1 for none.
  let affinities: [Int32]
  let exclusiveGroups: [Int32]
  let upstreamCounts: [Int32]
  private let dependentOffsets: [Int32]
  private let dependentList: [Int32]
  /// The expected seconds from the start of a unit to the end of what it holds up: the longest way down.
  let criticalPaths: [Float]

  package var unitCount: Int { stages.count }

  /// A pipeline has fewer chains.
  package static let largestStage = 1 << 16

  /// - Parameter upstream: for each unit those that it waits for, each once.
  /// - Throws: ``WorkGraphError`` for a number that no unit has, a cycle, costs that are no numbers.
  package init(_ units: [WorkUnitTraits], upstream: [[Int]]) throws(WorkGraphError) {
    guard units.count == upstream.count else {
      throw WorkGraphError(description: "\(units.count) units, and what \(upstream.count) wait for")
    }
    var offsets: [Int32] = [0]
    offsets.reserveCapacity(units.count + 1)
    var list: [Int32] = []
    for sources in upstream {
      for source in sources {
        guard units.indices.contains(source) else {
          throw WorkGraphError(description: "a unit waits for unit \(source), which is none")
        }
        list.append(Int32(source))
      }
      offsets.append(Int32(list.count))
    }
    try self.init(units, upstreamOffsets: offsets, upstreamList: list)
  }

  /// The same from flat arrays: unit `i` waits for `upstreamList[upstreamOffsets[i]..<upstreamOffsets[i + 1]]`.
  ///
  /// - Throws: ``WorkGraphError``.
  package init(
    _ units: [WorkUnitTraits], upstreamOffsets: [Int32], upstreamList: [Int32]
  ) throws(WorkGraphError) {
    guard units.count < Int(Int32.max), upstreamOffsets.count == units.count + 1 else {
      throw WorkGraphError(
        description: "\(units.count) units are too many, or \(upstreamOffsets.count) offsets are not theirs")
    }
    guard upstreamOffsets.first == 0, Int(upstreamOffsets[units.count]) == upstreamList.count,
      zip(upstreamOffsets, upstreamOffsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw WorkGraphError(description: "the offsets do not divide \(upstreamList.count) numbers") }
    for source in upstreamList where source < 0 || Int(source) >= units.count {
      throw WorkGraphError(description: "a unit waits for unit \(source), which is none")
    }
    // Something is kept for every stage up to the last.
    for unit in units where !Float(unit.cost).isFinite || unit.cost < 0 || !(0...Self.largestStage).contains(unit.stage)
    {
      throw WorkGraphError(description: "a unit of stage \(unit.stage) costs \(unit.cost)")
    }
    stages = units.map { Int32(clamping: $0.stage) }
    costs = units.map { Float($0.cost) }
    affinities = units.map { $0.affinity.map { Int32(clamping: $0) } ?? -1 }
    exclusiveGroups = units.map { $0.exclusiveGroup.map { Int32(clamping: $0) } ?? -1 }
    stageCount = (units.map(\.stage).max() ?? -1) + 1
    upstreamCounts = units.indices.map { upstreamOffsets[$0 + 1] - upstreamOffsets[$0] }

    var offsets = [Int32](repeating: 0, count: units.count + 1)
    for source in upstreamList { offsets[Int(source) + 1] += 1 }
    for i in units.indices { offsets[i + 1] += offsets[i] }
    var next = offsets
    var list = [Int32](repeating: 0, count: upstreamList.count)
    for unit in units.indices {
      for k in Int(upstreamOffsets[unit])..<Int(upstreamOffsets[unit + 1]) {
        let source = Int(upstreamList[k])
        list[Int(next[source])] = Int32(unit)
        next[source] += 1
      }
    }
    dependentOffsets = offsets
    dependentList = list
    criticalPaths = try Self.criticalPaths(costs, upstreamCounts, offsets, list)
  }

  package func dependents(of unit: Int) -> ArraySlice<Int32> {
    dependentList[Int(dependentOffsets[unit])..<Int(dependentOffsets[unit + 1])]
  }

  private static func criticalPaths(
    _ costs: [Float], _ upstreamCounts: [Int32], _ offsets: [Int32], _ list: [Int32]
  ) throws(WorkGraphError) -> [Float] {
    var waiting = upstreamCounts
    var order: [Int32] = []
    order.reserveCapacity(costs.count)
    for unit in costs.indices where waiting[unit] == 0 { order.append(Int32(unit)) }
    var position = 0
    while position < order.count {
      let unit = Int(order[position])
      position += 1
      for dependent in list[Int(offsets[unit])..<Int(offsets[unit + 1])] {
        waiting[Int(dependent)] -= 1
        if waiting[Int(dependent)] == 0 { order.append(dependent) }
      }
    }
    guard order.count == costs.count else {
      throw WorkGraphError(description: "\(costs.count - order.count) units wait for one another in a circle")
    }
    var paths = costs
    for unit in order.reversed() {
      var longest: Float = 0
      for dependent in list[Int(offsets[Int(unit)])..<Int(offsets[Int(unit) + 1])] {
        longest = max(longest, paths[Int(dependent)])
      }
      paths[Int(unit)] += longest
    }
    return paths
  }
}
