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
    let chosen =
      switch rule {
      case .nearest: nearest(pairs)
      case .greedy: greedy(nearest(pairs), pairs)
      case .optimal: optimal(pairs)
      }
    return chosen.sorted { objectIDs[pairs[$0].object] < objectIDs[pairs[$1].object] }
  }

  /// Each object's pair with its nearest source.
  private func nearest(_ pairs: [CandidatePair]) -> [Int] {
    var best: [Int: Int] = [:]
    for (i, pair) in pairs.enumerated() {
      guard let other = best[pair.object] else {
        best[pair.object] = i
        continue
      }
      let key = (pair.separation, sourceIDs[pair.source])
      if key < (pairs[other].separation, sourceIDs[pairs[other].source]) { best[pair.object] = i }
    }
    return Array(best.values)
  }

  private func greedy(_ chosen: [Int], _ pairs: [CandidatePair]) -> [Int] {
    var taken: Set<Int> = []
    return chosen.sorted { a, b in
      let (a, b) = (pairs[a], pairs[b])
      return (a.separation, objectIDs[a.object], sourceIDs[a.source])
        < (b.separation, objectIDs[b.object], sourceIDs[b.source])
    }.filter { taken.insert(pairs[$0].source).inserted }
  }

  /// Component after component of the graph that pairs make: most have one pair.
  private func optimal(_ pairs: [CandidatePair]) -> [Int] {
    var pairsOfObject = [Int32](repeating: 0, count: objectIDs.count)
    var pairsOfSource = [Int32](repeating: 0, count: sourceIDs.count)
    for pair in pairs {
      pairsOfObject[pair.object] &+= 1
      pairsOfSource[pair.source] &+= 1
    }
    var (chosen, tangled): ([Int], [Int]) = ([], [])
    for (i, pair) in pairs.enumerated() {
      if pairsOfObject[pair.object] == 1, pairsOfSource[pair.source] == 1 {
        chosen.append(i)
      } else {
        tangled.append(i)
      }
    }
    guard !tangled.isEmpty else { return chosen }
    var components = Components(objects: objectIDs.count, sources: sourceIDs.count)
    for i in tangled { components.join(object: pairs[i].object, source: pairs[i].source) }
    var groups: [Int: [Int]] = [:]
    for i in tangled { groups[components.root(object: pairs[i].object), default: []].append(i) }
    for members in groups.values {
      // One order, whatever that of the rows: ties are decided by IDs.
      let ordered = members.sorted { a, b in
        (objectIDs[pairs[a].object], sourceIDs[pairs[a].source]) < (
          objectIDs[pairs[b].object], sourceIDs[pairs[b].source]
        )
      }
      chosen += SparseAssignment(ordered.map { pairs[$0] }, sourceIDs).solve().map { ordered[$0] }
    }
    return chosen
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
