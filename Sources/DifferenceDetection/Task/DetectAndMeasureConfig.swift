// SPDX-License-Identifier: GPL-3.0-or-later
// How sources are found and measured on a difference.

package import Measurement
package import TaskFramework

/// How sources are found and measured on a difference; names as in LSST's DetectAndMeasureConfig (detection-measurement A.2).
package struct DetectAndMeasureConfig: Config {
  package var detection = SourceDetectionTask.makeField("finds the sources")
  package var doDeblend = true
  package var deblend = DeblendConfig()
  package var doMerge = true
  package var growFootprint = 2
  package var maxMergeSeparation: Double? = 5
  package var measurement = SingleFrameMeasurementTask.makeField("measures the sources on the difference")
  package var dipoleFit = DipoleFitConfig()
  package var doApCorr = true
  package var applyApCorr = ApplyApCorrTask.makeField("corrects fluxes to those of a large aperture")
  package var doForcedMeasurement = true
  package var forcedMeasurement = ForcedMeasurementTask.makeField("measures science image and template at the sources")
  package var doSkySources = false
  package var skySources = SkySourcesTask.makeField("places sources where there is nothing")
  package var badSourceFlags = [
    "base_PixelFlags_flag_offimage", "base_PixelFlags_flag_interpolatedCenterAll", "base_PixelFlags_flag_badCenter",
    "base_PixelFlags_flag_edgeCenter", "base_PixelFlags_flag_nodataCenter", "base_PixelFlags_flag_saturatedCenter",
    "base_PixelFlags_flag_sat_templateCenter", "base_PixelFlags_flag_spikeCenter",
  ]
  package var doRejectBadMaskPlaneDetections = true
  package var badMaskPlanes = ["NO_DATA", "BAD", "SAT", "EDGE"]
  package var clearMaskPlanes = ["DETECTED", "DETECTED_NEGATIVE", "NOT_DEBLENDED", "STREAK"]
  package var doSubtractBackground = false
  package var subtractInitialBackground = SubtractBackgroundConfig()
  package var subtractFinalBackground = SubtractBackgroundConfig()
  package var doFindCosmicRays = false
  package var cosmicray = CosmicRayConfig()
  package var doMaskStreaks = false
  package var maskStreaks = MaskStreaksConfig()
  package var doFindGlints = false
  package var findGlints = GlintConfig()
  package var doCalculateResidualMetics = true
  package var raiseOnBadSubtractionRatio = false
  package var badSubtractionRatioThreshold = 0.2
  package var badSubtractionVariationThreshold = 0.4
  package var raiseOnNoDiaSources = false
  package var maxFootprints = 50_000
  package var cutoutSize = 31
  package var connections = ConnectionNames()

  package init() {
    subtractInitialBackground.binSize = 8
    subtractFinalBackground.binSize = 40
    // These fields were made above, of these types.
    try? detection.update(SourceDetectionConfig.self) { $0.thresholdPolarity = .both }
    try? measurement.update(SingleFrameMeasurementConfig.self) { config in
      config.slots = Self.slots
      try? config.plugins.select(Self.plugins)
      try? config.plugins.update("base_CircularApertureFlux", CircularApertureFluxConfig.self) { $0.radii = [12] }
      try? config.plugins.update("base_SdssCentroid", SdssCentroidConfig.self) { $0.maxDistToPeak = 5 }
      try? config.plugins.update("base_PixelFlags", PixelFlagsConfig.self) {
        $0.masksFpAnywhere = Self.extraMaskPlanes
        $0.masksFpCenter = Self.extraMaskPlanes
      }
    }
    try? forcedMeasurement.update(ForcedMeasurementConfig.self) { $0.doReplaceWithNoise = false }
  }

  /// Planes that sources are asked about beside those that every image has.
  static let extraMaskPlanes = [
    "STREAK", "INJECTED", "INJECTED_TEMPLATE", "HIGH_VARIANCE", "SAT_TEMPLATE", "SPIKE",
  ]

  private static let plugins = [
    "base_SdssCentroid", "base_SdssShape", "base_SkyCoord", "ext_shapeHSM_HsmPsfMoments",
    "ext_shapeHSM_HsmSourceMoments", "base_CircularApertureFlux", "base_ClassificationSizeExtendedness",
    "base_GaussianFlux", "base_LocalPhotoCalib", "base_LocalWcs", "base_PeakLikelihoodFlux", "base_PixelFlags",
    "base_PsfFlux", "ext_trailedSources_Naive",
  ]

  private static var slots: SlotConfig {
    var slots = SlotConfig()
    slots.centroid = DetectAndMeasureTask.dipoleName
    slots.shape = "ext_shapeHSM_HsmSourceMoments"
    slots.psfShape = "ext_shapeHSM_HsmPsfMoments"
    slots.apFlux = "base_CircularApertureFlux_12_0"
    (slots.modelFlux, slots.gaussianFlux) = (nil, nil)
    return slots
  }

  package static let fields: [ConfigField<Self>] =
    steps + options + [.connections("connections", \.connections)]

  private static let steps: [ConfigField<Self>] = [
    .subtask("detection", \.detection),
    .field("doDeblend", \.doDeblend, doc: "separate sources of one polarity whose footprints are one"),
    .config("deblend", \.deblend, doc: "how they are separated"),
    .field("doMerge", \.doMerge, doc: "unite detections above and below zero that are near each other"),
    .field(
      "growFootprint", \.growFootprint, in: 0...100,
      doc: "footprints of both polarities are united when each, grown so far, reaches the other, pixels"),
    .field(
      "maxMergeSeparation", \.maxMergeSeparation,
      doc:
        "and their nearest peaks are no farther apart than this, in standard deviations of the PSF; null for any distance",
      requirement: "above 0", where: { $0.map { $0 > 0 } ?? true }),
    .subtask("measurement", \.measurement),
    .config("dipoleFit", \.dipoleFit, doc: "the fit of dipoles"),
    .field("doApCorr", \.doApCorr, doc: "correct fluxes where the difference has aperture corrections"),
    .subtask("applyApCorr", \.applyApCorr),
    .field("doForcedMeasurement", \.doForcedMeasurement, doc: "measure science image and template at the sources"),
    .subtask("forcedMeasurement", \.forcedMeasurement),
    .field("doSkySources", \.doSkySources, doc: "add sources where there is nothing, to measure the background"),
    .subtask("skySources", \.skySources),
    .field(
      "badSourceFlags", \.badSourceFlags, count: 0...1000, doc: "sources with any of these flags are dropped"),
    .field(
      "doRejectBadMaskPlaneDetections", \.doRejectBadMaskPlaneDetections,
      doc: "drop sources of which a peak is on a bad pixel"),
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "planes of bad pixels; those that the difference lacks are ignored"),
    .field(
      "clearMaskPlanes", \.clearMaskPlanes, count: 0...32, doc: "planes of the difference that are cleared at the start"
    ),
  ]

  private static let options: [ConfigField<Self>] = [
    .field(
      "doSubtractBackground", \.doSubtractBackground,
      doc: "find and measure sources on the difference less its own background, fitted in two passes"),
    .config("subtractInitialBackground", \.subtractInitialBackground, doc: "the first pass, to find what to leave out"),
    .config("subtractFinalBackground", \.subtractFinalBackground, doc: "the second pass"),
    .field("doFindCosmicRays", \.doFindCosmicRays, doc: "mark cosmic rays in the mask"),
    .config("cosmicray", \.cosmicray, doc: "how they are found"),
    .field("doMaskStreaks", \.doMaskStreaks, doc: "mark the trails of satellites and the like in the mask"),
    .config("maskStreaks", \.maskStreaks, doc: "how they are found"),
    .field("doFindGlints", \.doFindGlints, doc: "flag sources that lie on a line with others"),
    .config("findGlints", \.findGlints, doc: "how such lines are found"),
    .field(
      "doCalculateResidualMetics", \.doCalculateResidualMetics,
      doc: "how much of the kernel's stars is left in the difference, where those are given (the reference's spelling)"),
    .field(
      "raiseOnBadSubtractionRatio", \.raiseOnBadSubtractionRatio,
      doc: "fail, with the outputs there are, where too much of the kernel's stars is left"),
    .field(
      positive: "badSubtractionRatioThreshold", \.badSubtractionRatioThreshold, doc: "largest mean of what is left"),
    .field(
      positive: "badSubtractionVariationThreshold", \.badSubtractionVariationThreshold,
      doc: "largest scatter of what is left"),
    .field("raiseOnNoDiaSources", \.raiseOnNoDiaSources, doc: "fail, with the outputs there are, without a source"),
    .field(
      "maxFootprints", \.maxFootprints, in: 1...10_000_000,
      doc: "with more detections than this the difference is taken for bad: fail, with its detection planes as output"),
    .field(
      "cutoutSize", \.cutoutSize, in: 0...201,
      doc: "side of the pictures of each source in the catalog's file, pixels, odd; 0 for none"),
  ]

  package func validate() throws(ConfigProblem) {
    guard cutoutSize == 0 || cutoutSize % 2 == 1 else {
      throw ConfigProblem(path: "cutoutSize", reason: "it is \(cutoutSize); it must be odd, or 0")
    }
  }
}
