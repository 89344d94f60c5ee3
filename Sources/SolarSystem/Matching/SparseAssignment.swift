// SPDX-License-Identifier: GPL-3.0-or-later
// The cheapest pairing of a few objects and sources.

internal import HeapModule

/// The cheapest pairing of objects and sources that hang together: shortest augmenting paths with potentials (Jonker and Volgenant 1987, Computing 38, 325), on the pairs that there are.
///
/// Every object has a place of its own beside the sources, of cost 0, which means that it is left alone. Costs of pairs are not above 0.
struct SparseAssignment {
  private struct Edge {
    /// A source, or from ``sourceCount`` on the place of the object of that number.
    let target: Int
    let cost: Double
    let pair: Int
  }

  private var edges: [[Edge]]
  private let sourceCount: Int

  /// - Parameter pairs: those of one object stand together.
  init(_ pairs: [CandidatePair], _ sourceIDs: [Int64]) {
    let sources = Set(pairs.map(\.source)).sorted { sourceIDs[$0] < sourceIDs[$1] }
    let places = Dictionary(uniqueKeysWithValues: sources.enumerated().map { ($1, $0) })
    // The search needs costs that are not negative: all ways of an object become dearer by the same.
    let lowest = min(0, pairs.map(\.cost).min() ?? 0)
    sourceCount = sources.count
    edges = []
    var previous: Int?
    for (i, pair) in pairs.enumerated() {
      if pair.object != previous {
        edges.append([Edge(target: sourceCount + edges.count, cost: -lowest, pair: -1)])
        previous = pair.object
      }
      edges[edges.count - 1].append(Edge(target: places[pair.source] ?? 0, cost: pair.cost - lowest, pair: i))
    }
  }

  private struct Reached: Comparable {
    let distance: Double
    let target: Int
    static func < (a: Reached, b: Reached) -> Bool { (a.distance, a.target) < (b.distance, b.target) }
  }

  /// - Returns: the places of the pairs that are chosen.
  func solve() -> [Int] {
    let targetCount = sourceCount + edges.count
    var owner: [Int?] = Array(repeating: nil, count: targetCount)
    var choice: [Edge?] = Array(repeating: nil, count: edges.count)
    var (objectPotential, targetPotential) = (
      [Double](repeating: 0, count: edges.count), [Double](repeating: 0, count: targetCount)
    )
    for start in edges.indices {
      var distance = [Double](repeating: .infinity, count: targetCount)
      var way: [(object: Int, edge: Edge)?] = Array(repeating: nil, count: targetCount)
      var (isDone, done): ([Bool], [Int]) = (Array(repeating: false, count: targetCount), [])
      var heap = Heap<Reached>()
      var (object, base) = (start, 0.0)
      var free: Int?
      while free == nil {
        for edge in edges[object] where !isDone[edge.target] {
          // Rounding can make a reduced cost negative by a last digit.
          let reduced = max(0, edge.cost - objectPotential[object] - targetPotential[edge.target])
          if base + reduced < distance[edge.target] {
            distance[edge.target] = base + reduced
            way[edge.target] = (object, edge)
            heap.insert(Reached(distance: base + reduced, target: edge.target))
          }
        }
        // Every object can reach its own place, so there is always a next one.
        guard let next = heap.popMin() else { break }
        guard !isDone[next.target] else { continue }
        if let other = owner[next.target] {
          isDone[next.target] = true
          done.append(next.target)
          (object, base) = (other, next.distance)
        } else {
          free = next.target
        }
      }
      guard let free else { continue }
      let length = distance[free]
      objectPotential[start] += length
      for target in done {
        if let other = owner[target] { objectPotential[other] += length - distance[target] }
        targetPotential[target] -= length - distance[target]
      }
      var target = free
      while let (object, edge) = way[target] {
        let left = choice[object]?.target
        owner[target] = object
        choice[object] = edge
        guard let left, object != start else { break }
        target = left
      }
    }
    return choice.compactMap { $0 }.filter { $0.pair >= 0 }.map(\.pair)
  }
}
