// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of the pixels of an image.

package import SkyGeometry

/// One number that describes some pixels; names as the reference system's.
package enum Statistic: String, CaseIterable, Hashable, Sendable {
  case npoint = "NPOINT"
  case mean = "MEAN"
  case stdev = "STDEV"
  case variance = "VARIANCE"
  case median = "MEDIAN"
  case iqrange = "IQRANGE"
  case meanclip = "MEANCLIP"
  case stdevclip = "STDEVCLIP"
  case varianceclip = "VARIANCECLIP"
  case meansquare = "MEANSQUARE"
  case sum = "SUM"
  case min = "MIN"
  case max = "MAX"
}

/// Statistics of the pixels of an image.
///
/// **Model.** Moments in float64 by two passes, variance unbiased. Quantile f is the linear interpolation at index f·(n − 1) of
/// the sorted pixels. Clipping restarts from all pixels in each pass, keeps `|v − centre| ≤ width` inclusively, and always runs
/// `numIter` passes: the first about the median with width numSigmaClip · 0.7413 · IQR, the others about the clipped mean with
/// numSigmaClip standard deviations.
///
/// **Invalid pixels.** Masked ones and, unless `nanSafe` is off, those that are not finite are left out. With none left every
/// statistic is NaN and the count 0; with one, variances are NaN.
///
/// **Guarantees.** The order of summation depends on the number of pixels alone, so equal pixels give equal bits.
///
/// **Source.** framework A.3, differencing 0.4.
package struct PixelStatistics: Sendable {
  /// What to compute; clipping needs the quartiles.
  package struct Selection: OptionSet, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    package static let moments = Selection(rawValue: 1)
    package static let quartiles = Selection(rawValue: 2)
    package static let clipped = Selection(rawValue: 4)
    package static let all: Selection = [.moments, .quartiles, .clipped]
  }

  /// Number of pixels used.
  package let count: Int
  /// Bits that any pixel of the region has set, used or not.
  package let orMask: UInt32
  package private(set) var mean = Double.nan
  package private(set) var variance = Double.nan
  package private(set) var sum = Double.nan
  package private(set) var minimum = Double.nan
  package private(set) var maximum = Double.nan
  package private(set) var lowerQuartile = Double.nan
  package private(set) var median = Double.nan
  package private(set) var upperQuartile = Double.nan
  package private(set) var clippedMean = Double.nan
  package private(set) var clippedVariance = Double.nan
  package private(set) var clippedCount = 0

  /// Statistics of an image, or of its part in a box.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a region without pixels or a control that cannot clip;
  ///   ``ImagingError/sizeMismatch(what:found:expected:)`` when the mask has another box.
  package init(
    of image: Image<Float>, mask: Mask? = nil, in region: Box2I? = nil, control: StatisticsControl = .init(),
    _ selection: Selection = .all
  ) throws(ImagingError) {
    var scratch = PixelSample()
    try self.init(of: image, mask: mask, in: region, control: control, selection, scratch: &scratch)
  }

  /// As above, with memory to use again for the next region.
  init(
    of image: Image<Float>, mask: Mask?, in region: Box2I?, control: StatisticsControl, _ selection: Selection,
    scratch: inout PixelSample
  ) throws(ImagingError) {
    try control.validate()
    if let mask, mask.box != image.box {
      throw .sizeMismatch(what: "the mask's box", found: "\(mask.box)", expected: "\(image.box)")
    }
    let region = region.map(image.box.intersection) ?? image.box
    guard !region.isEmpty else { throw .invalidParameter("statistics: the region has no pixels") }
    orMask = scratch.collect(image, mask: mask, region: region, control: control)
    count = scratch.count
    compute(&scratch, control, selection)
  }

  /// Statistics of plain numbers.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for no numbers or a control that cannot clip.
  package init(
    of values: [Float], control: StatisticsControl = .init(), _ selection: Selection = .all
  ) throws(ImagingError) {
    try control.validate()
    guard !values.isEmpty else { throw .invalidParameter("statistics: there are no values") }
    var scratch = PixelSample()
    scratch.collect(values, control: control)
    orMask = 0
    count = scratch.count
    compute(&scratch, control, selection)
  }

  private mutating func compute(_ sample: inout PixelSample, _ control: StatisticsControl, _ selection: Selection) {
    // Without `nanSafe` a NaN is a value like any other, and every statistic of it is NaN.
    guard count > 0, control.nanSafe || !sample.containsNaN else { return }
    if selection.contains(.moments) {
      let moments = sample.moments()
      (mean, variance, sum, minimum, maximum) = (
        moments.mean, moments.variance, moments.sum, moments.minimum, moments.maximum
      )
    }
    guard !selection.isDisjoint(with: [.quartiles, .clipped]) else { return }
    (lowerQuartile, median, upperQuartile) = sample.quartiles()
    guard selection.contains(.clipped) else { return }
    let width = control.numSigmaClip * Self.sigmaPerIQR * (upperQuartile - lowerQuartile)
    var clipped = sample.clippedMoments(center: median, halfWidth: width)
    for _ in 1..<control.numIter {
      let halfWidth =
        clipped.count > 1 ? control.numSigmaClip * Swift.max(0, clipped.variance).squareRoot() : width
      clipped = sample.clippedMoments(center: clipped.mean, halfWidth: halfWidth)
    }
    (clippedMean, clippedVariance, clippedCount) = (clipped.mean, clipped.variance, clipped.count)
  }

  /// Standard deviations an interquartile range, for a Gaussian.
  package static let sigmaPerIQR = 0.741301109252802

  package var standardDeviation: Double { variance.squareRoot() }
  package var interquartileRange: Double { upperQuartile - lowerQuartile }
  /// From the quartiles, as a Gaussian's: outliers do not matter to it.
  package var robustStandardDeviation: Double { Self.sigmaPerIQR * interquartileRange }
  package var clippedStandardDeviation: Double { Swift.max(0, clippedVariance).squareRoot() }
  /// The second moment about zero.
  package var meanSquare: Double { Double(count - 1) / Double(count) * variance + mean * mean }

  package subscript(statistic: Statistic) -> Double {
    switch statistic {
    case .npoint: Double(count)
    case .mean: mean
    case .stdev: standardDeviation
    case .variance: variance
    case .median: median
    case .iqrange: interquartileRange
    case .meanclip: clippedMean
    case .stdevclip: clippedVariance.isNaN ? .nan : clippedStandardDeviation
    case .varianceclip: clippedVariance
    case .meansquare: meanSquare
    case .sum: sum
    case .min: minimum
    case .max: maximum
    }
  }

  /// The standard error of a statistic, as that of a Gaussian sample; NaN for those without one.
  package func error(of statistic: Statistic) -> Double {
    func ofVariance(_ v: Double, _ n: Int) -> Double { (2 * Double(n - 1)).squareRoot() * v / Double(n) }

    switch statistic {
    case .mean: return (variance / Double(count)).squareRoot()
    case .median: return (.pi / 2 * variance / Double(count)).squareRoot()
    case .meanclip: return (clippedVariance / Double(clippedCount)).squareRoot()
    case .variance: return ofVariance(variance, count)
    case .stdev: return 0.5 * ofVariance(variance, count) / standardDeviation
    case .varianceclip: return ofVariance(clippedVariance, clippedCount)
    case .stdevclip: return 0.5 * ofVariance(clippedVariance, clippedCount) / clippedStandardDeviation
    default: return .nan
    }
  }
}

extension StatisticsControl {
  /// - Throws: ``ImagingError/invalidParameter(_:)``.
  func validate() throws(ImagingError) {
    guard numSigmaClip > 0, numSigmaClip.isFinite else {
      throw .invalidParameter("statistics: numSigmaClip is \(numSigmaClip); it must be positive")
    }
    guard (1...1000).contains(numIter) else {
      throw .invalidParameter("statistics: numIter is \(numIter); it must be 1 to 1000")
    }
  }
}
