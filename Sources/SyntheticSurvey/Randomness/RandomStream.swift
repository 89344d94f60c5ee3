// SPDX-License-Identifier: GPL-3.0-or-later
// Random numbers that depend on nothing but what they are for.

internal import Digests
internal import Foundation

/// A stream of random numbers of its own for each purpose.
///
/// **Model.** xoshiro256** (Blackman & Vigna 2021), whose state is the SHA-256 of the seed, the purpose and the numbers that it is
/// about. So nobody shares a stream, and no result depends on the order in which exposures are made.
struct RandomStream {
  private var state: (UInt64, UInt64, UInt64, UInt64)
  /// The second of a pair of normal numbers.
  private var spare: Double?

  /// - Parameter about: what the numbers are for in particular: a visit, a detector, an object.
  init(_ seed: Int, _ purpose: String, _ about: Int...) {
    let text = ([String(seed), purpose] + about.map { String($0) }).joined(separator: "/")
    let bytes = SHA256.digest(Array(text.utf8)).bytes
    func word(_ index: Int) -> UInt64 {
      bytes[8 * index..<8 * index + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    // No text is known whose digest is zero, the one state that never leaves itself.
    state = (word(0), word(1), word(2), word(3))
  }

  mutating func next() -> UInt64 {
    func rotated(_ x: UInt64, _ bits: UInt64) -> UInt64 { x << bits | x >> (64 - bits) }
    let result = rotated(state.1 &* 5, 7) &* 9
    let t = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= t
    state.3 = rotated(state.3, 45)
    return result
  }

  /// Uniform from 0 to below 1.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform between two finite numbers.
  mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// Normal, mean 0 and standard deviation 1 (Marsaglia's polar method).
  mutating func gaussian() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    while true {
      let (u, v) = (2 * uniform() - 1, 2 * uniform() - 1)
      let s = u * u + v * v
      guard s > 0, s < 1 else { continue }
      let factor = (-2 * log(s) / s).squareRoot()
      spare = v * factor
      return u * factor
    }
  }

  /// Exponential of a mean.
  mutating func exponential(mean: Double) -> Double { -mean * log(1 - uniform()) }

  /// A number from 0 to below `count`, which is positive.
  mutating func index(below count: Int) -> Int { Int(next() % UInt64(max(1, count))) }

  /// How many events happen of which `mean` are expected; at most `limit`.
  mutating func poisson(mean: Double, limit: Int) -> Int {
    if mean > 200 {
      let count = (mean + mean.squareRoot() * gaussian()).rounded()
      return min(limit, Int(exactly: max(0, count)) ?? limit)
    }
    var (count, product) = (0, uniform())
    let floor = exp(-mean)
    while product > floor, count < limit {
      product *= uniform()
      count += 1
    }
    return count
  }
}
