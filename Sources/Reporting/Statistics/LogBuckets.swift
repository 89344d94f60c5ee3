// SPDX-License-Identifier: GPL-3.0-or-later
// Counts in buckets of equal relative width, for quantiles that merge exactly.

internal import Foundation

/// Counts of finite numbers in fixed buckets 1 % wide, of both signs, with zero apart.
///
/// **Model**: `x` is in the bucket `floor(log|x| / log 1.01)` of its sign. The buckets do not depend on the values, so that counts
/// add up to the same whatever the order and grouping; a quantile is good to half a per cent.
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

  /// The (geometric) middle of a positive bucket.
  private static func middle(_ index: Int32) -> Double { exp((Double(index) + 0.5) * logWidth) }

  /// The middles of the buckets that hold the numbers of some ranks, counted from 1 in ascending order.
  ///
  /// - Parameter ranks: ascending; one past the last number gives +∞, one below 1 gives −∞.
  func values(atRanks ranks: [Int64]) -> [Double] {
    var buckets: [(middle: Double, count: Int64)] = negative.sorted { $0.key > $1.key }.map {
      (-Self.middle($0.key), $0.value)
    }
    buckets.append((0, zero))
    buckets += positive.sorted { $0.key < $1.key }.map { (Self.middle($0.key), $0.value) }
    var next = buckets.startIndex
    var passed: Int64 = 0
    return ranks.map { rank in
      guard rank >= 1 else { return -.infinity }
      while next < buckets.endIndex, passed &+ buckets[next].count < rank {
        passed &+= buckets[next].count
        next += 1
      }
      return next < buckets.endIndex ? buckets[next].middle : .infinity
    }
  }
}
