// SPDX-License-Identifier: GPL-3.0-or-later
// Windowed-sinc interpolation.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The Lanczos interpolation kernel: L(t) = sinc(πt) sinc(πt / n) for |t| < n.
package struct LanczosKernel: Hashable, Sendable {
  /// n: half the number of taps.
  package let order: Int

  /// - Precondition: `order` is 2 to 8.
  package init(order: Int) {
    precondition(order >= 2 && order <= 8)
    self.order = order
  }

  /// The weights of the `2 n` pixels about a position, from pixel `-(n - 1)` to `n`, scaled to sum 1.
  ///
  /// - Parameter fraction: the position between pixel 0 and pixel 1, 0 to 1.
  package func taps(at fraction: Double) -> [Double] {
    let values = (1 - order...order).map { value(Double($0) - fraction) }
    let sum = values.reduce(0, +)
    return values.map { $0 / sum }
  }

  private func value(_ t: Double) -> Double {
    if t == 0 { return 1 }
    // At the other whole numbers the sine leaves 1e-16, and a tap that is not zero spreads masks and NaN.
    if abs(t) >= Double(order) || t == t.rounded() { return 0 }
    let a = Double.pi * t
    let b = a / Double(order)
    return sin(a) / a * (sin(b) / b)
  }
}
