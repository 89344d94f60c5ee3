// SPDX-License-Identifier: GPL-3.0-or-later
// Images in which data are missing.

package import SkyGeometry

extension MaskedImage {
  /// An image in which nothing has data: NaN, infinite variance, NO_DATA.
  ///
  /// - Throws: ``ImagingError/tooManyMaskPlanes(name:)``.
  package init(withoutDataOver box: Box2I, planes: MaskPlanes = .standard) throws(ImagingError) {
    var mask = Mask(box: box, planes: planes)
    let noData = try mask.addPlane("NO_DATA")
    mask.bits = Image(box: box, fill: noData)
    try self.init(image: Image(box: box, fill: .nan), mask: mask, variance: Image(box: box, fill: .infinity))
  }

  /// The image over another box; what it does not reach has no data.
  ///
  /// - Throws: ``ImagingError/tooManyMaskPlanes(name:)``.
  package func extended(to part: Box2I) throws(ImagingError) -> MaskedImage {
    guard box != part else { return self }
    var result = try MaskedImage(withoutDataOver: part, planes: mask.planes)
    try result.replace(part, with: self)
    return result
  }

  /// Writes a part of another image over this one, as far as both reach.
  ///
  /// - Throws: ``ImagingError/tooManyMaskPlanes(name:)``.
  package mutating func replace(_ part: Box2I, with other: MaskedImage) throws(ImagingError) {
    let piece = other.cropped(to: part)
    let pieceMask = try piece.mask.conformed(to: mask.planes)
    try update { image, mask, variance throws(ImagingError) in
      mask = try mask.conformed(to: pieceMask.planes)
      mask.bits.paste(pieceMask.bits)
      image.paste(piece.image)
      variance.paste(piece.variance)
    }
  }

  /// Takes the pixels of another image of the same box where this one has NO_DATA and the other has not.
  ///
  /// - Throws: ``ImagingError``.
  package mutating func fillGaps(with other: MaskedImage) throws(ImagingError) {
    guard other.box == box else {
      throw .sizeMismatch(what: "the other image's box", found: "\(other.box)", expected: "\(box)")
    }
    let otherMask = try other.mask.conformed(to: mask.planes)
    var planes = otherMask.planes
    let noData = try planes.add("NO_DATA")
    try update { image, mask, variance throws(ImagingError) in
      mask = try mask.conformed(to: planes)
      for y in image.box.minY..<image.box.endY {
        let (pixels, variances, bits) = (other.image.row(y), other.variance.row(y), otherMask.bits.row(y))
        image.withMutableRow(y) { image in
          variance.withMutableRow(y) { variance in
            mask.bits.withMutableRow(y) { mask in
              for i in image.indices where mask[i] & noData != 0 && bits[i] & noData == 0 {
                image[i] = pixels[i]
                variance[i] = variances[i]
                mask[i] = bits[i]
              }
            }
          }
        }
      }
    }
  }
}
