// SPDX-License-Identifier: GPL-3.0-or-later
// The noise of single pixels, whatever the stars.

package import Imaging
internal import SkyGeometry

/// The noise of single pixels, told from stars by its grain.
///
/// **Model.** The image is filtered by the product of the fourth differences (1, −4, 6, −4, 1) along x and y. The response of white noise
/// is its standard deviation times 70; a Gaussian star of standard deviation s leaves 9/s⁸ of its peak, under 1 % of that at s = 1.7 px, so that stars
/// below some thousand standard deviations do not show. Of the pixels the fainter half counts, by the mean of the 25 about each (which is
/// independent of the filter's response to white noise). The width is 0.7413 times the interquartile range.
///
/// **Correlated noise.** Resampling takes away the finest grain, so for such images this is a lower bound: see ``noiseVariance(of:minSkyFraction:)``.
///
/// **Invalid pixels.** A pixel that is masked or not finite takes those with it that are within two pixels of it.
///
/// **Source.** Fourth differences instead of the second ones of Immerkær 1996 (CVIU 64, 300), which a crowded field's stars still pass.
package struct PixelNoise: Hashable, Sendable {
  /// Of white noise, counts².
  package let variance: Double
  /// Median of the pixels that it was measured at, counts.
  package let level: Double
  /// By how much the variance plane has to be multiplied; `nil` when no pixel that counts has a positive, finite variance.
  package let varianceScale: Double?
  /// Pixels that counted.
  package let count: Int

  /// Pixels that no noise can be measured with.
  package static let badMaskPlanes = ["BAD", "SAT", "CR", "NO_DATA", "INTRP"]
  /// Rows are left out beyond so many pixels: they make the noise known to 0.2 % already.
  private static let enoughPixels = 1 << 20

  /// - Throws: ``Imaging/ImagingError/noResult(_:)`` with fewer than 25 usable pixels.
  package init(of input: MaskedImage, badMaskPlanes: [String] = Self.badMaskPlanes) throws(ImagingError) {
    let bad = input.mask.planes.bitMask(ofExisting: badMaskPlanes)
    var samples = Samples()
    if input.width >= 5, input.height >= 5 {
      let step = max(1, input.box.area / Self.enoughPixels)
      for y in stride(from: input.box.minY + 2, to: input.box.endY - 2, by: step) {
        samples.add(row: y, of: input, bad: bad)
      }
    }
    guard samples.means.count >= 25 else { throw .noResult("too few pixels are good to measure the noise with") }
    let limit = try Float(PixelStatistics(of: samples.means, .quartiles).median)
    var (responses, ratios, levels): ([Float], [Float], [Float]) = ([], [], [])
    for i in samples.means.indices where samples.means[i] <= limit {
      responses.append(samples.responses[i])
      levels.append(samples.means[i])
      let variance = samples.variances[i]
      if variance > 0, variance.isFinite { ratios.append(samples.responses[i] / variance.squareRoot()) }
    }
    let width = try PixelStatistics(of: responses, .quartiles).robustStandardDeviation / 70
    variance = width * width
    level = try PixelStatistics(of: levels, .quartiles).median
    count = responses.count
    if ratios.count >= 25 {
      let ratio = try PixelStatistics(of: ratios, .quartiles).robustStandardDeviation
      varianceScale = ratio * ratio
    } else {
      varianceScale = nil
    }
  }

  /// What the filter gives at the pixels that can be used.
  private struct Samples {
    /// Of the 25 pixels about each.
    var means: [Float] = []
    var responses: [Float] = []
    /// What the response's variance is by the variance plane.
    var variances: [Float] = []

    /// The sums along the columns of a row's five rows, then the sums of those along the row.
    mutating func add(row y: Int, of input: MaskedImage, bad: UInt32) {
      let width = input.width
      var fourth = [Float](repeating: 0, count: width)
      var plain = fourth
      var squared = fourth
      var isBad = [Bool](repeating: false, count: width)
      let (image, variance, bits) = (input.image, input.variance, input.mask.bits)
      for (k, weight) in PixelNoise.differences.enumerated() {
        let pixels = image.row(y + k - 2)
        let variances = variance.row(y + k - 2)
        let planes = bits.row(y + k - 2)
        for i in 0..<width {
          fourth[i] += weight * pixels[i]
          plain[i] += pixels[i]
          squared[i] += weight * weight * variances[i]
          if planes[i] & bad != 0 || !pixels[i].isFinite { isBad[i] = true }
        }
      }
      // The last bad column decides whether the five about a pixel are good.
      var lastBad = -1
      for i in 0..<width {
        if isBad[i] { lastBad = i }
        guard i >= 4, lastBad < i - 4 else { continue }
        var (response, mean, spread): (Float, Float, Float) = (0, 0, 0)
        for (k, weight) in PixelNoise.differences.enumerated() {
          response += weight * fourth[i - 4 + k]
          mean += plain[i - 4 + k]
          spread += weight * weight * squared[i - 4 + k]
        }
        guard response.isFinite, mean.isFinite else { continue }
        means.append(mean / 25)
        responses.append(response)
        variances.append(spread)
      }
    }
  }

  private static let differences: [Float] = [1, -4, 6, -4, 1]
}
