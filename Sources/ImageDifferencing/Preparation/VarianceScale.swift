// SPDX-License-Identifier: GPL-3.0-or-later
// By how much a variance plane is wrong.

package import Imaging
internal import SingleFrame
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

/// By how much a variance plane has to be multiplied, and what says so.
package struct VarianceScale: Hashable, Sendable {
  package enum Evidence: Hashable, Sendable {
    /// Pixel by pixel over the square root of their variance.
    case pixels
    /// All pixels over the median variance: too much is wrong with single variances.
    case image
    /// The finest grain: the pixels scatter for other reasons than noise, as where there is a star everywhere.
    case grain
    /// Nothing that is plausible: the plane is left as it is.
    case none
  }

  package let factor: Double
  package let evidence: Evidence
}

extension MaskedImage {
  /// The factor that brings the variance plane in line with the scatter of the pixels away from sources.
  ///
  /// **Model.** A smooth background is taken off; the factor is the square of the robust width of image / √variance, or, when that is beyond the
  /// limit, of the image's robust width over the median variance. The width is 0.7413 times the interquartile range, as a Gaussian's is; the
  /// reference system has 0.74, which makes a perfect image 0.35 % too quiet. Of large images every few rows are looked at.
  ///
  /// **Crowded fields.** In the crowd it is the stars that scatter. So a factor above 2 counts only where the finest grain of the pixels, in which stars do not show
  /// (``SingleFrame/PixelNoise``), bears it out to within 1.5; else the grain's factor is taken or, where that says too little because pixels
  /// were resampled, none at all. The reference refuses such an image, or believes its stars. A factor below 1 / limit is that of a
  /// simulation without noise, and is not taken either.
  ///
  /// **Source.** differencing A2.4; peers §3.8.
  ///
  /// - Returns: 1 for an image with fewer than two usable pixels.
  /// - Throws: ``ExceedsMaxVarianceScaleError``.
  package func varianceScale(_ config: ScaleVarianceConfig = .init()) throws -> VarianceScale {
    let sample = try ScatterSample(self, config)
    guard sample.ratios.count > 1 else { return VarianceScale(factor: 1, evidence: .none) }
    let ratio = try PixelStatistics(of: sample.ratios, .quartiles).robustStandardDeviation
    let scatter = ratio * ratio
    guard scatter >= 1 / config.limit else { return VarianceScale(factor: 1, evidence: .none) }
    var scale = VarianceScale(factor: scatter, evidence: .pixels)
    if scatter > config.limit {
      let spread = try PixelStatistics(of: sample.values, .quartiles).robustStandardDeviation
      let median = try PixelStatistics(of: sample.variances, .quartiles).median
      scale = VarianceScale(factor: spread * spread / median, evidence: .image)
    }
    if scale.factor > 2, let grain = (try? PixelNoise(of: self))?.varianceScale, scale.factor > 1.5 * grain,
      grain <= config.limit
    {
      return grain < 0.5 ? VarianceScale(factor: 1, evidence: .none) : VarianceScale(factor: grain, evidence: .grain)
    }
    guard scale.factor <= config.limit else {
      throw ExceedsMaxVarianceScaleError(factor: scale.factor, limit: config.limit)
    }
    return scale
  }
}

/// The pixels that a variance plane is judged by, less a smooth background.
private struct ScatterSample {
  /// Rows are left out beyond so many pixels: the width is known to 0.1 % by then.
  private static let enoughPixels = 1 << 20

  private(set) var ratios: [Float] = []
  private(set) var values: [Float] = []
  private(set) var variances: [Float] = []

  init(_ input: MaskedImage, _ config: ScaleVarianceConfig) throws(ImagingError) {
    let (box, bad) = (input.box, input.mask.planes.bitMask(ofExisting: config.maskPlanes))
    guard !box.isEmpty else { return }
    // A cell of the background keeps a quarter of its rows.
    let step = max(1, min(box.area / Self.enoughPixels, config.binSize / 4))
    let rows = Array(stride(from: box.minY, to: box.endY, by: step))
    let part = Box2I(width: box.width, height: rows.count)
    func sampled<Pixel>(_ image: Image<Pixel>) throws(ImagingError) -> Image<Pixel> {
      guard step > 1 else { return image.moved(toX: 0, y: 0) }
      var pixels: [Pixel] = []
      pixels.reserveCapacity(part.area)
      for y in rows {
        let start = (y - box.minY) * box.width
        pixels += image.pixels[start..<start + box.width]
      }
      return try Image(box: part, pixels: pixels)
    }
    let image = try sampled(input.image)
    let mask = Mask(bits: try sampled(input.mask.bits), planes: input.mask.planes)
    let variance = try sampled(input.variance)
    func cells(_ length: Int) -> Int { max(1, (length + config.binSize - 1) / config.binSize) }
    let surface = try Background(
      of: image, mask: mask,
      .init(
        columns: cells(box.width), rows: min(cells(box.height), rows.count), statistics: StatisticsControl(andMask: bad)
      )
    ).image(.akimaSpline, undersample: .reduceInterpOrder)
    ratios.reserveCapacity(part.area)
    values.reserveCapacity(part.area)
    variances.reserveCapacity(part.area)
    for y in 0..<part.height {
      let (pixels, bits) = (image.row(y), mask.bits.row(y))
      let (squares, level) = (variance.row(y), surface.row(y))
      for i in pixels.indices where bits[i] & bad == 0 && squares[i] > 0 && squares[i].isFinite {
        let value = level[i].isFinite ? pixels[i] - level[i] : pixels[i]
        guard value.isFinite else { continue }
        ratios.append(value / squares[i].squareRoot())
        values.append(value)
        variances.append(squares[i])
      }
    }
  }
}
