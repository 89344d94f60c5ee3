// SPDX-License-Identifier: GPL-3.0-or-later
// Points that fill a square evenly.

/// A scrambled Halton sequence of two dimensions: points that fill the unit square evenly, however many are taken (Halton 1960; Owen 2017).
///
/// Digits in bases 2 and 3 are permuted, each place by a permutation of its own that follows from the seed.
package struct HaltonSequence: Sequence, IteratorProtocol {
  private var index: UInt64 = 0
  private let seed: UInt64

  package init(seed: Int64) { self.seed = UInt64(bitPattern: seed) }

  /// The next point, each coordinate from 0 to below 1.
  package mutating func next() -> (Double, Double)? {
    defer { index += 1 }
    return (coordinate(base: 2), coordinate(base: 3))
  }

  /// Places after which digits are below float64's precision.
  private static let placeCount = 40

  private func coordinate(base: UInt64) -> Double {
    var (rest, value, weight) = (index, 0.0, 1.0)
    for place in 0..<Self.placeCount {
      weight /= Double(base)
      value += weight * Double(permuted(rest % base, base: base, place: UInt64(place)))
      rest /= base
    }
    // The sum of all places can round up to 1.
    return Swift.min(value, 1 - 0x1p-53)
  }

  /// A digit under the permutation of its place.
  private func permuted(_ digit: UInt64, base: UInt64, place: UInt64) -> UInt64 {
    let random = mixed(seed ^ mixed(base << 32 | place))
    guard base == 3 else { return digit ^ (random & 1) }
    // The six permutations of three digits: a rotation, and perhaps a reflection.
    let turned = (digit + random % 3) % 3
    return random >> 32 & 1 == 0 ? turned : (3 - turned) % 3
  }

  private func mixed(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
