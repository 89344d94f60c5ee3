// SPDX-License-Identifier: GPL-3.0-or-later
// The image of a point source.

package import SkyGeometry

/// The point-spread function of an image: the image of a point source of unit flux, at every position.
package protocol PSF: Sendable {
  /// The position that stands for the whole image.
  var averagePosition: Point2D { get }

  /// The image of a source at the centre of a pixel near `position`.
  ///
  /// - Returns: an image of odd sides and sum 1, whose pixel (0, 0) holds the source.
  /// - Throws: ``ImagingError`` where the model is undefined.
  func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double>

  /// The image of a source at `position` itself, in parent coordinates.
  ///
  /// - Throws: ``ImagingError`` where the model is undefined.
  func image(at position: Point2D) throws(ImagingError) -> Image<Double>
}

extension PSF {
  /// The kernel image moved by the fraction of a pixel, by Lanczos-5 (detection-measurement B.4.1).
  ///
  /// Flux that the shift moves out of the stamp is lost, not made up for.
  package func image(at position: Point2D) throws(ImagingError) -> Image<Double> {
    guard let pixel = position.pixel else {
      throw .outOfRange("there is no PSF at (\(position.x), \(position.y))")
    }
    let kernel = try kernelImage(at: position)
    let (dx, dy) = (position.x - Double(pixel.x), position.y - Double(pixel.y))
    let moved = dx == 0 && dy == 0 ? kernel : kernel.shifted(x: dx, y: dy)
    return moved.moved(toX: pixel.x + kernel.box.minX, y: pixel.y + kernel.box.minY)
  }
}

/// A PSF that is the same everywhere.
package struct KernelPSF: PSF, Equatable {
  package let kernel: Image<Double>
  package let averagePosition: Point2D

  /// - Parameters:
  ///   - image: odd sides, the source at the central pixel; scaled to sum 1.
  ///   - averagePosition: usually the centre of the exposure.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for even sides, or a sum that is not positive and finite.
  package init(_ image: Image<Double>, averagePosition: Point2D) throws(ImagingError) {
    kernel = try normalizedStamp(image)
    self.averagePosition = averagePosition
  }

  /// - Parameter image: as ``kernel`` of another PSF gave it, which is kept bit for bit.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for even sides, or a sum that is not 1.
  package init(normalized image: Image<Double>, averagePosition: Point2D) throws(ImagingError) {
    _ = try normalizedStamp(image)
    let sum = image.sum
    guard abs(sum - 1) < 1e-6 else { throw .invalidParameter("the sum of a PSF image is \(sum); it must be 1") }
    kernel = image.moved(toX: -(image.width / 2), y: -(image.height / 2))
    self.averagePosition = averagePosition
  }

  package func kernelImage(at position: Point2D) -> Image<Double> { kernel }
}

/// A PSF whose pixels are polynomials of the position.
package struct PolynomialPSF: PSF, Equatable {
  /// Basis images with their polynomial: the model before it is scaled to sum 1.
  package let model: Kernel
  package let averagePosition: Point2D

  /// - Throws: ``ImagingError/invalidParameter(_:)`` for even sides or a model without flux at `averagePosition`.
  package init(_ model: Kernel, averagePosition: Point2D) throws(ImagingError) {
    self.model = model
    self.averagePosition = averagePosition
    _ = try kernelImage(at: averagePosition)
  }

  package func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
    guard position.isFinite else { throw .outOfRange("there is no PSF at (\(position.x), \(position.y))") }
    return try normalizedStamp(model.image(at: position))
  }
}

/// A stamp with its centre at (0, 0) and its sum 1.
func normalizedStamp(_ image: Image<Double>) throws(ImagingError) -> Image<Double> {
  guard image.width % 2 == 1, image.height % 2 == 1 else {
    throw .invalidParameter("a PSF image must have odd sides, not \(image.width)×\(image.height)")
  }
  let sum = image.sum
  guard sum > 0, sum.isFinite else { throw .invalidParameter("the sum of a PSF image is \(sum); it must be positive") }
  return image.map { $0 / sum }.moved(toX: -(image.width / 2), y: -(image.height / 2))
}
