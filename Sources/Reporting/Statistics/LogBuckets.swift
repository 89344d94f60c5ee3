// SPDX-License-Identifier: GPL-3.0-or-later
// Counts in buckets of equal relative width, for quantiles that merge exactly.

internal import Foundation

/// Counts of finite numbers in fixed buckets 1 % wide, of both signs, with zero apart.
///
/// **Model**: `x` is in the bucket `floor(log|x| / log 1.01)` of its sign. The buckets do not depend on the values, so that
/// counts add up to the same whatever the order and grouping; a quantile is good to half a per cent.
struct LogBuckets: Sendable, Hashable {
  private static let logWidth = log(1.01)
  /// No double is in a bucket past ± this.
  static let largestIndex: Int32 = 80_000

  var zero: Int64 = 0
  var positive: [Int32: Int64] = [:]
  var negative: [Int32: Int64] = [:]

  /// - Parameter x: finite.
  mutating func add(_ x: Double) {
    guard x != 0 else {
      zero &+= 1
      return
    }
    let index = Int32((log(x.magnitude) / Self.logWidth).rounded(.down))
    if x > 0 { positive[index, default: 0] &+= 1 } else { negative[index, default: 0] &+= 1 }
  }

  mutating func merge(_ other: LogBuckets) {
    zero &+= other.zero
    positive.merge(other.positive) { $0 &+ $1 }
    negative.merge(other.negative) { $0 &+ $1 }
  }

  /// The values between which the numbers of some ranks lie, counted from 1 in ascending order: the edges of their buckets.
  ///
  /// - Parameter ranks: ascending; one past the last number gives +∞, one below 1 gives −∞.
  func edges(atRanks ranks: [Int64]) -> [(low: Double, high: Double)] {
    func edge(_ index: Int32) -> Double { exp(Double(index) * Self.logWidth) }
    var buckets: [(low: Double, high: Double, count: Int64)] = []
    for (index, count) in negative.sorted(by: { $0.key > $1.key }) {
      buckets.append((-edge(index + 1), -edge(index), count))
    }
    buckets.append((0, 0, zero))
    for (index, count) in positive.sorted(by: { $0.key < $1.key }) {
      buckets.append((edge(index), edge(index + 1), count))
    }
    var next = buckets.startIndex
    var passed: Int64 = 0
    return ranks.map { rank in
      guard rank >= 1 else { return (-.infinity, -.infinity) }
      while next < buckets.endIndex, passed &+ buckets[next].count < rank {
        passed &+= buckets[next].count
        next += 1
      }
      return next < buckets.endIndex ? (buckets[next].low, buckets[next].high) : (.infinity, .infinity)
    }
  }
}
