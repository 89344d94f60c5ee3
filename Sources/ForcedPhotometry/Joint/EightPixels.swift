// SPDX-License-Identifier: GPL-3.0-or-later
// Eight pixels at a time.

/// Eight pixels of float32, as their bits: comparisons and choices are whole-number operations, since those on vectors of floats are done one by one.
///
/// A comparison is −1, all bits, where it holds, and 0 elsewhere.
struct EightPixels {
  let bits: SIMD8<Int32>

  @inline(__always) var areFinite: SIMD8<Int32> { ((bits & 0x7FFF_FFFF) &- 0x7F80_0000) &>> 31 }
  @inline(__always) var arePositive: SIMD8<Int32> { ~((bits | (bits &- 1)) &>> 31) & areFinite }
  @inline(__always) var areZero: SIMD8<Int32> { ~((bits | (0 &- bits)) &>> 31) }

  /// The numbers where a comparison holds, 0 elsewhere.
  @inline(__always)
  func values(where holds: SIMD8<Int32>) -> SIMD8<Double> { Self(bits: bits & holds).values }

  /// The numbers where a comparison holds, 1 elsewhere.
  @inline(__always)
  func valuesOrOne(where holds: SIMD8<Int32>) -> SIMD8<Double> {
    Self(bits: (bits & holds) | (0x3F80_0000 & ~holds)).values
  }

  /// 1 where a comparison holds, 0 elsewhere.
  @inline(__always)
  static func ones(where holds: SIMD8<Int32>) -> SIMD8<Double> { Self(bits: 0x3F80_0000 & holds).values }

  @inline(__always)
  private var values: SIMD8<Double> { SIMD8<Double>(unsafeBitCast(bits, to: SIMD8<Float>.self)) }
}

// Loads of a raw span are checked; their name warns of types that not all bytes are values of, which numbers are not.

extension RawSpan {
  /// Eight pixels from the i-th on, 0 behind the last.
  @inline(__always)
  func pixels(at i: Int) -> EightPixels {
    if 4 * i + 32 <= byteCount {
      return EightPixels(bits: unsafeLoadUnaligned(fromByteOffset: 4 * i, as: SIMD8<Int32>.self))
    }
    return lastPixels(at: i)
  }

  @inline(never)
  private func lastPixels(at i: Int) -> EightPixels {
    var result = SIMD8<Int32>.zero
    for k in 0..<8 where 4 * (i + k) + 4 <= byteCount {
      result[k] = unsafeLoadUnaligned(fromByteOffset: 4 * (i + k), as: Int32.self)
    }
    return EightPixels(bits: result)
  }

  /// Eight numbers of float64 from the i-th on, 0 behind the last.
  @inline(__always)
  func numbers(at i: Int) -> SIMD8<Double> {
    if 8 * i + 64 <= byteCount { return unsafeLoadUnaligned(fromByteOffset: 8 * i, as: SIMD8<Double>.self) }
    return lastNumbers(at: i)
  }

  @inline(never)
  private func lastNumbers(at i: Int) -> SIMD8<Double> {
    var result = SIMD8<Double>.zero
    for k in 0..<8 where 8 * (i + k) + 8 <= byteCount {
      result[k] = unsafeLoadUnaligned(fromByteOffset: 8 * (i + k), as: Double.self)
    }
    return result
  }
}

extension MutableRawSpan {
  /// Adds to eight numbers of float64 from the i-th on.
  @inline(__always)
  mutating func add(_ numbers: SIMD8<Double>, at i: Int) {
    let sum = unsafeLoadUnaligned(fromByteOffset: 8 * i, as: SIMD8<Double>.self) + numbers
    storeBytes(of: sum, toByteOffset: 8 * i, as: SIMD8<Double>.self)
  }
}

extension SIMD8<Double> {
  @inline(__always)
  var magnitudes: SIMD8<Double> {
    unsafeBitCast(unsafeBitCast(self, to: SIMD8<Int64>.self) & .max, to: SIMD8<Double>.self)
  }
}
