// SPDX-License-Identifier: GPL-3.0-or-later
// Chebyshev series in raw days.

/// A Chebyshev series of the first kind in t itself, which is not scaled to ±1 (framework B.4): `P(t) = Σ cₖ Tₖ(t)`.
package struct ChebyshevSeries: Hashable, Sendable {
  package let coefficients: [Double]

  package init(coefficients: [Double]) { self.coefficients = coefficients }

  /// The same polynomial as a power series `Σ aₖ tᵏ`.
  package init(powers: [Double]) {
    // Horner's scheme, where t Tₖ = (Tₖ₊₁ + T_|k−1|) / 2.
    var sum: [Double] = []
    for power in powers.reversed() {
      var next = [Double](repeating: 0, count: sum.count + 1)
      for (k, value) in sum.enumerated() {
        if k == 0 {
          next[1] += value
        } else {
          next[k + 1] += value / 2
          next[k - 1] += value / 2
        }
      }
      next[0] += power
      sum = next
    }
    coefficients = sum
  }

  /// The value at t, by Clenshaw's recurrence.
  package func callAsFunction(_ t: Double) -> Double {
    guard let constant = coefficients.first else { return 0 }
    var (b1, b2) = (0.0, 0.0)
    for c in coefficients.dropFirst().reversed() { (b1, b2) = (2 * t * b1 - b2 + c, b1) }
    return constant + t * b1 - b2
  }
}
