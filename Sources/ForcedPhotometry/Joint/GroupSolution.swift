// SPDX-License-Identifier: GPL-3.0-or-later
// The fluxes of a group of neighbours.

internal import SkyGeometry

/// The fluxes of sources that touch one another, and the covariance of their errors.
struct GroupSolution {
  /// By member of the group.
  private(set) var fluxes: [Double]
  private(set) var variances: [Double]
  /// Whether a member is at the place of another, as far as its pixels can tell.
  private(set) var isSingular: [Bool]
  /// By pair of the group.
  private(set) var covariances: [Double]

  /// Places of members among the unknowns.
  private struct Unknowns {
    /// By member.
    var places: [Int] = []
    /// How many members each unknown has: their flux is shared equally.
    var shares: [Int] = []

    /// What a member has of the flux of its unknown.
    func share(_ member: Int) -> Double { 1 / Double(shares[places[member]]) }
  }

  /// - Parameters:
  ///   - stamps: of the group's members.
  ///   - tolerance: what the others must leave of Σwm² of a source for it to have a flux of its own.
  init(_ group: StampGroup, _ stamps: [ForcedStamp], tolerance: Double) {
    let (sums, positions) = (stamps.map(\.sums), stamps.map(\.position))
    let pairs = group.pairs
    let order = Self.order(positions, pairs)
    var sets = ConnectedSets(count: stamps.count)
    var unknowns = Self.unknowns(order, &sets)
    var matrix = Self.matrix(unknowns, sums, pairs)
    var lost = matrix.decompose(tolerance: tolerance)
    // Each round makes one unknown of two at least; it ends with those that are left.
    var count = matrix.size + 1
    while !lost.isEmpty, matrix.size < count {
      count = matrix.size
      Self.unite(lost, unknowns, sums, pairs, &sets)
      unknowns = Self.unknowns(order, &sets)
      matrix = Self.matrix(unknowns, sums, pairs)
      lost = matrix.decompose(tolerance: tolerance)
    }
    var right = [Double](repeating: 0, count: matrix.size)
    for i in stamps.indices { right[unknowns.places[i]] += sums[i].right * unknowns.share(i) }
    let totals = matrix.solve(right)
    matrix.invert()
    fluxes = stamps.indices.map { totals[unknowns.places[$0]] * unknowns.share($0) }
    variances = stamps.indices.map { i in
      matrix.covariance(row: unknowns.places[i], column: unknowns.places[i]) * unknowns.share(i) * unknowns.share(i)
    }
    isSingular = stamps.indices.map { unknowns.shares[unknowns.places[$0]] > 1 }
    covariances = pairs.map { pair in
      let (one, other) = (unknowns.places[pair.first], unknowns.places[pair.second])
      return matrix.covariance(row: min(one, other), column: max(one, other)) * unknowns.share(pair.first)
        * unknowns.share(pair.second)
    }
  }

  /// Members by one of their coordinates: the one in whose order neighbours are closer together.
  private static func order(_ positions: [Point2D], _ pairs: [StampPair]) -> [Int] {
    func sorted(_ key: (Point2D) -> (Double, Double)) -> (order: [Int], cost: Int) {
      let order = positions.indices.sorted { a, b in
        let (one, other) = (key(positions[a]), key(positions[b]))
        return (one.0, one.1, a) < (other.0, other.1, b)
      }
      var places = [Int](repeating: 0, count: order.count)
      for (place, member) in order.enumerated() { places[member] = place }
      return (order, EnvelopeMatrix.cost(reach: reach(of: places, order.count, pairs)))
    }
    guard positions.count > 1 else { return [0] }
    let (byX, byY) = (sorted { ($0.x, $0.y) }, sorted { ($0.y, $0.x) })
    return byX.cost <= byY.cost ? byX.order : byY.order
  }

  private static func reach(of places: [Int], _ count: Int, _ pairs: [StampPair]) -> [Int] {
    var reach = Array(0..<count)
    for pair in pairs {
      let (one, other) = (places[pair.first], places[pair.second])
      reach[min(one, other)] = max(reach[min(one, other)], one, other)
    }
    return reach
  }

  /// One unknown a set, in the order of their first members.
  private static func unknowns(_ order: [Int], _ sets: inout ConnectedSets) -> Unknowns {
    var result = Unknowns(places: Array(repeating: 0, count: order.count))
    var numbers = [Int?](repeating: nil, count: order.count)
    for member in order {
      let root = sets.root(of: member)
      let number = numbers[root] ?? result.shares.count
      if number == result.shares.count { result.shares.append(0) }
      numbers[root] = number
      result.places[member] = number
      result.shares[number] += 1
    }
    return result
  }

  private static func matrix(
    _ unknowns: Unknowns, _ sums: [ForcedPixels.Sums], _ pairs: [StampPair]
  ) -> EnvelopeMatrix {
    var matrix = EnvelopeMatrix(
      reach: reach(of: unknowns.places, unknowns.shares.count, pairs))
    for (i, sum) in sums.enumerated() {
      let (place, factor) = (unknowns.places[i], unknowns.share(i) * unknowns.share(i))
      matrix.add(sum.square.normal * factor, sum.square.noise * factor, row: place, column: place)
    }
    for pair in pairs {
      let (one, other) = (unknowns.places[pair.first], unknowns.places[pair.second])
      // Of one unknown's own the pair stands on both sides of the diagonal.
      let factor = unknowns.share(pair.first) * unknowns.share(pair.second) * (one == other ? 2 : 1)
      matrix.add(
        pair.products.normal * factor, pair.products.noise * factor, row: min(one, other), column: max(one, other))
    }
    return matrix
  }

  /// Makes one set of each unknown that is lost and the other one that is most like it.
  private static func unite(
    _ lost: [Int], _ unknowns: Unknowns, _ sums: [ForcedPixels.Sums], _ pairs: [StampPair], _ sets: inout ConnectedSets
  ) {
    let isLost = Set(lost)
    var best: [Int: (likeness: Double, pair: StampPair)] = [:]
    for pair in pairs {
      let (one, other) = (unknowns.places[pair.first], unknowns.places[pair.second])
      guard one != other, isLost.contains(one) || isLost.contains(other) else { continue }
      let likeness =
        pair.products.normal * pair.products.normal
        / (sums[pair.first].square.normal * sums[pair.second].square.normal)
      for place in [one, other] where isLost.contains(place) && likeness > best[place]?.likeness ?? -1 {
        best[place] = (likeness, pair)
      }
    }
    for place in lost { if let pair = best[place]?.pair { sets.connect(pair.first, pair.second) } }
  }
}
