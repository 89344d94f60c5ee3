// SPDX-License-Identifier: GPL-3.0-or-later
// Which pixels are detected.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// What a pixel must reach to be detected (detection-measurement A.5.7).
///
/// A pixel of value 0 or without a finite value is never detected; where the threshold comes from its variance, nor is one whose variance is
/// not positive and finite. (The reference detects pixels of value 0 and variance 0; G-17.)
struct DetectionThreshold: Equatable {
  /// In the unit of the image, or of the pixel's standard deviation.
  let level: Float
  let isPerPixel: Bool

  /// - Throws: ``Imaging/ImagingError``.
  init(_ config: SourceDetectionConfig, for image: DetectionImage) throws(ImagingError) {
    isPerPixel = config.thresholdType == .pixelStdev
    switch config.thresholdType {
    case .pixelStdev, .value: level = Float(config.thresholdValue)
    case .variance: level = Float(config.thresholdValue.squareRoot())
    case .stdev:
      guard !image.box.isEmpty else {
        level = .infinity
        return
      }
      let control = StatisticsControl(andMask: image.mask?.planes.bitMask(ofExisting: config.statsMask) ?? 0)
      let statistics = try PixelStatistics(
        of: image.image, mask: image.mask, in: image.box, control: control, .clipped)
      // With no pixel to tell the noise from nothing can stand out of it.
      let deviation = statistics[.stdevclip]
      level = deviation.isFinite ? Float(config.thresholdValue * deviation) : .infinity
    }
  }

  /// What a pixel of a variance must reach; NaN for none.
  @inline(__always)
  func required(variance: Float) -> Float {
    guard isPerPixel else { return level }
    return variance > 0 && variance < .infinity ? level * variance.squareRoot() : .nan
  }

  /// Pixels of a row that are passed over at once where none can be detected.
  private static let blockWidth = 32

  /// Whether any of a few pixels may be detected: compares squares, a little more freely than ``required(variance:)`` does, and takes no root.
  @inline(__always)
  private func mayDetect(_ pixels: Swift.Span<Float>, _ variances: Swift.Span<Float>) -> Bool {
    let factor = 0.9999 * level * level
    var count: Int32 = 0
    for i in 0..<Self.blockWidth {
      let limit = isPerPixel ? factor * variances[i] : factor
      // Squares of numbers so small that they lose digits say nothing.
      count &+= pixels[i] * pixels[i] >= limit || !(limit > 1e-30) ? 1 : 0
    }
    return count > 0
  }

  /// The detected pixels of a box, row by row.
  func runs(of image: DetectionImage, in part: Box2I) -> (positive: [Span], negative: [Span]) {
    let part = image.box.intersection(part)
    var (positive, negative): ([Span], [Span]) = ([], [])
    let origin = image.image.box.minX
    let columns = part.minX - origin..<part.endX - origin
    for y in part.minY..<part.endY {
      let pixels = image.image.row(y)
      let variances = image.variance.row(y)
      // The sign of the run that is open, and where it began.
      var (sign, start) = (0, 0)
      var next = columns.lowerBound
      while next < columns.upperBound {
        let i = next
        if sign == 0, i + Self.blockWidth <= columns.upperBound {
          let block = i..<i + Self.blockWidth
          if !mayDetect(pixels.extracting(block), variances.extracting(block)) {
            next += Self.blockWidth
            continue
          }
        }
        next += 1
        let value = pixels[i]
        let size = abs(value)
        let isDetected = size >= required(variance: variances[i]) && size > 0 && size < .infinity
        let found = isDetected ? (value > 0 ? 1 : -1) : 0
        guard found != sign else { continue }
        if sign > 0 { positive.append(Span(y: y, x0: start + origin, x1: i - 1 + origin)) }
        if sign < 0 { negative.append(Span(y: y, x0: start + origin, x1: i - 1 + origin)) }
        (sign, start) = (found, i)
      }
      if sign > 0 { positive.append(Span(y: y, x0: start + origin, x1: part.maxX)) }
      if sign < 0 { negative.append(Span(y: y, x0: start + origin, x1: part.maxX)) }
    }
    return (positive, negative)
  }

  /// The connected regions of detected pixels, by corners too, in the order of their first pixels (A.5.8).
  ///
  /// - Parameters:
  ///   - minPixels: smaller regions are left out.
  ///   - multiplier: of the threshold, which a pixel of the region has to reach.
  func regions(_ runs: [Span], of image: DetectionImage, minPixels: Int, multiplier: Double) -> [SpanSet] {
    SpanSet(runs).connectedParts().filter { part in
      part.area >= minPixels && (multiplier <= 1 || reaches(Float(multiplier), part, of: image))
    }
  }

  private func reaches(_ multiplier: Float, _ part: SpanSet, of image: DetectionImage) -> Bool {
    part.spans.contains { span in
      let pixels = image.image.row(span.y)
      let variances = image.variance.row(span.y)
      let origin = image.image.box.minX
      for i in span.x0 - origin...span.x1 - origin
      where abs(pixels[i]) >= multiplier * required(variance: variances[i]) { return true }
      return false
    }
  }
}
