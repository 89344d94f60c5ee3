// SPDX-License-Identifier: GPL-3.0-or-later
// Moving a small image by a fraction of a pixel.

internal import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The weights that move an image along one axis by less than a pixel: out(p) = Σᵢ valuesᵢ in(p + first + i).
struct ShiftTaps {
  let values: [Double]
  let first: Int

  /// Lanczos-5; nothing is moved by 0.
  ///
  /// - Precondition: the shift is more than −1 and less than 1.
  init(_ shift: Double) {
    precondition(abs(shift) < 1)
    guard shift != 0 else {
      (values, first) = ([1], 0)
      return
    }
    let whole = shift < 0 ? -1 : 0
    let fraction = 1 - (shift - Double(whole))
    // A shift that is lost beside 1 is none.
    guard fraction > 0, fraction < 1 else {
      (values, first) = ([1], 0)
      return
    }
    values = Self.lanczos(at: fraction)
    first = -whole - 5
  }

  private static let order = 5
  /// Sine and cosine of πk/5 for the pixels −4 to 5.
  private static let angles = (1 - order...order).map { k in
    (sine: sin(.pi * Double(k) / Double(order)), cosine: cos(.pi * Double(k) / Double(order)))
  }

  /// The weights of ``LanczosKernel/taps(at:)`` to rounding, from two sines and a cosine: what else is needed follows from sums of angles.
  ///
  /// - Parameter fraction: above 0 and below 1.
  private static func lanczos(at fraction: Double) -> [Double] {
    // Near 1 the pixel ahead is as near as the one behind is near 0.
    guard fraction <= 0.5 else { return lanczos(at: 1 - fraction).reversed() }
    let n = Double(order)
    let (sine, part) = (sin(.pi * fraction), (sine: sin(.pi * fraction / n), cosine: cos(.pi * fraction / n)))
    var values: [Double] = []
    values.reserveCapacity(2 * order)
    var sum = 0.0
    for (i, angle) in angles.enumerated() {
      let k = i + 1 - order
      let t = Double(k) - fraction
      // sin π(k − f) = ∓sin πf, and the window's sin π(k − f)/n.
      let window = angle.sine * part.cosine - angle.cosine * part.sine
      let value = (k % 2 == 0 ? -sine : sine) * window * n / (.pi * .pi * t * t)
      values.append(value)
      sum += value
    }
    return values.map { $0 / sum }
  }

  /// Pixels beyond an image that the taps reach.
  static let reach = 5
}

extension Image<Double> {
  /// The image moved by less than a pixel toward larger x and y, by Lanczos-5; zero is assumed outside.
  ///
  /// - Precondition: both shifts are more than −1 and less than 1.
  package func shifted(x dx: Double, y dy: Double) -> Image { resampled(ShiftTaps(dx), ShiftTaps(dy)) }

  /// The image under the taps of both axes, x first; zero is assumed outside.
  func resampled(_ alongX: ShiftTaps, _ alongY: ShiftTaps) -> Image {
    guard !box.isEmpty else { return self }
    let (width, height, reach) = (width, height, ShiftTaps.reach)
    // Whole vectors in each row, and zeros on both sides of it.
    let columns = (width + 7) / 8 * 8
    let stride = columns + 2 * reach
    let rows = height + 2 * reach
    return Image(box: box) { target in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: height * stride + rows * columns) { scratch in
        scratch.initialize(repeating: 0)
        guard let padded = scratch.baseAddress else { return }
        let moved = padded + height * stride
        withUnsafePixels { source in
          for y in 0..<height { (padded + y * stride + reach).update(from: source + y * width, count: width) }
        }
        for y in 0..<height {
          Self.combine(
            padded + y * stride + reach + alongX.first, step: 1, alongX.values, columns,
            into: moved + (y + reach) * columns)
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: columns) { row in
          guard let line = row.baseAddress else { return }
          row.initialize(repeating: 0)
          for y in 0..<height {
            Self.combine(
              moved + (y + reach + alongY.first) * columns, step: columns, alongY.values, columns, into: line)
            (target + y * width).initialize(from: line, count: width)
          }
        }
      }
    }
  }

  /// Weighted sums of numbers that lie `step` apart, for as many neighbours as there are columns, eight at a time.
  private static func combine(
    _ source: UnsafePointer<Double>, step: Int, _ taps: [Double], _ columns: Int,
    into target: UnsafeMutablePointer<Double>
  ) {
    taps.withUnsafeBufferPointer { taps in
      for x in Swift.stride(from: 0, to: columns, by: 8) {
        var sum = SIMD8<Double>.zero
        for i in taps.indices {
          let values = UnsafeRawPointer(source + x + i * step).loadUnaligned(as: SIMD8<Double>.self)
          sum.addProduct(values, SIMD8(repeating: taps[i]))
        }
        UnsafeMutableRawPointer(target + x).storeBytes(of: sum, as: SIMD8<Double>.self)
      }
    }
  }
}
