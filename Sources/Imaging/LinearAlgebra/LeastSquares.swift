// SPDX-License-Identifier: GPL-3.0-or-later
// Linear least squares.

internal import CLAPACK

/// What comes closest, by least squares, to several targets at once; by a decomposition with pivoting, not by normal equations.
///
/// - Parameters:
///   - design: one row an equation, row by row.
///   - columnCount: how many unknowns there are.
///   - targets: one row an equation, `targetCount` numbers each.
/// - Returns: one row an unknown, `targetCount` numbers each; `nil` when the equations do not determine all unknowns.
/// - Throws: ``ImagingError/noResult(_:)``.
func leastSquares(
  design: [Double], columnCount: Int, targets: [Double], targetCount: Int = 1
) throws(ImagingError) -> [Double]? {
  let rowCount = design.count / columnCount
  guard rowCount >= columnCount else { return nil }
  var (matrix, solution) = (design, targets)
  var pivots = [skydiff_lapack_int](repeating: 0, count: columnCount)
  var rank: skydiff_lapack_int = 0
  // With more threads the last bits would depend on their number.
  openblas_set_num_threads(1)
  let (rows, columns, count) = (
    skydiff_lapack_int(rowCount), skydiff_lapack_int(columnCount), skydiff_lapack_int(targetCount)
  )
  let status = LAPACKE_dgelsy(
    skydiff_row_major, rows, columns, count, &matrix, columns, &solution, count, &pivots, 1e-10, &rank)
  guard status == 0 else { throw .noResult("least squares: LAPACK ends with status \(status)") }
  return rank == columns ? Array(solution[0..<columnCount * targetCount]) : nil
}
