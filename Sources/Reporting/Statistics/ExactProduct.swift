// SPDX-License-Identifier: GPL-3.0-or-later
// Products of exact sums, for a scatter without cancellation.

internal import Foundation

extension ExactSum {
  /// The exact product of the finite parts of two sums.
  ///
  /// Its words may lie at places that no sum reaches, also negative ones.
  static func * (a: ExactSum, b: ExactSum) -> ExactSum {
    let (x, y) = (a.normalized(), b.normalized())
    guard let topX = x.limbs.last, let topY = y.limbs.last else { return ExactSum() }
    let mask = UInt64(limbMask)
    var words = [UInt64](repeating: 0, count: x.limbs.count + y.limbs.count)
    for (i, limbX) in x.limbs.enumerated() {
      var carry: UInt64 = 0
      for (j, limbY) in y.limbs.enumerated() {
        // At most (2³² − 1)² + 2 (2³² − 1), which just fits.
        let total = words[i + j] + limbX.magnitude * limbY.magnitude + carry
        words[i + j] = total & mask
        carry = total >> 32
      }
      words[i + y.limbs.count] = carry
    }
    let sign: Int64 = (topX < 0) == (topY < 0) ? 1 : -1
    return ExactSum(limbs: words.map { sign * Int64($0) }, first: x.first + y.first - unitPlace / 32)
  }

  /// Mean and population standard deviation.
  ///
  /// **Model**: `sum / n` and `√(n · squares − sum²) / n`, the part under the root exactly, so that equal values have a scatter
  /// of exactly 0 and no offset, however large, costs digits.
  ///
  /// - Parameters:
  ///   - sum: of the values.
  ///   - squares: the sum of their squares.
  ///   - count: how many there are, at least 1.
  static func moments(sum: ExactSum, squares: ExactSum, count: Int64) -> (mean: Double, scatter: Double) {
    if let special = sum.special { return (special, .nan) }
    let number = Double(count)
    let total = sum.scaled
    let mean = scalbn(total.significand / number, Int32(clamping: total.exponent))
    var whole = ExactSum()
    whole.add(whole: UInt64(clamping: count))
    var difference = whole * squares
    var square = sum * sum
    square = ExactSum(limbs: square.limbs.map { -$0 }, first: square.first)
    difference.merge(square)
    var spread = difference.scaled
    // Negative only for sums that no values have, from a damaged message.
    guard spread.significand > 0 else { return (mean, 0) }
    if spread.exponent & 1 == 1 {
      spread.significand *= 2
      spread.exponent -= 1
    }
    return (mean, scalbn(spread.significand.squareRoot() / number, Int32(clamping: spread.exponent / 2)))
  }
}
