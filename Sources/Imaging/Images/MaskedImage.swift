// SPDX-License-Identifier: GPL-3.0-or-later
// Pixels with what is known about them.

package import SkyGeometry

/// An image with its mask and variance, all of one box.
///
/// NaN in the image means no data. The variance of a pixel without data is infinite.
package struct MaskedImage: Sendable, Equatable {
  package private(set) var image: Image<Float>
  package private(set) var mask: Mask
  package private(set) var variance: Image<Float>

  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)`` when the boxes differ.
  package init(image: Image<Float>, mask: Mask, variance: Image<Float>) throws(ImagingError) {
    self.image = image
    self.mask = mask
    self.variance = variance
    try requireOneBox()
  }

  /// An image of zeros with an empty mask and zero variance.
  package init(box: Box2I, planes: MaskPlanes = .standard) {
    image = Image(box: box, fill: 0)
    mask = Mask(box: box, planes: planes)
    variance = Image(box: box, fill: 0)
  }

  package var box: Box2I { image.box }
  package var width: Int { box.width }
  package var height: Int { box.height }

  private func requireOneBox() throws(ImagingError) {
    for (what, found) in [("the mask's box", mask.box), ("the variance's box", variance.box)] where found != image.box {
      throw .sizeMismatch(what: what, found: "\(found)", expected: "\(image.box)")
    }
  }

  /// Lets a closure change the planes, which must keep their boxes.
  ///
  /// - Throws: what the closure throws, or ``ImagingError/sizeMismatch(what:found:expected:)``; the image is then unchanged.
  package mutating func update(
    _ body: (_ image: inout Image<Float>, _ mask: inout Mask, _ variance: inout Image<Float>) throws(ImagingError) ->
      Void
  ) throws(ImagingError) {
    let before = self
    do throws(ImagingError) {
      try body(&image, &mask, &variance)
      try requireOneBox()
    } catch {
      self = before
      throw error
    }
  }

  /// As ``update(_:)``, but keeps no copy of what there was: planes that nobody else holds are changed in their own memory.
  ///
  /// - Throws: what the closure throws, or ``ImagingError/sizeMismatch(what:found:expected:)``; the planes are then as far as the closure got, and
  ///   zero where it left another box.
  package mutating func updateInPlace(
    _ body: (_ image: inout Image<Float>, _ mask: inout Mask, _ variance: inout Image<Float>) throws(ImagingError) ->
      Void
  ) throws(ImagingError) {
    let box = box
    do throws(ImagingError) {
      try body(&image, &mask, &variance)
      guard image.box == box else {
        throw .sizeMismatch(what: "the image's box", found: "\(image.box)", expected: "\(box)")
      }
      try requireOneBox()
    } catch {
      if image.box != box { image = Image(box: box, fill: 0) }
      if mask.box != box { mask = Mask(box: box, planes: mask.planes) }
      if variance.box != box { variance = Image(box: box, fill: 0) }
      throw error
    }
  }

  package func cropped(to part: Box2I) -> MaskedImage {
    var result = self
    result.image = image.cropped(to: part)
    result.mask = mask.cropped(to: part)
    result.variance = variance.cropped(to: part)
    return result
  }
}

extension MaskedImage {
  /// Adds an image: pixels and variances add, masks unite (differencing 0.2).
  ///
  /// - Throws: ``ImagingError``.
  package mutating func add(_ other: MaskedImage) throws(ImagingError) { try combine(other, sign: 1) }

  /// Subtracts an image: pixels subtract, variances add, masks unite.
  ///
  /// - Throws: ``ImagingError``.
  package mutating func subtract(_ other: MaskedImage) throws(ImagingError) { try combine(other, sign: -1) }

  private mutating func combine(_ other: MaskedImage, sign: Float) throws(ImagingError) {
    guard other.box == box else {
      throw .sizeMismatch(what: "the other image's box", found: "\(other.box)", expected: "\(box)")
    }
    try mask.formUnion(other.mask)
    image.add(other.image, times: sign)
    variance.add(other.variance, times: 1)
  }

  /// Multiplies pixels by a number and variances by its square.
  package mutating func scale(by factor: Double) {
    let linear = Float(factor)
    let squared = Float(factor * factor)
    image.scale(by: linear)
    variance.scale(by: squared)
  }

  /// Adds a plain image of the same box to the pixels; mask and variance stay.
  ///
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package mutating func add(_ other: Image<Float>, times factor: Float = 1) throws(ImagingError) {
    guard other.box == box else {
      throw .sizeMismatch(what: "the other image's box", found: "\(other.box)", expected: "\(box)")
    }
    image.add(other, times: factor)
  }
}

extension Image<Float> {
  /// Multiplies every pixel by a number.
  ///
  /// A plain loop, unlike ``map(_:)``, which costs another room some ten nanoseconds a pixel: its closure is called on values in memory.
  package mutating func scale(by factor: Float) {
    let count = box.area
    _ = withUnsafeMutablePixels { pixels in for i in 0..<count { pixels[i] *= factor } }
  }

  /// Adds a multiple of an image of the same size.
  ///
  /// - Precondition: the sizes are equal.
  package mutating func add(_ other: Image<Float>, times factor: Float) {
    precondition(other.width == width && other.height == height)
    let count = box.area
    _ = other.withUnsafePixels { source in
      withUnsafeMutablePixels { target in
        for i in 0..<count { target[i] += factor * source[i] }
      }
    }
  }
}
