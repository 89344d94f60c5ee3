// SPDX-License-Identifier: GPL-3.0-or-later
// Eigenvalues and eigenvectors of symmetric matrices.

internal import CLAPACK

/// Eigenvalues of a symmetric matrix in ascending order, and its eigenvectors.
package struct SymmetricEigen: Sendable {
  package let values: [Double]
  /// Row-major, one eigenvector a column, of unit length; empty when they were not asked for.
  package let vectors: [Double]

  /// - Parameter matrix: row-major, `size`² numbers; only its upper triangle is read.
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``, ``ImagingError/noResult(_:)`` for numbers that are not finite.
  package init(_ matrix: [Double], size: Int, vectors wantsVectors: Bool = true) throws(ImagingError) {
    guard size > 0, matrix.count / size == size, matrix.count % size == 0 else {
      throw .sizeMismatch(what: "a matrix of \(size)²", found: "\(matrix.count) numbers", expected: "\(size) rows")
    }
    guard matrix.allSatisfy(\.isFinite) else {
      throw .noResult("a matrix of \(size)² has numbers that are not finite")
    }
    var vectors = matrix
    var values = [Double](repeating: 0, count: size)
    // With more threads the last bits would depend on their number.
    openblas_set_num_threads(1)
    let n = skydiff_lapack_int(size)
    let job = CChar(bitPattern: UInt8(ascii: wantsVectors ? "V" : "N"))
    let status = LAPACKE_dsyevd(
      skydiff_row_major, job, CChar(bitPattern: UInt8(ascii: "U")), n, &vectors, n, &values)
    guard status == 0 else { throw .noResult("LAPACK finds no eigenvalues of a matrix of \(size)²: status \(status)") }
    self.values = values
    self.vectors = wantsVectors ? vectors : []
  }
}
