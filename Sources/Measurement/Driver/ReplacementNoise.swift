// SPDX-License-Identifier: GPL-3.0-or-later
// Noise in the place of sources.

internal import Imaging

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Normal random numbers that depend on a seed and a pixel alone.
///
/// So noise is the same in whatever order, on however many threads sources are replaced, and sources that overlap agree on it. The pixel's number goes
/// through two rounds of the finalizer of SplitMix64 (Steele, Lea & Flood 2014), then through Box and Muller's transform.
struct ReplacementNoise {
  let seed: UInt64

  func value(x: Int, y: Int) -> Double {
    let key = Self.mixed(seed &+ UInt64(bitPattern: Int64(y)) &* 0x9E37_79B9_7F4A_7C15)
    let bits = Self.mixed(key ^ UInt64(bitPattern: Int64(x)) &* 0xD1B5_4A32_D192_ED03)
    let more = Self.mixed(bits &+ 0x9E37_79B9_7F4A_7C15)
    // Above 0, so that the logarithm is finite.
    let u = (Double(bits >> 11) + 0.5) * 0x1p-53
    let v = Double(more >> 11) * 0x1p-53
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
