// SPDX-License-Identifier: GPL-3.0-or-later
// What numbers of one name are like over all quanta.

internal import OrderedCollections
package import TaskFramework

/// Count, mean, scatter, extremes and quantiles of numbers, exactly mergeable.
///
/// NaN means no data: it is counted apart and enters nothing else. Infinities count, make the mean what IEEE 754 makes it and the
/// scatter NaN. −0 is taken as 0, a whole number past 2⁵³ as the nearest double. Mean and scatter are right to the last digits
/// for values of any finite size, also when the squares of the values or their sum are past the largest double.
package struct NumberStatistics: Sendable, Hashable {
  /// The quantiles that are kept, in per cent.
  package static let percents: [Int64] = [5, 25, 50, 75, 95]

  /// Of the values that are not NaN.
  package internal(set) var count: Int64 = 0
  package internal(set) var nanCount: Int64 = 0
  /// +∞ where there are no values.
  package internal(set) var minimum = Double.infinity
  /// −∞ where there are no values.
  package internal(set) var maximum = -Double.infinity
  /// Whether all values are of the kind int.
  package internal(set) var isWhole = true
  var sum = ExactSum()
  var squares = ExactSum()
  var buckets = LogBuckets()

  package init() {}

  package mutating func add(_ value: Double) {
    isWhole = false
    addNumber(value)
  }

  package mutating func add(_ value: Int64) { addNumber(Double(value)) }

  private mutating func addNumber(_ value: Double) {
    guard !value.isNaN else {
      nanCount &+= 1
      return
    }
    let x = value + 0
    count &+= 1
    minimum = min(minimum, x)
    maximum = max(maximum, x)
    sum.add(x)
    guard x.isFinite else { return }
    squares.addSquare(of: x)
    buckets.add(x)
  }

  package mutating func merge(_ other: NumberStatistics) {
    count &+= other.count
    nanCount &+= other.nanCount
    minimum = min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    isWhole = isWhole && other.isWhole
    sum.merge(other.sum)
    squares.merge(other.squares)
    buckets.merge(other.buckets)
  }

  // MARK: - Results

  /// The exact sum, rounded once.
  package var total: Double { sum.value }

  /// Mean and population standard deviation; NaN without values.
  package var moments: (mean: Double, scatter: Double) {
    count > 0 ? ExactSum.moments(sum: sum, squares: squares, count: count) : (.nan, .nan)
  }

  /// The values below or at which a part of all values lies, for each of ``percents``; NaN without values.
  ///
  /// A quantile is the value of rank `ceil(p · count)`, known to its bucket. It is given as the middle of that part of the bucket
  /// that lies between the extremes (as the nearest whole number when all values are whole), so that it is good to half a per
  /// cent of its size, and exact for values that are all equal.
  package var quantiles: [Double] {
    guard count > 0 else { return Self.percents.map { _ in .nan } }
    // Whole numbers, and so that no product overflows.
    let ranks = Self.percents.map { max(1, count / 100 * $0 + (count % 100 * $0 + 99) / 100) }
    return buckets.edges(atRanks: ranks.map { $0 &- sum.negativeInfinityCount }).map { edges in
      let (low, high) = (max(edges.low, minimum), min(edges.high, maximum))
      let middle = low.isFinite && high.isFinite ? low / 2 + high / 2 : low
      return min(max(isWhole ? middle.rounded() : middle, minimum), maximum)
    }
  }

  /// Members that have no value are left out.
  package var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = ["count": .integer(count)]
    if nanCount > 0 { members["nan"] = .integer(nanCount) }
    guard count > 0 else { return .object(members) }
    func exact(_ value: Double) -> JSONValue {
      if isWhole, let whole = Int64(exactly: value) { .integer(whole) } else { .number(value) }
    }
    let moments = moments
    members["mean"] = .number(moments.mean)
    members["scatter"] = .number(moments.scatter)
    members["min"] = exact(minimum)
    for (name, value) in zip(["q05", "q25", "median", "q75", "q95"], quantiles) { members[name] = exact(value) }
    members["max"] = exact(maximum)
    return .object(members)
  }
}
