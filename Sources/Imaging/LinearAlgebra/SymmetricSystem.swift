// SPDX-License-Identifier: GPL-3.0-or-later
// Normal equations: small dense symmetric systems.

internal import CLAPACK

/// A symmetric, positive semidefinite system A x = b, as least squares make it.
package struct SymmetricSystem: Sendable, Equatable {
  package let size: Int
  /// Row-major; both triangles are there.
  package private(set) var matrix: [Double]
  package private(set) var right: [Double]

  package init(size: Int) {
    self.size = size
    matrix = Array(repeating: 0, count: size * size)
    right = Array(repeating: 0, count: size)
  }

  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package init(matrix: [Double], right: [Double]) throws(ImagingError) {
    guard matrix.count == right.count * right.count else {
      throw .sizeMismatch(
        what: "the matrix of \(right.count) unknowns", found: "\(matrix.count) numbers",
        expected: "\(right.count * right.count)")
    }
    size = right.count
    self.matrix = matrix
    self.right = right
  }

  /// The normal equations of C x = d with one weight for all rows: w CᵀC x = w Cᵀd.
  ///
  /// - Parameters:
  ///   - columns: the columns of C, one after the other, each `rowCount` long.
  ///   - target: d.
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package init(columns: [Double], rowCount: Int, target: [Double], weight: Double) throws(ImagingError) {
    guard rowCount > 0, columns.count % rowCount == 0, target.count == rowCount else {
      throw .sizeMismatch(
        what: "the columns of a design matrix of \(rowCount) rows", found: "\(columns.count) numbers",
        expected: "a multiple of it, and \(rowCount) to fit")
    }
    size = columns.count / rowCount
    var matrix = [Double](repeating: 0, count: size * size)
    var right = [Double](repeating: 0, count: size)
    // With more threads the last bits would depend on their number.
    openblas_set_num_threads(1)
    let (n, m) = (skydiff_lapack_int(size), skydiff_lapack_int(rowCount))
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, m, weight, columns, m, 0, &matrix, n)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, m, weight, columns, m, target, 1, 0, &right, 1)
    for i in 0..<size { for j in 0..<i { matrix[i * size + j] = matrix[j * size + i] } }
    self.matrix = matrix
    self.right = right
  }

  /// Adds numbers to an element of the upper triangle and its mirror image.
  package mutating func add(_ value: Double, row: Int, column: Int) {
    matrix[row * size + column] += value
    if row != column { matrix[column * size + row] += value }
  }

  package mutating func addRight(_ value: Double, row: Int) { right[row] += value }

  package var isFinite: Bool { matrix.allSatisfy(\.isFinite) && right.allSatisfy(\.isFinite) }

  /// What a solution is, and how well it is determined.
  package struct Solution: Sendable, Equatable {
    package let values: [Double]
    /// Largest over smallest eigenvalue of the matrix; infinite or negative for a singular one.
    package let conditionNumber: Double
    /// Number of eigenvalues that were taken for zero.
    package let nullity: Int
  }

  /// Solves the system by its eigenvectors.
  ///
  /// Unknowns are scaled to a unit diagonal first, so that their units do not matter. Directions whose eigenvalue is then below `tolerance` times
  /// the largest are left out: the result is the shortest of all that fit equally well. (The reference system solves by LU and, when that fails,
  /// divides by whatever eigenvalues rounding has left; differencing A10.)
  ///
  /// - Throws: ``ImagingError/noResult(_:)`` for numbers that are not finite or a matrix of zeros.
  package func solve(tolerance: Double = 1e-14) throws(ImagingError) -> Solution {
    guard size > 0, isFinite else {
      throw .noResult("a linear system of \(size) unknowns has numbers that are not finite")
    }
    let condition = try Self.eigen(matrix, size).values
    let scale = (0..<size).map { i in
      matrix[i * size + i] > 0 ? 1 / matrix[i * size + i].squareRoot() : 0
    }
    var scaled = matrix
    for i in 0..<size { for j in 0..<size { scaled[i * size + j] *= scale[i] * scale[j] } }
    let (values, vectors) = try Self.eigen(scaled, size)
    guard let largest = values.last, largest > 0 else { throw .noResult("a linear system has no equation") }
    var result = [Double](repeating: 0, count: size)
    var nullity = 0
    for k in 0..<size {
      guard values[k] > tolerance * largest else {
        nullity += 1
        continue
      }
      // Column k of the row-major matrix of eigenvectors.
      var projection = 0.0
      for i in 0..<size { projection += vectors[i * size + k] * right[i] * scale[i] }
      for i in 0..<size { result[i] += vectors[i * size + k] * projection / values[k] }
    }
    for i in 0..<size { result[i] *= scale[i] }
    return Solution(
      values: result, conditionNumber: (condition.last ?? 0) / (condition.first ?? 0), nullity: nullity)
  }

  /// Eigenvalues in ascending order, and eigenvectors as columns.
  private static func eigen(_ matrix: [Double], _ size: Int) throws(ImagingError) -> (
    values: [Double], vectors: [Double]
  ) {
    var vectors = matrix
    var values = [Double](repeating: 0, count: size)
    openblas_set_num_threads(1)
    let n = skydiff_lapack_int(size)
    let status = LAPACKE_dsyevd(
      skydiff_row_major, CChar(bitPattern: UInt8(ascii: "V")), CChar(bitPattern: UInt8(ascii: "U")), n, &vectors, n,
      &values)
    guard status == 0 else { throw .noResult("LAPACK finds no eigenvalues of a matrix of \(size)²: status \(status)") }
    return (values, vectors)
  }
}
