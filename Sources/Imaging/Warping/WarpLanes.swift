// SPDX-License-Identifier: GPL-3.0-or-later
// The vectors that a warp's innermost loop works with.

/// A vector of pixels, as long as a kernel's taps or longer; what lies beyond the taps is loaded but never used.
protocol WarpLanes: SIMD where Scalar == Float {
  /// As many mask values.
  associatedtype Bits: SIMD where Bits.Scalar == UInt32, Bits.MaskStorage == MaskStorage

  func sum(ofFirst count: Int) -> Float
  static func union(ofFirst count: Int, _ bits: Bits) -> UInt32
}

// Kernels have an even number of taps.
extension SIMD8<Float>: WarpLanes {
  typealias Bits = SIMD8<UInt32>

  @inline(__always)
  func sum(ofFirst count: Int) -> Float {
    let two: SIMD2<Float>
    switch count {
    case 2: two = lowHalf.lowHalf
    case 4: two = lowHalf.lowHalf + lowHalf.highHalf
    case 6: two = lowHalf.lowHalf + lowHalf.highHalf + highHalf.lowHalf
    default:
      let four = lowHalf + highHalf
      two = four.lowHalf + four.highHalf
    }
    return two.x + two.y
  }

  @inline(__always)
  static func union(ofFirst count: Int, _ bits: SIMD8<UInt32>) -> UInt32 {
    let two: SIMD2<UInt32>
    switch count {
    case 2: two = bits.lowHalf.lowHalf
    case 4: two = bits.lowHalf.lowHalf | bits.lowHalf.highHalf
    case 6: two = bits.lowHalf.lowHalf | bits.lowHalf.highHalf | bits.highHalf.lowHalf
    default:
      let four = bits.lowHalf | bits.highHalf
      two = four.lowHalf | four.highHalf
    }
    return two.x | two.y
  }
}

extension SIMD16<Float>: WarpLanes {
  typealias Bits = SIMD16<UInt32>

  @inline(__always)
  func sum(ofFirst count: Int) -> Float { lowHalf.sum(ofFirst: 8) + highHalf.sum(ofFirst: count - 8) }

  @inline(__always)
  static func union(ofFirst count: Int, _ bits: SIMD16<UInt32>) -> UInt32 {
    SIMD8<Float>.union(ofFirst: 8, bits.lowHalf) | SIMD8<Float>.union(ofFirst: count - 8, bits.highHalf)
  }
}
