// SPDX-License-Identifier: GPL-3.0-or-later
// A varying kernel from its images at some positions.

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
    let (columns, pixelCount) = (basis.termCount, box.area)
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
    guard
      let solution = try leastSquares(
        design: matrix, columnCount: columns, targets: targets, targetCount: pixelCount)
    else {
      throw .noResult("a kernel of \(columns) terms is not determined by its images at \(images.count) positions")
    }
    let planes = (0..<columns).map { Array(solution[$0 * pixelCount..<($0 + 1) * pixelCount]) }
    try self.init(
      planes: planes.map { pixels throws(ImagingError) in try Image(box: box, pixels: pixels) }, basis: basis)
  }
}
