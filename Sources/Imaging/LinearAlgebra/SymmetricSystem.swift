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
    self.init(columns, columns, rowCount: rowCount, target: target, factor: weight)
  }

  /// The normal equations of C x = d with a weight for each row: Cᵀ W C x = Cᵀ W d.
  ///
  /// - Parameter weights: of the rows, not negative.
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package init(columns: [Double], rowCount: Int, target: [Double], weights: [Double]) throws(ImagingError) {
    guard rowCount > 0, columns.count % rowCount == 0, target.count == rowCount, weights.count == rowCount else {
      throw .sizeMismatch(
        what: "the columns of a weighted design matrix of \(rowCount) rows",
        found: "\(columns.count) numbers and \(weights.count) weights",
        expected: "a multiple of it, \(rowCount) to fit and \(rowCount) weights")
    }
    // With the roots of the weights on both sides the product stays symmetric.
    let roots = weights.map { $0.squareRoot() }
    var scaled = columns
    for start in stride(from: 0, to: columns.count, by: rowCount) {
      for i in 0..<rowCount { scaled[start + i] *= roots[i] }
    }
    self.init(scaled, columns, rowCount: rowCount, target: zip(target, weights).map { $0 * $1 }, factor: 1)
  }

  /// `factor` times AᵀA and `factor` times Cᵀd.
  private init(_ a: [Double], _ c: [Double], rowCount: Int, target: [Double], factor: Double) {
    size = a.count / rowCount
    var matrix = [Double](repeating: 0, count: size * size)
    var right = [Double](repeating: 0, count: size)
    // With more threads the last bits would depend on their number.
    openblas_set_num_threads(1)
    let (n, m) = (skydiff_lapack_int(size), skydiff_lapack_int(rowCount))
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, m, factor, a, m, 0, &matrix, n)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, m, factor, c, m, target, 1, 0, &right, 1)
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

  /// The system with a multiple of another matrix added to its own: A + factor · H.
  ///
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package func adding(_ other: [Double], times factor: Double) throws(ImagingError) -> SymmetricSystem {
    guard other.count == matrix.count else {
      throw .sizeMismatch(
        what: "a matrix to add", found: "\(other.count) numbers", expected: "\(matrix.count), as the system's")
    }
    var result = self
    for i in matrix.indices { result.matrix[i] += factor * other[i] }
    return result
  }

  /// Σ of the diagonal.
  package var trace: Double { (0..<size).reduce(0) { $0 + matrix[$1 * size + $1] } }

  package var isFinite: Bool { matrix.allSatisfy(\.isFinite) && right.allSatisfy(\.isFinite) }

  /// How the condition of a matrix is told.
  package enum ConditionNumberType: Sendable {
    /// Largest over smallest eigenvalue; infinite or negative for a singular one.
    case eigenvalue
    /// Largest over smallest singular value.
    case singularValue
  }

  /// How well the matrix, as it stands, determines its unknowns: the larger, the worse.
  ///
  /// - Throws: ``ImagingError/noResult(_:)`` for numbers that are not finite.
  package func conditionNumber(_ type: ConditionNumberType = .eigenvalue) throws(ImagingError) -> Double {
    let values = try SymmetricEigen(matrix, size: size, vectors: false).values
    switch type {
    case .eigenvalue: return (values.last ?? 0) / (values.first ?? 0)
    case .singularValue:
      // Of a symmetric matrix they are the moduli of the eigenvalues.
      let moduli = values.map { abs($0) }
      return (moduli.max() ?? 0) / (moduli.min() ?? 0)
    }
  }

  /// What a solution is.
  package struct Solution: Sendable, Equatable {
    package let values: [Double]
    /// Number of eigenvalues that were taken for zero.
    package let nullity: Int
  }

  /// Solves the system: by Cholesky's decomposition, or by eigenvectors where rounding has eaten a pivot.
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
    let scale = (0..<size).map { i in
      matrix[i * size + i] > 0 ? 1 / matrix[i * size + i].squareRoot() : 0
    }
    var scaled = matrix
    for i in 0..<size { for j in 0..<size { scaled[i * size + j] *= scale[i] * scale[j] } }
    let target = zip(right, scale).map { $0 * $1 }
    if let values = Self.cholesky(scaled, target) {
      return Solution(values: zip(values, scale).map { $0 * $1 }, nullity: 0)
    }
    let eigen = try SymmetricEigen(scaled, size: size)
    guard let largest = eigen.values.last, largest > 0 else { throw .noResult("a linear system has no equation") }
    var result = [Double](repeating: 0, count: size)
    var nullity = 0
    for k in 0..<size {
      guard eigen.values[k] > tolerance * largest else {
        nullity += 1
        continue
      }
      // Column k of the row-major matrix of eigenvectors.
      var projection = 0.0
      for i in 0..<size { projection += eigen.vectors[i * size + k] * target[i] }
      for i in 0..<size { result[i] += eigen.vectors[i * size + k] * projection / eigen.values[k] }
    }
    return Solution(values: zip(result, scale).map { $0 * $1 }, nullity: nullity)
  }

  /// The inverse of the matrix; `nil` when it is not positive definite beyond rounding.
  package func inverse() -> [Double]? {
    guard size > 0, isFinite, var factor = Self.choleskyFactor(matrix, size) else { return nil }
    let n = skydiff_lapack_int(size)
    let status = LAPACKE_dpotri(skydiff_row_major, CChar(bitPattern: UInt8(ascii: "U")), n, &factor, n)
    guard status == 0 else { return nil }
    for i in 0..<size { for j in 0..<i { factor[i * size + j] = factor[j * size + i] } }
    return factor
  }

  /// The upper factor of a positive definite matrix; `nil` when a pivot is lost in rounding.
  private static func choleskyFactor(_ matrix: [Double], _ size: Int) -> [Double]? {
    var factor = matrix
    openblas_set_num_threads(1)
    let n = skydiff_lapack_int(size)
    let status = LAPACKE_dpotrf(skydiff_row_major, CChar(bitPattern: UInt8(ascii: "U")), n, &factor, n)
    guard status == 0 else { return nil }
    // A pivot is what the unknowns before leave of a diagonal element; of a few 10⁻¹⁶ of it nothing is known.
    for i in 0..<size where factor[i * size + i] * factor[i * size + i] < 1e-12 * matrix[i * size + i] { return nil }
    return factor
  }

  private static func cholesky(_ matrix: [Double], _ right: [Double]) -> [Double]? {
    guard let factor = choleskyFactor(matrix, right.count) else { return nil }
    var result = right
    let n = skydiff_lapack_int(right.count)
    let status = LAPACKE_dpotrs(
      skydiff_row_major, CChar(bitPattern: UInt8(ascii: "U")), n, 1, factor, n, &result, 1)
    return status == 0 && result.allSatisfy(\.isFinite) ? result : nil
  }
}
