// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels that a statistic uses, side by side, and the passes over them.

internal import SkyGeometry

/// The pixels that a statistic uses, copied side by side so that every further pass is a plain loop.
struct PixelSample {
  private var values: [Float] = []
  private(set) var count = 0

  struct Moments {
    var count = 0
    var mean = Double.nan
    var variance = Double.nan
    var sum = Double.nan
    var minimum = Double.nan
    var maximum = Double.nan
  }

  private mutating func reserve(_ n: Int) {
    if values.count < n { values = [Float](repeating: 0, count: n) }
    count = 0
  }

  /// - Returns: the bits that any pixel of the region has.
  mutating func collect(_ image: Image<Float>, mask: Mask?, region: Box2I, control: StatisticsControl) -> UInt32 {
    reserve(region.area)
    var all: UInt32 = 0
    var n = 0
    let first = region.minX - image.box.minX
    values.withUnsafeMutableBufferPointer { out in
      for y in region.minY..<region.endY {
        let start = (y - image.box.minY) * image.width + first
        image.pixels.withUnsafeBufferPointer { pixels in
          if let mask {
            mask.bits.pixels.withUnsafeBufferPointer { bits in
              for i in start..<start + region.width {
                let (value, bit) = (pixels[i], bits[i])
                all |= bit
                out[n] = value
                n += bit & control.andMask == 0 && (value.isFinite || !control.nanSafe) ? 1 : 0
              }
            }
          } else {
            for i in start..<start + region.width {
              let value = pixels[i]
              out[n] = value
              n += value.isFinite || !control.nanSafe ? 1 : 0
            }
          }
        }
      }
    }
    count = n
    return all
  }

  mutating func collect(_ numbers: [Float], control: StatisticsControl) {
    reserve(numbers.count)
    for value in numbers where value.isFinite || !control.nanSafe {
      values[count] = value
      count += 1
    }
  }

  var containsNaN: Bool { values[0..<count].contains(where: \.isNaN) }

  /// Mean and unbiased variance by two passes; eight running sums, so that the order is fixed and the loop is a vector's.
  func moments() -> Moments {
    guard count > 0 else { return Moments() }
    return values.withUnsafeBufferPointer { v in
      var sums = SIMD8<Double>.zero
      var low = Float.infinity
      var high = -Float.infinity
      let whole = count / 8 * 8
      for i in stride(from: 0, to: whole, by: 8) {
        for lane in 0..<8 { sums[lane] += Double(v[i + lane]) }
      }
      for i in whole..<count { sums[i - whole] += Double(v[i]) }
      for i in 0..<count {
        low = v[i] < low ? v[i] : low
        high = v[i] > high ? v[i] : high
      }
      let n = Double(count)
      let provisional = sums.sum() / n
      var first = SIMD8<Double>.zero
      var second = SIMD8<Double>.zero
      for i in stride(from: 0, to: whole, by: 8) {
        for lane in 0..<8 {
          let d = Double(v[i + lane]) - provisional
          first[lane] += d
          second[lane] += d * d
        }
      }
      for i in whole..<count {
        let d = Double(v[i]) - provisional
        first[i - whole] += d
        second[i - whole] += d * d
      }
      let shift = first.sum() / n
      return Moments(
        count: count, mean: provisional + shift, variance: (second.sum() - n * shift * shift) / (n - 1),
        sum: sums.sum(), minimum: Double(low), maximum: Double(high))
    }
  }

  /// Mean and unbiased variance of the pixels within `halfWidth` of `center`, both ends included.
  func clippedMoments(center: Double, halfWidth: Double) -> Moments {
    guard count > 0, center.isFinite, halfWidth.isFinite else { return Moments() }
    // Float comparisons against bounds rounded inward keep exactly the pixels that exact arithmetic keeps.
    var low = Float(center - halfWidth)
    if Double(low) < center - halfWidth { low = low.nextUp }
    var high = Float(center + halfWidth)
    if Double(high) > center + halfWidth { high = high.nextDown }
    return values.withUnsafeBufferPointer { v in
      var kept = SIMD8<Int64>.zero
      var first = SIMD8<Double>.zero
      var second = SIMD8<Double>.zero
      let whole = count / 8 * 8
      func add(_ value: Float, _ lane: Int) {
        let isKept = value >= low && value <= high
        let d = isKept ? Double(value) - center : 0
        kept[lane] &+= isKept ? 1 : 0
        first[lane] += d
        second[lane] += d * d
      }
      for i in stride(from: 0, to: whole, by: 8) {
        for lane in 0..<8 { add(v[i + lane], lane) }
      }
      for i in whole..<count { add(v[i], i - whole) }
      let n = Double(kept.wrappedSum())
      guard n > 0 else { return Moments() }
      let shift = first.sum() / n
      return Moments(
        count: Int(kept.wrappedSum()), mean: center + shift, variance: (second.sum() - n * shift * shift) / (n - 1))
    }
  }

  /// The quantiles 0.25, 0.5 and 0.75.
  mutating func quartiles() -> (Double, Double, Double) {
    let n = count
    guard n > 0 else { return (.nan, .nan, .nan) }
    let q = values.withUnsafeMutableBufferPointer { buffer in
      quantiles([0.25, 0.5, 0.75], of: UnsafeMutableBufferPointer(rebasing: buffer[0..<n]))
    }
    return (q[0], q[1], q[2])
  }
}
