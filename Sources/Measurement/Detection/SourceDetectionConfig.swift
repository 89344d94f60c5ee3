// SPDX-License-Identifier: GPL-3.0-or-later
// How sources are found.

package import TaskFramework

/// How sources are found; names and defaults are those of the LSST task, but for `reEstimateBackground`
/// (detection-measurement A.5.1).
package struct SourceDetectionConfig: Config {
  /// What `thresholdValue` counts in.
  package enum ThresholdType: String, ConfigChoice {
    /// The square root of each pixel's own variance.
    case pixelStdev = "pixel_stdev"
    /// The clipped standard deviation of all pixels.
    case stdev
    /// The square of the value that pixels are compared with.
    case variance
    /// The unit of the image.
    case value
  }

  /// Which sources are looked for.
  package enum Polarity: String, ConfigChoice {
    case positive, negative, both
  }

  package var minPixels = 1
  package var isotropicGrow = true
  package var nSigmaToGrow = 2.4
  package var returnOriginalFootprints = false
  package var thresholdValue = 5.0
  package var includeThresholdMultiplier = 1.0
  package var thresholdType = ThresholdType.pixelStdev
  package var thresholdPolarity = Polarity.positive
  package var doTempLocalBackground = true
  package var tempLocalBackground = LocalBackgroundConfig()
  package var reEstimateBackground = false
  package var nPeaksMaxSimple = 1
  package var nSigmaForKernel = 7.0
  package var statsMask = ["BAD", "SAT", "EDGE", "NO_DATA"]
  package var excludeMaskPlanes: [String] = []

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "minPixels", \.minPixels, in: 1...1_000_000, doc: "detections of fewer pixels are left out, before they grow"),
    .field("isotropicGrow", \.isotropicGrow, doc: "footprints grow by a disk, else by a diamond"),
    .field(
      "nSigmaToGrow", \.nSigmaToGrow, in: 0...100,
      doc: "how far footprints grow, in standard deviations of the PSF; 0 for not at all"),
    .field(
      "returnOriginalFootprints", \.returnOriginalFootprints,
      doc: "return footprints as they were before they grew; the mask is set from the grown ones all the same"),
    .field(positive: "thresholdValue", \.thresholdValue, doc: "the threshold, in what thresholdType says"),
    .field(
      "includeThresholdMultiplier", \.includeThresholdMultiplier, in: 1...1e6,
      doc: "a detection is kept when a pixel reaches so many times the threshold"),
    .field("thresholdType", \.thresholdType, doc: "what the threshold counts in"),
    .field("thresholdPolarity", \.thresholdPolarity, doc: "which sources are looked for"),
    .field(
      "doTempLocalBackground", \.doTempLocalBackground,
      doc: "find the peaks of blends again on an image from which a local background is subtracted"),
    .config("tempLocalBackground", \.tempLocalBackground, doc: "the local background; it is subtracted from no output"),
    .field(
      "reEstimateBackground", \.reEstimateBackground, doc: "not offered here: an image's background is another task's",
      requirement: "false", where: { !$0 }),
    .field(
      "nPeaksMaxSimple", \.nPeaksMaxSimple, in: 0...1_000_000,
      doc: "detections of at most so many peaks keep them, whatever the local background"),
    .field(
      "nSigmaForKernel", \.nSigmaForKernel, in: 1...100,
      doc: "side of the smoothing kernel in standard deviations of the PSF"),
    .field(
      "statsMask", \.statsMask, count: 0...32, doc: "pixels with these planes do not count for the threshold type stdev"
    ),
    .field(
      "excludeMaskPlanes", \.excludeMaskPlanes, count: 0...32,
      doc: "nothing is found where a smoothed pixel has any of these planes; those that an image lacks are ignored"),
  ]
}

/// The background that detection subtracts for a moment, to tell the peaks of blends (A.5.10).
package struct LocalBackgroundConfig: Config {
  package var binSize = 64
  package var ignoredPixelMask = ["BAD", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "NO_DATA"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("binSize", \.binSize, in: 8...1_000_000, doc: "side of a cell, pixels"),
    .field("ignoredPixelMask", \.ignoredPixelMask, count: 0...32, doc: "pixels with these planes do not count"),
  ]
}
