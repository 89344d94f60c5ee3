// SPDX-License-Identifier: GPL-3.0-or-later
// The steps from an image to footprints.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The search of one image (detection-measurement A.5.6 to A.5.10 and A.5.14).
struct FootprintSearch {
  private let config: SourceDetectionConfig
  private var image: DetectionImage
  private var threshold: DetectionThreshold?
  /// The pixels of the exposure.
  private let region: Box2I

  init(_ config: SourceDetectionConfig, _ image: DetectionImage, region: Box2I) {
    self.config = config
    self.image = image
    self.region = region
    self.image.exclude(config.excludeMaskPlanes)
  }

  /// The footprints before they grow; `nil` for a polarity that is not looked for.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  mutating func find() throws(ImagingError) -> (positive: FootprintSet?, negative: FootprintSet?) {
    let threshold = try DetectionThreshold(config, for: image)
    self.threshold = threshold
    let runs = threshold.runs(of: image, in: image.box)
    func footprints(_ runs: [Span], sign: Float) -> FootprintSet {
      let finder = PeakFinder(image: image.image, box: image.box, sign: sign)
      return FootprintSet(
        regions(runs, threshold).map { Footprint($0, peaks: finder.peaks(of: $0), region: region) }, region: region)
    }
    return (
      config.thresholdPolarity != .negative ? footprints(runs.positive, sign: 1) : nil,
      config.thresholdPolarity != .positive ? footprints(runs.negative, sign: -1) : nil
    )
  }

  private func regions(_ runs: [Span], _ threshold: DetectionThreshold) -> [SpanSet] {
    threshold.regions(
      runs, of: image, minPixels: config.minPixels, multiplier: config.includeThresholdMultiplier)
  }

  /// Subtracts a local background of the exposure from the image that is searched, and sets the threshold anew (A.5.10).
  ///
  /// An exposure without a pixel to measure it from has none to subtract.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  mutating func subtractBackground(of exposure: MaskedImage, _ config: LocalBackgroundConfig) throws(ImagingError) {
    guard !image.box.isEmpty else { return }
    let ignored = exposure.mask.planes.bitMask(ofExisting: config.ignoredPixelMask)
    let background = try Background(
      of: exposure.image, mask: exposure.mask,
      Background.Control(
        covering: exposure.box, binSize: config.binSize, statistics: StatisticsControl(andMask: ignored)))
    guard background.values.pixels.contains(where: \.isFinite) else { return }
    image.subtract(try background.image(in: image.box, .akimaSpline, undersample: .reduceInterpOrder))
    threshold = try DetectionThreshold(self.config, for: image)
  }

  /// The footprints with the peaks that the image has now, where they had more than one (A.5.10).
  ///
  /// The regions stay as they are. A footprint that would lose all of its peaks keeps its strongest.
  func refiningPeaks(_ set: FootprintSet, sign: Float) -> FootprintSet {
    guard let threshold else { return set }
    let finder = PeakFinder(image: image.image, box: image.box, sign: sign)
    let refined = set.footprints.map { footprint in
      guard footprint.peaks.count > config.nPeaksMaxSimple else { return footprint }
      let runs = threshold.runs(of: image, in: footprint.box)
      let peaks = regions(sign > 0 ? runs.positive : runs.negative, threshold).flatMap { finder.peaks(of: $0) }
        .filter { footprint.spans.contains($0.pixel) }.sorted(by: isBefore)
      var result = footprint
      result.peaks = peaks.isEmpty ? Array(footprint.peaks.prefix(1)) : peaks
      return result
    }
    return FootprintSet(refined, region: set.region)
  }

  /// How the positions that no footprint covers are distributed.
  ///
  /// - Parameter mask: with the planes of what was detected.
  /// - Throws: ``Imaging/ImagingError``.
  func nullDistribution(_ mask: Mask) throws(ImagingError) -> NullDistribution? {
    guard config.thresholdType == .pixelStdev else { return nil }
    let planes = config.statsMask + config.excludeMaskPlanes + ["DETECTED", "DETECTED_NEGATIVE"]
    return try NullDistribution(of: image, mask, leavingOut: mask.planes.bitMask(ofExisting: planes))
  }

  /// The footprints with the significance of their peaks: the value in standard deviations, positive for both polarities (A.5.14).
  ///
  /// Unknown (NaN) for thresholds that do not count in standard deviations.
  func rating(_ set: FootprintSet) -> FootprintSet {
    let rated = set.footprints.map { footprint in
      var result = footprint
      for i in result.peaks.indices {
        let peak = result.peaks[i]
        let value = Double(image.image[peak.pixel.x, peak.pixel.y]) * (peak.isFromNegative ? -1 : 1)
        switch config.thresholdType {
        case .pixelStdev:
          result.peaks[i].significance = value / Double(image.variance[peak.pixel.x, peak.pixel.y]).squareRoot()
        case .stdev:
          result.peaks[i].significance = value * config.thresholdValue / Double(threshold?.level ?? .nan)
        case .variance, .value:
          result.peaks[i].significance = .nan
        }
      }
      return result
    }
    return FootprintSet(rated, region: set.region)
  }
}
