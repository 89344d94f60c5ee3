// SPDX-License-Identifier: GPL-3.0-or-later
// How sources are found on a coadd.

internal import Measurement
package import SingleFrame
package import TaskFramework

/// How sources are found on a coadd; names as in LSST's DetectCoaddSourcesConfig where there is such a field.
package struct DetectCoaddSourcesConfig: Config {
  package var doSubtractBackground = true
  package var background = SkyModelConfig()
  package var doScaleVariance = true
  package var scaleVariance = ScaleVarianceConfig()
  package var detection = SourceDetectionTask.makeField("finds the sources")
  package var connections = ConnectionNames()

  package init() {
    // Coadds are matched already: what is left of the sky is smooth, and smaller cells would follow galaxies.
    background.binSize = 256
  }

  package static let fields: [ConfigField<Self>] = [
    .field("doSubtractBackground", \.doSubtractBackground, doc: "subtract what sky the coadd has before anything else"),
    .config("background", \.background, doc: "that sky"),
    .field(
      "doScaleVariance", \.doScaleVariance,
      doc: "multiply the variance so that it gives the errors of what is as large as the PSF"),
    .config("scaleVariance", \.scaleVariance, doc: "how the factor is found"),
    .subtask("detection", \.detection),
    .connections("connections", \.connections),
  ]

  package func validate() throws(ConfigProblem) {
    guard let detection = detection.value as? SourceDetectionConfig, detection.thresholdPolarity != .positive else {
      return
    }
    throw ConfigProblem(
      path: "detection.thresholdPolarity",
      reason:
        "it is \(detection.thresholdPolarity.rawValue); it must be positive: nothing that adds no light is a source")
  }
}
