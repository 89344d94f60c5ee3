// SPDX-License-Identifier: GPL-3.0-or-later
// How the errors of neighbours belong together.

/// The covariances of fluxes that were solved for together: of pairs of rows whose stamps share a pixel.
///
/// Variances are the squares of `instFluxErr`. Pairs of a group that do not touch have a covariance too, through those between them; it is small, and not here.
package struct FluxCovariance: Sendable, Equatable {
  /// Two rows of a catalog, and the covariance of their fluxes.
  package struct Pair: Sendable, Equatable {
    package let first: Int
    /// Above `first`.
    package let second: Int
    /// In squares of the flux's unit.
    package let covariance: Double
  }

  /// By the first row, then by the second: the upper triangle of the matrix, row by row.
  package let pairs: [Pair]

  /// - Parameter pairs: in any order, each once.
  init(_ pairs: [Pair]) {
    self.pairs = pairs.sorted { ($0.first, $0.second) < ($1.first, $1.second) }
  }

  /// The covariance of two rows in either order; 0 for two that do not touch, and for one row.
  package func covariance(of a: Int, and b: Int) -> Double {
    let (first, second) = (min(a, b), max(a, b))
    var (low, high) = (0, pairs.count)
    while low < high {
      let middle = (low + high) / 2
      if (pairs[middle].first, pairs[middle].second) < (first, second) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < pairs.count, pairs[low].first == first, pairs[low].second == second else {
      return 0
    }
    return pairs[low].covariance
  }
}
