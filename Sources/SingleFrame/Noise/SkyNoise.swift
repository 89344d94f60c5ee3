// SPDX-License-Identifier: GPL-3.0-or-later
// The variance of a sky pixel, from the pixels alone.

package import Imaging
internal import SkyGeometry

/// The lower half of a distribution: of the sky, as long as more than half is sky.
struct LowerHalf {
  let median: Double
  /// 1.4826 times median minus lower quartile: a Gaussian's standard deviation.
  let width: Double
  /// How far the quantile 0.025 is below the median, in units of that of 0.25; 2.906 for a Gaussian.
  let tail: Double

  /// Fewer values are as good: they make the tail known to 1 %.
  private static let enough = 1 << 17

  /// - Returns: `nil` with fewer than 20 finite values.
  init?(_ values: [Float]) {
    let step = max(1, values.count / Self.enough)
    let finite = stride(from: 0, to: values.count, by: step).map { values[$0] }.filter(\.isFinite)
    guard finite.count >= 20 else { return nil }
    let found = quantiles([0.025, 0.25, 0.5], of: finite)
    median = found[2]
    width = 1.482602218505602 * (found[2] - found[1])
    tail = found[1] < found[2] ? (found[2] - found[0]) / (found[2] - found[1]) : 0
  }

  /// Whether this is no noise: where what lies between stars is fainter stars the lower tail is cut short, since nothing is darker than the sky.
  ///
  /// The limit lies between a Gaussian's 2.9 and what the Galactic bulge has, about 2.
  var isCrowded: Bool { tail < 2.5 }
}

/// The variance of a sky pixel, from the pixels alone.
///
/// **Model.** The square of the width of the lower half of the good pixels that are in no detection: it holds correlated noise too. Where the lower tail of those is too short for noise, and
/// where fewer than `minSkyFraction` of the good pixels are left, the field is crowded, and the grain tells: ``PixelNoise``. That also where it is the larger one.
///
/// - Parameters:
///   - input: without sky, with its detections marked (DETECTED, DETECTED_NEGATIVE).
/// - Returns: counts².
/// - Throws: ``Imaging/ImagingError/noResult(_:)`` when too few pixels are good.
package func noiseVariance(of input: MaskedImage, minSkyFraction: Double = 0.1) throws(ImagingError) -> Double {
  let white = try PixelNoise(of: input).variance
  let bad = input.mask.planes.bitMask(ofExisting: PixelNoise.badMaskPlanes)
  let detected = input.mask.planes.bitMask(ofExisting: ["DETECTED", "DETECTED_NEGATIVE"])
  var values: [Float] = []
  values.reserveCapacity(input.box.area)
  var good = 0
  let (image, bits) = (input.image, input.mask.bits)
  for y in input.box.minY..<input.box.endY {
    let pixels = image.row(y)
    let planes = bits.row(y)
    for i in pixels.indices where planes[i] & bad == 0 && pixels[i].isFinite {
      good += 1
      if planes[i] & detected == 0 { values.append(pixels[i]) }
    }
  }
  guard Double(values.count) >= minSkyFraction * Double(good), let half = LowerHalf(values), !half.isCrowded else {
    return white
  }
  return max(white, half.width * half.width)
}
