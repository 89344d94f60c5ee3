// SPDX-License-Identifier: GPL-3.0-or-later
// The part of a kernel that counts.

/// The rectangle of a kernel's pixels that are used.
struct KernelSupport: Hashable, Sendable {
  private(set) var rows: Range<Int>
  private(set) var columns: Range<Int>

  init(width: Int, height: Int) {
    rows = 0..<height
    columns = 0..<width
  }

  /// Without those outer rows and columns whose sizes sum to no more than the budget: always the lightest side next.
  func trimmed(of sizes: [Double], width: Int, budget: Double) -> KernelSupport {
    var result = self
    var rest = budget
    while result.rows.count > 1, result.columns.count > 1 {
      func rowSum(_ row: Int) -> Double { result.columns.reduce(0) { $0 + sizes[row * width + $1] } }
      func columnSum(_ column: Int) -> Double { result.rows.reduce(0) { $0 + sizes[$1 * width + column] } }
      let sides = [
        rowSum(result.rows.lowerBound), rowSum(result.rows.upperBound - 1), columnSum(result.columns.lowerBound),
        columnSum(result.columns.upperBound - 1),
      ]
      guard let lightest = sides.indices.min(by: { sides[$0] < sides[$1] }), sides[lightest] <= rest else { break }
      rest -= sides[lightest]
      switch lightest {
      case 0: result.rows = result.rows.dropFirst()
      case 1: result.rows = result.rows.dropLast()
      case 2: result.columns = result.columns.dropFirst()
      default: result.columns = result.columns.dropLast()
      }
    }
    return result
  }
}
