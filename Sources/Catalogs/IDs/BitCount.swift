// SPDX-License-Identifier: GPL-3.0-or-later
// How many bits a number takes.

/// The bits of a number without leading zeros; 0 for 0.
func bitLength(_ value: Int64) -> Int { Int64.bitWidth - value.leadingZeroBitCount }

extension Int64 {
  /// The product and sum `self * factor + term`; `nil` when it does not fit or a part is negative.
  func packing(factor: Int64, term: Int64) -> Int64? {
    guard self >= 0, factor >= 0, term >= 0 else { return nil }
    let (product, overflows) = multipliedReportingOverflow(by: factor)
    let (sum, overflowsToo) = product.addingReportingOverflow(term)
    return overflows || overflowsToo ? nil : sum
  }
}
