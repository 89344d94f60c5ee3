// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources touch which.

internal import SkyGeometry

/// Two stamps that share pixels which count, and the sums over those.
struct StampPair {
  /// Below `second`.
  let first: Int
  let second: Int
  let products: ForcedPixels.Products
}

/// All pairs of stamps that share pixels.
///
/// - Parameter stamps: in the order of the first rows of their boxes.
/// - Returns: by the second of each, then by the first.
func stampPairs(_ stamps: [ForcedStamp], on pixels: ForcedPixels) -> [StampPair] {
  var pairs: [StampPair] = []
  // Those that reach down to the row where the next one begins.
  var open: [Int] = []
  for (number, stamp) in stamps.enumerated() {
    open.removeAll { stamps[$0].box.endY <= stamp.box.minY }
    for other in open
    where stamps[other].box.minX < stamp.box.endX && stamp.box.minX < stamps[other].box.endX {
      let products = pixels.products(of: stamps[other], stamp)
      if products.normal != 0 {
        pairs.append(StampPair(first: other, second: number, products: products))
      }
    }
    open.append(number)
  }
  return pairs
}

/// Sets of numbers that pairs connect.
struct ConnectedSets {
  private var parents: [Int]

  init(count: Int) { parents = Array(0..<count) }

  /// The smallest number of the set.
  mutating func root(of number: Int) -> Int {
    var number = number
    while parents[number] != number {
      parents[number] = parents[parents[number]]
      number = parents[number]
    }
    return number
  }

  mutating func connect(_ a: Int, _ b: Int) {
    let (one, other) = (root(of: a), root(of: b))
    parents[max(one, other)] = min(one, other)
  }
}

/// Stamps that are connected by pairs, to be solved for together.
struct StampGroup {
  /// Their numbers, ascending.
  var members: [Int] = []
  /// By places among the members.
  var pairs: [StampPair] = []

  /// All groups, in the order of their first members.
  static func all(of count: Int, _ pairs: [StampPair]) -> [StampGroup] {
    var sets = ConnectedSets(count: count)
    for pair in pairs { sets.connect(pair.first, pair.second) }
    var groups: [StampGroup] = []
    // Of each number, its group and its place there.
    var places: [(group: Int, member: Int)] = []
    for number in 0..<count {
      let root = sets.root(of: number)
      if root == number { groups.append(StampGroup()) }
      let group = root == number ? groups.count - 1 : places[root].group
      places.append((group, groups[group].members.count))
      groups[group].members.append(number)
    }
    for pair in pairs {
      let (first, second) = (places[pair.first], places[pair.second])
      groups[first.group].pairs.append(
        StampPair(first: first.member, second: second.member, products: pair.products))
    }
    return groups
  }
}
