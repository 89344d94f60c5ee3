// SPDX-License-Identifier: GPL-3.0-or-later
// The mean of a variance plane.

internal import Imaging
internal import SkyGeometry

extension MaskedImage {
  /// The clipped mean (three times at 3 σ) of the variance where the mask has none of some planes (differencing B2).
  ///
  /// - Returns: NaN when there is no such pixel.
  /// - Throws: ``Imaging/ImagingError``.
  func varianceMean(ignoring planes: [String], in part: Box2I? = nil) throws(ImagingError) -> Double {
    let region = (part ?? box).intersection(box)
    guard !region.isEmpty else { return .nan }
    let control = StatisticsControl(andMask: mask.planes.bitMask(ofExisting: planes))
    return try PixelStatistics(of: variance, mask: mask, in: region, control: control, [.quartiles, .clipped])
      .clippedMean
  }
}
