// SPDX-License-Identifier: GPL-3.0-or-later
// Order statistics without sorting everything.

/// Quantiles by linear interpolation at index f·(n − 1) of the sorted values; reorders nothing.
///
/// A histogram between bounds taken from a small sample finds the few bins that hold the wanted ranks; only their values are
/// sorted. Values outside the bounds are counted, not binned, so outliers cost nothing. Twin: ``sortedQuantiles(_:of:)``.
///
/// - Parameter fractions: 0 to 1, ascending.
/// - Precondition: there are values, none is NaN.
func quantiles(_ fractions: [Double], of values: UnsafeMutableBufferPointer<Float>) -> [Double] {
  let n = values.count
  guard n >= 512 else { return sortedQuantiles(fractions, of: Array(values)) }

  let wanted = fractions.map { OrderStatistic(fraction: $0, count: n) }
  guard let low = wanted.first?.rank, let high = wanted.last?.rank,
    let bounds = sampleBounds(values, from: Double(low) / Double(n), to: Double(high + 1) / Double(n))
  else { return sortedQuantiles(fractions, of: Array(values)) }

  if bounds.lowerBound == bounds.upperBound {
    // One value may hold all the wanted ranks, as in planes of few numbers: counting it is enough.
    let common = bounds.lowerBound
    var (below, equal) = (0, 0)
    for value in values {
      below += value < common ? 1 : 0
      equal += value == common ? 1 : 0
    }
    guard low >= below, high + 1 < below + equal else { return sortedQuantiles(fractions, of: Array(values)) }
    return fractions.map { _ in Double(common) }
  }
  let binCount = 512
  let scale = Float(binCount) / (bounds.upperBound - bounds.lowerBound)
  guard scale.isFinite else { return sortedQuantiles(fractions, of: Array(values)) }

  // Bin 0 is below the bounds, the last one above.
  func bin(_ value: Float) -> Int {
    let position = (value - bounds.lowerBound) * scale
    // Written so that infinities end in the outer bins.
    if position < 0 { return 0 }
    return position < Float(binCount) ? Int(position) + 1 : binCount + 1
  }

  var counts = [Int32](repeating: 0, count: binCount + 2)
  counts.withUnsafeMutableBufferPointer { counts in
    for value in values { counts[bin(value)] &+= 1 }
  }
  var starts = [Int](repeating: 0, count: binCount + 3)
  for i in counts.indices { starts[i + 1] = starts[i] + Int(counts[i]) }

  func binHolding(rank: Int) -> Int {
    var (a, b) = (0, counts.count - 1)
    while a < b {
      let middle = (a + b) / 2
      if starts[middle + 1] > rank { b = middle } else { a = middle + 1 }
    }
    return a
  }
  let ranks = wanted.flatMap { $0.weight > 0 ? [$0.rank, $0.rank + 1] : [$0.rank] }
  let bins = Set(ranks.map(binHolding))
  guard !bins.contains(0), !bins.contains(binCount + 1) else { return sortedQuantiles(fractions, of: Array(values)) }

  // The wanted bins' values, sorted; everything below a bin is counted by its start.
  var slots = [UInt8](repeating: 0, count: binCount + 2)
  let order = bins.sorted()
  for (slot, i) in order.enumerated() { slots[i] = UInt8(slot + 1) }
  var contents = order.map { i -> [Float] in
    var empty: [Float] = []
    empty.reserveCapacity(Int(counts[i]))
    return empty
  }
  slots.withUnsafeBufferPointer { slots in
    for value in values {
      let slot = slots[bin(value)]
      if slot != 0 { contents[Int(slot) - 1].append(value) }
    }
  }
  for slot in contents.indices { contents[slot].sort() }
  func value(rank: Int) -> Double {
    let i = binHolding(rank: rank)
    return Double(contents[Int(slots[i]) - 1][rank - starts[i]])
  }
  return wanted.map { order in
    let lower = value(rank: order.rank)
    return order.weight > 0 ? lower + order.weight * (value(rank: order.rank + 1) - lower) : lower
  }
}

/// Quantiles of plain numbers by linear interpolation at index f·(n − 1) of the sorted values.
///
/// Twin: ``sortedQuantiles(_:of:)``.
///
/// - Parameter fractions: 0 to 1, ascending.
/// - Precondition: there are values, none is NaN.
package func quantiles(_ fractions: [Double], of values: [Float]) -> [Double] {
  var values = values
  return values.withUnsafeMutableBufferPointer { quantiles(fractions, of: $0) }
}

/// The obvious way: sort and pick.
package func sortedQuantiles(_ fractions: [Double], of values: [Float]) -> [Double] {
  let sorted = values.sorted()
  return fractions.map { fraction in
    let order = OrderStatistic(fraction: fraction, count: sorted.count)
    let lower = Double(sorted[order.rank])
    return order.weight > 0 ? lower + order.weight * (Double(sorted[order.rank + 1]) - lower) : lower
  }
}

/// Where a quantile lies: between the values of rank `rank` and `rank + 1`.
private struct OrderStatistic {
  let rank: Int
  let weight: Double

  init(fraction: Double, count: Int) {
    let index = fraction * Double(count - 1)
    rank = min(count - 1, max(0, Int(index)))
    weight = rank + 1 < count ? index - Double(rank) : 0
  }
}

/// Bounds that most likely hold the quantiles from `low` to `high`, taken from scattered values; `nil` when they are not finite.
private func sampleBounds(
  _ values: UnsafeMutableBufferPointer<Float>, from low: Double, to high: Double
) -> ClosedRange<Float>? {
  let size = 128
  // Positions that share no period with an image's rows: even steps would sample one column of it.
  let sample = (0..<size).map { values[Int((UInt64($0) &* 0x9E37_79B9_7F4A_7C15) % UInt64(values.count))] }.sorted()
  // Five standard deviations of a quantile's rank in a sample of this size.
  let margin = 5 * (0.25 * Double(size)).squareRoot()
  let first = max(0, Int(low * Double(size) - margin))
  let last = min(size - 1, Int(high * Double(size) + margin))
  let (a, b) = (sample[first], sample[last])
  return a <= b && a.isFinite && b.isFinite ? a...b : nil
}
