// SPDX-License-Identifier: GPL-3.0-or-later
// What images are convolved with.

package import SkyGeometry

/// A convolution kernel, fixed or varying over the image.
///
/// **Model.** `out(x, y) = Σ k[v, u] · in(x − cx + u, y − cy + v)` with the centre `cx = (width − 1) / 2`, `cy` likewise, by
/// integer division. As in the reference system this is a correlation: the kernel is not flipped, and a point source takes
/// the shape of the kernel turned by 180 degrees (differencing 0.3).
package struct Kernel: Sendable, Equatable {
  /// The kernel's terms: K(x, y) = Σ φᵢ(x, y) planes[i] with φᵢ the terms of ``basis``; all of one size.
  package let planes: [Image<Double>]
  package let basis: SpatialBasis

  /// A kernel that is the same everywhere.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for an empty image or a pixel that is not finite.
  package init(_ image: Image<Double>) throws(ImagingError) {
    try self.init(planes: [image], basis: SpatialBasis(.polynomial, order: 0))
  }

  /// A kernel that is a polynomial of the position, given by the image of each term.
  ///
  /// - Throws: ``ImagingError`` unless there is one finite image a term, all of one size and not empty.
  package init(planes: [Image<Double>], basis: SpatialBasis) throws(ImagingError) {
    guard planes.count == basis.termCount else {
      throw .sizeMismatch(
        what: "the number of kernel images", found: "\(planes.count)", expected: "\(basis.termCount), one a term")
    }
    guard planes[0].width > 0, planes[0].height > 0 else { throw .invalidParameter("the kernel has no pixels") }
    for plane in planes {
      guard plane.width == planes[0].width, plane.height == planes[0].height else {
        throw .sizeMismatch(
          what: "a kernel image", found: "\(plane.width)×\(plane.height)",
          expected: "\(planes[0].width)×\(planes[0].height)")
      }
      guard plane.pixels.allSatisfy(\.isFinite) else {
        throw .invalidParameter("the kernel has a pixel that is not finite")
      }
    }
    self.planes = planes.map { $0.moved(toX: 0, y: 0) }
    self.basis = basis
  }

  /// A kernel that is a combination of fixed images with a polynomial each: K(x, y) = Σₘ (Σᵢ aₘᵢ φᵢ(x, y)) Bₘ.
  ///
  /// The sums over the images are done here, once: an exact rearrangement to one image a term (differencing A11.3).
  ///
  /// - Parameters:
  ///   - images: Bₘ, all of one size.
  ///   - coefficients: aₘᵢ, one row an image, one column a term.
  /// - Throws: ``ImagingError``.
  package init(images: [Image<Double>], coefficients: [[Double]], basis: SpatialBasis) throws(ImagingError) {
    guard let first = images.first, images.count == coefficients.count else {
      throw .sizeMismatch(
        what: "the number of coefficient rows", found: "\(coefficients.count)",
        expected: "\(images.count), one an image")
    }
    for (image, row) in zip(images, coefficients) {
      guard image.width == first.width, image.height == first.height, row.count == basis.termCount else {
        throw .sizeMismatch(
          what: "a kernel image of \(image.width)×\(image.height) with coefficients", found: "\(row.count)",
          expected: "\(basis.termCount) and \(first.width)×\(first.height)")
      }
    }
    let box = Box2I(width: first.width, height: first.height)
    let planes = (0..<basis.termCount).map { term in
      var sum = [Double](repeating: 0, count: box.area)
      for (image, row) in zip(images, coefficients) where row[term] != 0 {
        for i in sum.indices { sum[i] += row[term] * image.pixels[i] }
      }
      return sum
    }
    try self.init(
      planes: planes.map { pixels throws(ImagingError) in try Image(box: box, pixels: pixels) }, basis: basis)
  }

  package var width: Int { planes[0].width }
  package var height: Int { planes[0].height }
  /// Column of the centre.
  package var centerX: Int { (width - 1) / 2 }
  /// Row of the centre.
  package var centerY: Int { (height - 1) / 2 }
  package var isVarying: Bool { planes.dropFirst().contains { $0.pixels.contains { $0 != 0 } } }

  /// The kernel at a position, in parent coordinates.
  package func image(at position: Point2D) -> Image<Double> {
    guard planes.count > 1 else { return planes[0] }
    var sum = [Double](repeating: 0, count: width * height)
    for (term, plane) in zip(basis.terms(at: position), planes) {
      plane.pixels.withUnsafeBufferPointer { plane in for i in sum.indices { sum[i] += term * plane[i] } }
    }
    var index = -1
    return Image(box: planes[0].box) { _, _ in
      index += 1
      return sum[index]
    }
  }

  /// The part of an image whose pixels have the whole kernel inside the image; empty when the kernel is larger.
  package func goodRegion(of box: Box2I) -> Box2I { box.goodRegion(kernelWidth: width, kernelHeight: height) }
}

extension Box2I {
  /// The part whose pixels have a whole kernel of a size inside the box; empty when the kernel is larger.
  func goodRegion(kernelWidth: Int, kernelHeight: Int) -> Box2I {
    Box2I(
      minX: minX + (kernelWidth - 1) / 2, minY: minY + (kernelHeight - 1) / 2, width: max(0, width - kernelWidth + 1),
      height: max(0, height - kernelHeight + 1))
  }
}
