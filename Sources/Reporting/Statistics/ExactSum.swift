// SPDX-License-Identifier: GPL-3.0-or-later
// A sum without rounding.

internal import Foundation

/// The exact sum of any finite doubles and squares of doubles, whatever their sizes and order.
///
/// **Model**: a fixed-point number in limbs of 32 bits, each in a signed word of 64 bits, so that 2³⁰ additions pass before
/// carries have to run (Kulisch's long accumulator). The word at place `i` counts in units of 2^(32 i − 2176), which reaches
/// below the square of the smallest subnormal number and above the square of the largest. Only the words in use are kept.
///
/// **Guarantees**: equal values in any order and any grouping give equal sums, and ``value`` is the exact sum rounded once, to
/// nearest with ties to even. NaN and the infinities are counted apart, and ``value`` is then what IEEE 754 addition gives. A sum
/// of zeros of either sign is +0.
///
/// **Cost**: about 13 ns an addition; 8 bytes a word, 3 to 8 words for values of similar size, 140 at most.
package struct ExactSum: Sendable, Hashable {
  /// The place of 2⁰ in bits.
  static let unitPlace = 2176
  /// The place of 2⁻¹⁰⁷⁴, the smallest number that a double can hold.
  private static let smallestPlace = unitPlace - 1074
  static let limbMask: Int64 = 0xFFFF_FFFF
  /// A word's place is below this: (2176 + 2048 + 64) / 32 and a margin.
  static let limbLimit = 140

  /// After ``normalize()``: all of one sign, smaller than 2³² in size, neither the first nor the last zero.
  private(set) var limbs: [Int64] = []
  /// The place of the first word.
  private(set) var first = 0
  private var additions = 0
  package private(set) var nanCount: Int64 = 0
  package private(set) var positiveInfinityCount: Int64 = 0
  package private(set) var negativeInfinityCount: Int64 = 0

  package init() {}

  // MARK: - Adding

  package mutating func add(_ x: Double) {
    guard x.isFinite else { return addSpecial(x) }
    let parts = Self.parts(of: x)
    guard parts.significand != 0 else { return }
    add(high: 0, low: parts.significand, place: parts.place + Self.smallestPlace, isNegative: x < 0)
  }

  /// Adds `x · x`, exactly.
  package mutating func addSquare(of x: Double) {
    guard x.isFinite else { return addSpecial(x.magnitude) }
    let parts = Self.parts(of: x)
    guard parts.significand != 0 else { return }
    let square = parts.significand.multipliedFullWidth(by: parts.significand)
    add(
      high: square.high, low: square.low, place: 2 * (parts.place - 1074) + Self.unitPlace, isNegative: false)
  }

  /// Adds a whole number, exactly.
  mutating func add(whole: UInt64) {
    guard whole != 0 else { return }
    add(high: 0, low: whole, place: Self.unitPlace, isNegative: false)
  }

  /// `|x| = significand · 2^(place − 1074)`.
  private static func parts(of x: Double) -> (significand: UInt64, place: Int) {
    let exponent = Int(x.exponentBitPattern)
    let significand = exponent == 0 ? x.significandBitPattern : x.significandBitPattern | 1 << 52
    return (significand, max(exponent, 1) - 1)
  }

  private mutating func addSpecial(_ x: Double) {
    if x.isNaN { nanCount &+= 1 } else if x > 0 { positiveInfinityCount &+= 1 } else { negativeInfinityCount &+= 1 }
  }

  /// Adds `± (high · 2⁶⁴ + low) · 2^(place − 2176)`.
  private mutating func add(high: UInt64, low: UInt64, place: Int, isNegative: Bool) {
    let mask = UInt64(Self.limbMask)
    let shift = UInt64(place & 31)
    let part0 = (low & mask) << shift
    let part1 = (low >> 32) << shift + part0 >> 32
    let start = place >> 5
    let length = high == 0 ? 3 : 5
    makeRoom(from: start, count: length)
    let offset = start - first
    let sign: Int64 = isNegative ? -1 : 1
    limbs[offset] &+= sign &* Int64(part0 & mask)
    limbs[offset + 1] &+= sign &* Int64(part1 & mask)
    if length == 3 {
      limbs[offset + 2] &+= sign &* Int64(part1 >> 32)
    } else {
      let part2 = (high & mask) << shift + part1 >> 32
      let part3 = (high >> 32) << shift + part2 >> 32
      limbs[offset + 2] &+= sign &* Int64(part2 & mask)
      limbs[offset + 3] &+= sign &* Int64(part3 & mask)
      limbs[offset + 4] &+= sign &* Int64(part3 >> 32)
    }
    additions += 1
    if additions >= 1 << 30 { normalize() }
  }

  private mutating func makeRoom(from start: Int, count: Int) {
    if limbs.isEmpty { first = start }
    if start < first {
      limbs.insert(contentsOf: repeatElement(0, count: first - start), at: 0)
      first = start
    }
    let missing = start + count - first - limbs.count
    if missing > 0 { limbs.append(contentsOf: repeatElement(0, count: missing)) }
  }

  package mutating func merge(_ other: ExactSum) {
    nanCount &+= other.nanCount
    positiveInfinityCount &+= other.positiveInfinityCount
    negativeInfinityCount &+= other.negativeInfinityCount
    let other = other.normalized()
    guard !other.limbs.isEmpty else { return }
    normalize()
    makeRoom(from: other.first, count: other.limbs.count)
    for (i, limb) in other.limbs.enumerated() { limbs[other.first - first + i] += limb }
    additions = 2
  }

  // MARK: - The one form of a sum

  /// Lets the carries run: equal sums then have equal words.
  mutating func normalize() {
    var carry: Int64 = 0
    for i in limbs.indices {
      let total = limbs[i] + carry
      limbs[i] = total & Self.limbMask
      carry = total >> 32
    }
    while carry != 0, carry != -1 {
      limbs.append(carry & Self.limbMask)
      carry >>= 32
    }
    if carry == -1 {
      var borrow: Int64 = 1
      for i in limbs.indices {
        let total = (~limbs[i] & Self.limbMask) + borrow
        limbs[i] = -(total & Self.limbMask)
        borrow = total >> 32
      }
      if borrow != 0 { limbs.append(-borrow) }
    }
    while limbs.last == 0 { limbs.removeLast() }
    let zeros = limbs.prefix { $0 == 0 }.count
    limbs.removeFirst(zeros)
    first = limbs.isEmpty ? 0 : first + zeros
    additions = 1
  }

  func normalized() -> ExactSum {
    var copy = self
    copy.normalize()
    return copy
  }

  /// A sum from the parts of a normalized one; `nil` when they are not that.
  init?(limbs: [Int64], first: Int, nan: Int64, positiveInfinity: Int64, negativeInfinity: Int64) {
    self.init(limbs: limbs, first: first)
    nanCount = nan
    positiveInfinityCount = positiveInfinity
    negativeInfinityCount = negativeInfinity
    let isOneSided = limbs.allSatisfy { $0 >= 0 } || limbs.allSatisfy { $0 <= 0 }
    guard limbs.first != 0, limbs.last != 0, isOneSided, limbs.allSatisfy({ $0.magnitude <= Self.limbMask }),
      first >= 0, first + limbs.count <= Self.limbLimit
    else { return nil }
  }

  /// - Parameter limbs: all of one sign and below 2³² in size.
  init(limbs: [Int64], first: Int) {
    self.limbs = limbs
    self.first = first
    additions = 1
  }

  package static func == (a: ExactSum, b: ExactSum) -> Bool {
    let (x, y) = (a.normalized(), b.normalized())
    return x.limbs == y.limbs && x.first == y.first && x.nanCount == y.nanCount
      && x.positiveInfinityCount == y.positiveInfinityCount && x.negativeInfinityCount == y.negativeInfinityCount
  }

  package func hash(into hasher: inout Hasher) {
    let sum = normalized()
    hasher.combine(sum.limbs)
    hasher.combine(sum.first)
  }

  // MARK: - The result

  /// The sum as NaN and infinities have it; `nil` when all values were finite.
  var special: Double? {
    if nanCount > 0 || (positiveInfinityCount > 0 && negativeInfinityCount > 0) { return .nan }
    if positiveInfinityCount > 0 { return .infinity }
    return negativeInfinityCount > 0 ? -.infinity : nil
  }

  /// The exact sum, rounded once; infinite when it is past the largest double.
  package var value: Double {
    if let special { return special }
    let rounded = rounded(lowestPlace: Self.smallestPlace)
    return scalbn(rounded.significand, Int32(clamping: rounded.exponent))
  }

  /// The exact sum of the finite values to 53 bits as `significand · 2^exponent`, which no size makes infinite or zero.
  var scaled: (significand: Double, exponent: Int) { rounded(lowestPlace: .min) }

  private func rounded(lowestPlace: Int) -> (significand: Double, exponent: Int) {
    let sum = normalized()
    guard let top = sum.limbs.last else { return (0, 0) }
    func limb(_ place: Int) -> UInt64 {
      sum.limbs.indices.contains(place - sum.first) ? sum.limbs[place - sum.first].magnitude : 0
    }
    let topPlace = 32 * (sum.first + sum.limbs.count) - 1 - (top.magnitude.leadingZeroBitCount - 32)
    let cut = max(topPlace - 52, lowestPlace)
    let (index, shift) = (cut >> 5, UInt64(cut & 31))
    var bits = limb(index) >> shift | limb(index + 1) << (32 - shift) | limb(index + 2) << (64 - shift)
    let half = cut - 1
    let (halfIndex, halfBit) = (half >> 5, UInt64(1) << UInt64(half & 31))
    if limb(halfIndex) & halfBit != 0 {
      // The first word of a normalized sum is not zero, so there is more below unless the half lies in it or under it.
      let isAboveHalf = limb(halfIndex) & (halfBit - 1) != 0 || halfIndex > sum.first
      if isAboveHalf || bits & 1 == 1 { bits += 1 }
    }
    return ((top < 0 ? -1 : 1) * Double(bits), cut - Self.unitPlace)
  }
}
