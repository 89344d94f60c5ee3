// SPDX-License-Identifier: GPL-3.0-or-later
// By how much a variance plane is wrong.

package import Imaging
internal import SkyGeometry
internal import TaskFramework

/// A variance plane that is too far from the scatter of the pixels (category ExceedsMaxVarianceScaleError).
package struct ExceedsMaxVarianceScaleError: CategorizedError, Hashable, CustomStringConvertible {
  package var category: String { "ExceedsMaxVarianceScaleError" }
  package let factor: Double
  package let limit: Double

  package var description: String {
    "the pixels scatter \(factor) times as much as their variances say; more than \(limit) (scaleVariance.limit) is no matter of calibration"
  }
}

extension MaskedImage {
  /// The factor that brings the variance plane in line with the scatter of the pixels away from sources.
  ///
  /// **Model.** A smooth background is taken off; the factor is the square of the robust width of image / √variance, or, when that is beyond the
  /// limit, of the image's robust width over the median variance. The width is 0.7413 times the interquartile range, as a Gaussian's is; the
  /// reference system has 0.74, which makes a perfect image 0.35 % too quiet.
  ///
  /// **Source.** differencing A2.4.
  ///
  /// - Returns: the factor, and whether the second estimate had to be taken; 1 for an image with fewer than two usable pixels.
  /// - Throws: ``ExceedsMaxVarianceScaleError``.
  package func varianceScale(_ config: ScaleVarianceConfig = .init()) throws -> (factor: Double, isFromImage: Bool) {
    let bad = mask.planes.bitMask(ofExisting: config.maskPlanes)
    let level = try background(bad, config)
    var (ratios, values, variances): ([Float], [Float], [Float]) = ([], [], [])
    for i in image.pixels.indices where mask.bits.pixels[i] & bad == 0 {
      let (value, variance) = (image.pixels[i] - level.pixels[i], variance.pixels[i])
      guard value.isFinite, variance.isFinite, variance > 0 else { continue }
      ratios.append(value / variance.squareRoot())
      values.append(value)
      variances.append(variance)
    }
    guard ratios.count > 1 else { return (1, false) }
    func width(_ values: [Float]) throws -> Double {
      try PixelStatistics(of: values, .quartiles).robustStandardDeviation
    }
    let fromPixels = try width(ratios)
    if fromPixels * fromPixels <= config.limit { return (fromPixels * fromPixels, false) }
    let median = try PixelStatistics(of: variances, .quartiles).median
    let spread = try width(values)
    let factor = spread * spread / median
    guard factor <= config.limit else { throw ExceedsMaxVarianceScaleError(factor: factor, limit: config.limit) }
    return (factor, true)
  }

  /// The smooth part of the image; zero where there is nothing to measure it from.
  private func background(_ bad: UInt32, _ config: ScaleVarianceConfig) throws(ImagingError) -> Image<Float> {
    let control = try Background.Control(
      covering: box, binSize: config.binSize, statistic: .meanclip, statistics: StatisticsControl(andMask: bad))
    let surface = try Background(of: image, mask: mask, control).image(.akimaSpline, undersample: .reduceInterpOrder)
    return surface.map { $0.isFinite ? $0 : 0 }
  }
}
