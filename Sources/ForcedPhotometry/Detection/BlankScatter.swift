// SPDX-License-Identifier: GPL-3.0-or-later
// The scatter of noise among values that sources add to.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The scatter of noise among values that sources add to.
///
/// **Model.** A Gaussian is fitted by maximum likelihood to the values below its centre plus one width, and those alone: light is never negative, so sources that nobody detected fill the upper side.
/// From mean and variance of such values both numbers follow (the moments of a truncated normal distribution; Cohen 1950, Ann. Math. Stat. 21, 557), and where to cut follows from them, in
/// rounds. Values more than five widths below are no noise.
struct BlankScatter {
  /// Where the noise has its centre.
  let level: Double
  /// Its standard deviation.
  let width: Double

  /// In widths: what is above does not count; nor what is below.
  private static let (upperCut, lowerCut) = (1.0, 5.0)
  private static let (rounds, smallestCount) = (50, 50)

  /// - Parameters:
  ///   - start: a guess of centre and width.
  /// - Returns: `nil` when the values are no noise, or too few.
  init?(_ values: [Float], startingAt start: (level: Double, width: Double)) {
    var (level, width) = start
    guard level.isFinite, width > 0, width.isFinite else { return nil }
    for _ in 0..<Self.rounds {
      let (cut, floor) = (level + Self.upperCut * width, level - Self.lowerCut * width)
      guard let next = Self.fit(values, below: cut, above: floor) else { return nil }
      let isSettled = abs(next.width - width) + abs(next.level - level) < 1e-6 * width
      (level, width) = next
      if isSettled { break }
    }
    (self.level, self.width) = (level, width)
  }

  /// The normal distribution of which the values below a cut have the mean and the variance.
  private static func fit(
    _ values: [Float], below cut: Double, above floor: Double
  ) -> (level: Double, width: Double)? {
    var (sum, squares, count) = (0.0, 0.0, 0)
    for value in values {
      let depth = cut - Double(value)
      guard depth > 0, depth < cut - floor else { continue }
      sum += depth
      squares += depth * depth
      count += 1
    }
    guard count >= smallestCount else { return nil }
    let depth = sum / Double(count)
    let ratio = (squares / Double(count) - depth * depth) / (depth * depth)
    // Variance over depth² falls with where the cut is: from 1 far below the centre to 0 far above.
    var (low, high) = (-3.0, 6.0)
    guard ratio < truncated(low).ratio, ratio > truncated(high).ratio else { return nil }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if truncated(middle).ratio > ratio { low = middle } else { high = middle }
    }
    let width = depth / truncated(low).depth
    let level = cut - low * width
    return width > 0 && width.isFinite && level.isFinite ? (level, width) : nil
  }

  /// Of a standard normal distribution cut off at `cut`: how far its mean is below that, and its variance over the square of this.
  private static func truncated(_ cut: Double) -> (depth: Double, ratio: Double) {
    let hazard = exp(-0.5 * cut * cut) / (2 * Double.pi).squareRoot() / (0.5 * erfc(-cut / 2.0.squareRoot()))
    let depth = cut + hazard
    return (depth, (1 - cut * hazard - hazard * hazard) / (depth * depth))
  }
}
