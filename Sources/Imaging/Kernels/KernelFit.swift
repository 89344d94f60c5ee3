// SPDX-License-Identifier: GPL-3.0-or-later
// A varying kernel from its images at some positions.

internal import CLAPACK
package import SkyGeometry

extension Kernel {
  /// The varying kernel whose pixels are the polynomials that come closest, by least squares, to images at some positions.
  ///
  /// - Parameters:
  ///   - images: all of one size; at least one a term of the basis, at positions that determine all terms.
  ///   - basis: of the polynomial; a Chebyshev one keeps the system well conditioned.
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``, ``ImagingError/noResult(_:)`` when the positions do not
  ///   determine the polynomial.
  package init(fitting images: [(position: Point2D, image: Image<Double>)], basis: SpatialBasis) throws(ImagingError) {
    guard let first = images.first?.image, images.count >= basis.termCount else {
      throw .noResult("a kernel of \(basis.termCount) terms cannot be fitted to \(images.count) images")
    }
    let box = Box2I(width: first.width, height: first.height)
    let (rows, columns, pixelCount) = (images.count, basis.termCount, box.area)
    var matrix: [Double] = []
    var targets: [Double] = []
    for (position, image) in images {
      guard image.width == box.width, image.height == box.height else {
        throw .sizeMismatch(
          what: "a kernel image", found: "\(image.width)×\(image.height)", expected: "\(box.width)×\(box.height)")
      }
      matrix += basis.terms(at: position)
      targets += image.pixels
    }
    var pivots = [skydiff_lapack_int](repeating: 0, count: columns)
    var rank: skydiff_lapack_int = 0
    // With more threads the last bits would depend on their number.
    openblas_set_num_threads(1)
    let status = LAPACKE_dgelsy(
      skydiff_row_major, skydiff_lapack_int(rows), skydiff_lapack_int(columns), skydiff_lapack_int(pixelCount), &matrix,
      skydiff_lapack_int(columns), &targets, skydiff_lapack_int(pixelCount), &pivots, 1e-10, &rank)
    guard status == 0, rank == skydiff_lapack_int(columns) else {
      throw .noResult("a kernel of \(columns) terms is not determined by its images at \(rows) positions")
    }
    let planes = (0..<columns).map { Array(targets[$0 * pixelCount..<($0 + 1) * pixelCount]) }
    try self.init(
      planes: planes.map { pixels throws(ImagingError) in try Image(box: box, pixels: pixels) }, basis: basis)
  }
}
