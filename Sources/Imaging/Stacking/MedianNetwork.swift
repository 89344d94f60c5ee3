// SPDX-License-Identifier: GPL-3.0-or-later
// Medians of many short lists at once.

/// Sorts lists of one length, sixteen at a time, by comparisons that do not depend on the values.
///
/// **Source.** Batcher 1968 (AFIPS 32, 307): odd-even merging, cut to lengths that are no power of two.
struct MedianNetwork {
  let count: Int
  private let comparisons: [(low: Int32, high: Int32)]

  init(count: Int) {
    self.count = count
    var found: [(low: Int32, high: Int32)] = []
    var p = 1
    while p < count {
      var k = p
      while k >= 1 {
        for j in stride(from: k % p, to: count - k, by: 2 * k) {
          for i in 0..<min(k, count - j - k) where (i + j) / (2 * p) == (i + j + k) / (2 * p) {
            found.append((Int32(i + j), Int32(i + j + k)))
          }
        }
        k /= 2
      }
      p *= 2
    }
    comparisons = found
  }

  /// The median of those values that are finite, lane by lane; the lists are sorted in place.
  ///
  /// - Parameters:
  ///   - lists: `count` vectors; what is missing is +∞.
  ///   - present: how many values of each lane are there.
  /// - Returns: 0 for a lane without values.
  func median(_ lists: UnsafeMutablePointer<SIMD16<Float>>, present: SIMD16<Int32>) -> SIMD16<Float> {
    for (low, high) in comparisons {
      let (a, b) = (lists[Int(low)], lists[Int(high)])
      let isInOrder = a .<= b
      lists[Int(low)] = b.replacing(with: a, where: isInOrder)
      lists[Int(high)] = a.replacing(with: b, where: isInOrder)
    }
    let lower = (present &- 1) &>> 1
    let upper = present &>> 1
    var (first, second) = (SIMD16<Float>.zero, SIMD16<Float>.zero)
    for k in 0..<count {
      let here = SIMD16<Int32>(repeating: Int32(k))
      first.replace(with: lists[k], where: lower .== here)
      second.replace(with: lists[k], where: upper .== here)
    }
    // An even list has two middle values; of an odd one both are the same.
    let middle = 0.5 * (first + second)
    return SIMD16<Float>.zero.replacing(with: middle, where: present .> 0)
  }
}
