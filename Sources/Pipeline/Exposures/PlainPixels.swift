// SPDX-License-Identifier: GPL-3.0-or-later
// Mask and variance for the pixels of a FITS file that lacks them.

internal import Imaging
internal import Repository
internal import SingleFrame
internal import SkyGeometry

/// The pixels of a FITS file as a masked image: what it lacks comes from header and pixels.
///
/// Pixels that are not finite, or whose variance is negative or NaN, get NO_DATA.
struct PlainPixels {
  let maskedImage: MaskedImage
  /// Pixels that got NO_DATA.
  let noDataCount: Int
  /// What the variance was made with; `nil` when the file has one.
  let noise: NoiseModel?

  /// - Throws: ``IngestError``, ``Imaging/ImagingError``.
  init(
    _ fits: FITSExposure, _ keywords: HeaderValues, _ config: IngestConfig, _ path: String, makesVariance: Bool = true
  ) throws {
    var mask = fits.mask ?? Mask(box: fits.image.box)
    if fits.mask == nil {
      let saturated = try mask.planes.bitMask("SAT")
      let limit = config.doMaskSaturated ? keywords.positive(config.saturationKeyword).map { Float($0) } : nil
      let bits: Image<UInt32> = fits.image.map { pixel in limit.map { pixel >= $0 } == true ? saturated : 0 }
      mask = Mask(bits: bits, planes: mask.planes)
    }
    // Set whatever the file's mask says: nothing can be made of such pixels.
    let noData = try mask.addPlane("NO_DATA")
    var count = 0
    for y in fits.image.box.minY..<fits.image.box.endY {
      let row = fits.image.row(y)
      let variances = fits.variance.map { variance in (0..<row.count).map { variance.row(y)[$0] } }
      mask.bits.withMutableRow(y) { bits in
        for i in row.indices where !row[i].isFinite || variances.map({ !($0[i] >= 0) }) == true {
          bits[i] |= noData
          count += 1
        }
      }
    }
    noDataCount = count
    if let variance = fits.variance {
      noise = nil
      maskedImage = try MaskedImage(image: fits.image, mask: mask, variance: variance)
      return
    }
    guard makesVariance else {
      noise = nil
      maskedImage = try MaskedImage(image: fits.image, mask: mask, variance: Image(box: mask.box, fill: 0))
      return
    }
    let model: NoiseModel
    do throws(ImagingError) {
      model = try NoiseModel(
        of: fits.image, mask: mask, gain: keywords.positive(config.gainKeyword),
        readNoise: keywords.positive(config.readNoiseKeyword), config.noise)
    } catch {
      throw IngestError(file: path, reason: "no variance can be made: \(error)")
    }
    noise = model
    maskedImage = try MaskedImage(image: fits.image, mask: mask, variance: model.variance(of: fits.image))
  }
}
