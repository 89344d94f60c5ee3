// SPDX-License-Identifier: GPL-3.0-or-later
// Units that could run now, the most urgent first.

internal import HeapModule

/// Units that could run now: critical path first, then the longest, then the lowest number.
///
/// A unit can be found in two ways, as the most urgent of all and as the most urgent with some affinity; what was taken in one
/// way is passed over in the other.
package struct ReadyQueue: Sendable {
  private struct Entry: Comparable, Sendable {
    let path: Float
    let cost: Float
    let unit: Int32

    static func < (a: Entry, b: Entry) -> Bool {
      if a.path != b.path { return a.path < b.path }
      if a.cost != b.cost { return a.cost < b.cost }
      return a.unit > b.unit
    }
  }

  private var all = Heap<Entry>()
  private var byAffinity: [Int32: Heap<Entry>] = [:]
  /// Units that one rank alone may take, by group.
  private var byGroup: [Int32: Heap<Entry>] = [:]
  private var isInside: [Bool]
  package private(set) var count = 0
  private let graph: WorkGraph

  package init(_ graph: WorkGraph) {
    self.graph = graph
    isInside = Array(repeating: false, count: graph.unitCount)
  }

  /// Groups that have units waiting, in the order of their numbers.
  package var waitingGroups: [Int] { byGroup.filter { !$0.value.isEmpty }.keys.map(Int.init).sorted() }
  var hasGroups: Bool { groupCount > 0 }
  /// Units that any rank may take.
  package var freeCount: Int { count - groupCount }
  private var groupCount = 0

  package mutating func insert(_ unit: Int) {
    guard !isInside[unit] else { return }
    isInside[unit] = true
    count += 1
    let entry = Entry(path: graph.criticalPaths[unit], cost: graph.costs[unit], unit: Int32(unit))
    let group = graph.exclusiveGroups[unit]
    if group >= 0 {
      byGroup[group, default: Heap()].insert(entry)
      groupCount += 1
      return
    }
    all.insert(entry)
    let affinity = graph.affinities[unit]
    if affinity >= 0 { byAffinity[affinity, default: Heap()].insert(entry) }
  }

  /// The most urgent unit, or one that is nearly as urgent and for which something is warm.
  package mutating func take(warm: [Int32]) -> Int? {
    guard let best = Self.top(of: &all, isInside) else { return nil }
    for affinity in warm {
      guard var heap = byAffinity[affinity] else { continue }
      let candidate = Self.top(of: &heap, isInside)
      byAffinity[affinity] = heap.isEmpty ? nil : heap
      // What is warm saves a part of the unit's own time at most: never worth holding up a longer chain for.
      if let candidate, candidate.path >= best.path - 0.5 * candidate.cost { return remove(candidate) }
    }
    return remove(best)
  }

  /// The most urgent unit of a group.
  package mutating func take(group: Int) -> Int? {
    guard var heap = byGroup[Int32(group)] else { return nil }
    let best = Self.top(of: &heap, isInside)
    if best != nil { heap.removeMax() }
    byGroup[Int32(group)] = heap.isEmpty ? nil : heap
    guard let best else { return nil }
    groupCount -= 1
    return remove(best)
  }

  /// Takes out a unit that is not to run after all.
  package mutating func discard(_ unit: Int) {
    guard isInside[unit] else { return }
    isInside[unit] = false
    count -= 1
    if graph.exclusiveGroups[unit] >= 0 { groupCount -= 1 }
  }

  private mutating func remove(_ entry: Entry) -> Int {
    isInside[Int(entry.unit)] = false
    count -= 1
    return Int(entry.unit)
  }

  private static func top(of heap: inout Heap<Entry>, _ isInside: [Bool]) -> Entry? {
    while let best = heap.max {
      if isInside[Int(best.unit)] { return best }
      heap.removeMax()
    }
    return nil
  }
}
