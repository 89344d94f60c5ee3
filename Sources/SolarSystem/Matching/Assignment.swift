// SPDX-License-Identifier: GPL-3.0-or-later
// Which object is which source.

/// How objects and sources are paired.
package enum AssociationRule: String, CaseIterable, Hashable, Sendable {
  /// One source an object and one object a source, so that the sum of the costs is smallest.
  case optimal
  /// One to one: the nearest source of each object, the closest pair first; an object that loses its source gets no other.
  case greedy
  /// Each object has its nearest source; a source may be several objects (the seed).
  case nearest
}

/// Chooses among candidate pairs; the choice does not depend on the order of rows.
package struct Assignment {
  package let rule: AssociationRule
  /// IDs by row, all different; ties are decided by them.
  package let objectIDs: [Int64]
  package let sourceIDs: [Int64]

  package init(rule: AssociationRule, objectIDs: [Int64], sourceIDs: [Int64]) {
    self.rule = rule
    self.objectIDs = objectIDs
    self.sourceIDs = sourceIDs
  }

  /// - Returns: the places of the pairs that are chosen, in the order of their objects' IDs.
  package func choose(_ pairs: [CandidatePair]) -> [Int] {
    let order = pairs.indices.sorted { a, b in
      let (a, b) = (pairs[a], pairs[b])
      return (objectIDs[a.object], a.separation, sourceIDs[a.source])
        < (objectIDs[b.object], b.separation, sourceIDs[b.source])
    }
    switch rule {
    case .nearest: return nearest(order, pairs)
    case .greedy: return greedy(nearest(order, pairs), pairs)
    case .optimal: return optimal(order, pairs)
    }
  }

  /// The first pair of each object.
  private func nearest(_ order: [Int], _ pairs: [CandidatePair]) -> [Int] {
    order.indices.filter { $0 == 0 || pairs[order[$0]].object != pairs[order[$0 - 1]].object }.map { order[$0] }
  }

  private func greedy(_ chosen: [Int], _ pairs: [CandidatePair]) -> [Int] {
    var taken: Set<Int> = []
    let accepted = chosen.sorted { a, b in
      let (a, b) = (pairs[a], pairs[b])
      return (a.separation, objectIDs[a.object], sourceIDs[a.source])
        < (b.separation, objectIDs[b.object], sourceIDs[b.source])
    }.filter { taken.insert(pairs[$0].source).inserted }
    return accepted.sorted { objectIDs[pairs[$0].object] < objectIDs[pairs[$1].object] }
  }

  /// Component after component of the graph that pairs make: most have one pair.
  private func optimal(_ order: [Int], _ pairs: [CandidatePair]) -> [Int] {
    var components = Components(objects: objectIDs.count, sources: sourceIDs.count)
    for pair in pairs { components.join(object: pair.object, source: pair.source) }
    var groups: [Int: [Int]] = [:]
    for i in order { groups[components.root(object: pairs[i].object), default: []].append(i) }
    let chosen = groups.values.flatMap { members in
      members.count == 1 ? members : SparseAssignment(members.map { pairs[$0] }, sourceIDs).solve().map { members[$0] }
    }
    return chosen.sorted { objectIDs[pairs[$0].object] < objectIDs[pairs[$1].object] }
  }
}

/// Which objects and sources hang together (disjoint sets with path halving).
private struct Components {
  private var parents: [Int]
  private let objects: Int

  init(objects: Int, sources: Int) {
    parents = Array(0..<objects + sources)
    self.objects = objects
  }

  mutating func root(object: Int) -> Int { root(object) }

  mutating func join(object: Int, source: Int) {
    let (a, b) = (root(object), root(objects + source))
    parents[max(a, b)] = min(a, b)
  }

  private mutating func root(_ start: Int) -> Int {
    var node = start
    while parents[node] != node {
      parents[node] = parents[parents[node]]
      node = parents[node]
    }
    return node
  }
}
