// SPDX-License-Identifier: GPL-3.0-or-later
// Positions and velocities from Chebyshev series.

/// A column of Chebyshev series of the first kind in raw days, one series a row (framework B.4).
///
/// P(t) = Σ cₖ Tₖ(t). The argument is not mapped to [−1, 1]: the services that write such tables do not, and Tₖ is its polynomial beyond that range.
struct ChebyshevColumn {
  /// Row after row.
  let coefficients: [Double]
  /// Coefficients of a series, at least one.
  let count: Int

  /// Value and derivative of a row's series at `time`, by Clenshaw's recurrence and its derivative.
  func evaluate(row: Int, at time: Double) -> (value: Double, derivative: Double) {
    let start = row * count
    var (b1, b2, d1, d2) = (0.0, 0.0, 0.0, 0.0)
    for k in stride(from: count - 1, to: 0, by: -1) {
      let d0 = 2 * b1 + 2 * time * d1 - d2
      let b0 = 2 * time * b1 - b2 + coefficients[start + k]
      (d2, d1, b2, b1) = (d1, d0, b1, b0)
    }
    return (coefficients[start] + time * b1 - b2, b1 + time * d1 - d2)
  }
}

/// Three columns: a vector a row.
struct ChebyshevMotion {
  let (x, y, z): (ChebyshevColumn, ChebyshevColumn, ChebyshevColumn)

  /// AU and AU a day.
  func evaluate(row: Int, at time: Double) -> (position: SIMD3<Double>, velocity: SIMD3<Double>) {
    let (x, y, z) = (x.evaluate(row: row, at: time), y.evaluate(row: row, at: time), z.evaluate(row: row, at: time))
    return (SIMD3(x.value, y.value, z.value), SIMD3(x.derivative, y.derivative, z.derivative))
  }
}
