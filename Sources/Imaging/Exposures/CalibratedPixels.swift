// SPDX-License-Identifier: GPL-3.0-or-later
// Pixels in nanojansky.

internal import SkyGeometry

extension MaskedImage {
  /// The image in nJy.
  ///
  /// - Throws: ``ImagingError``.
  package func calibrated(by photoCalib: PhotoCalib) throws(ImagingError) -> MaskedImage {
    var result = self
    guard let field = photoCalib.field else {
      result.scale(by: photoCalib.mean)
      return result
    }
    let factors = field.image(over: box)
    try result.update { image, _, variance in
      for y in factors.box.minY..<factors.box.endY {
        let factor = factors.row(y)
        image.withMutableRow(y) { row in for i in row.indices { row[i] *= Float(factor[i]) } }
        variance.withMutableRow(y) { row in for i in row.indices { row[i] *= Float(factor[i] * factor[i]) } }
      }
    }
    return result
  }
}
