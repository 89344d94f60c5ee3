// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes in the counts of an exposure.

internal import Imaging
internal import SkyGeometry

extension MaskedImage {
  /// An image in nJy in the counts of an exposure: the inverse of what calibrating the exposure is.
  ///
  /// A pixel that is not finite, or where the calibration is not positive, has NO_DATA, NaN and infinite variance.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  func inCounts(of photoCalib: PhotoCalib) throws(ImagingError) -> MaskedImage {
    var result = self
    let factors = photoCalib.field?.image(over: box)
    let mean = 1 / photoCalib.mean
    try result.update { image, mask, variance throws(ImagingError) in
      let noData = try mask.addPlane("NO_DATA")
      for y in image.box.minY..<image.box.endY {
        let calibrations = factors.map { calibrations in
          (0..<calibrations.width).map { calibrations.row(y)[$0] }
        }
        image.withMutableRow(y) { image in
          variance.withMutableRow(y) { variance in
            mask.bits.withMutableRow(y) { mask in
              for i in image.indices {
                let factor = calibrations.map { 1 / $0[i] } ?? mean
                let (value, spread) = (Float(Double(image[i]) * factor), Float(Double(variance[i]) * factor * factor))
                if factor > 0, value.isFinite, mask[i] & noData == 0 {
                  (image[i], variance[i]) = (value, spread)
                } else {
                  (image[i], variance[i]) = (.nan, .infinity)
                  mask[i] |= noData
                }
              }
            }
          }
        }
      }
    }
    return result
  }
}
