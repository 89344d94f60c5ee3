// SPDX-License-Identifier: GPL-3.0-or-later
// How a coadd is measured where the reference has its sources.

package import Catalogs
internal import Measurement
package import TaskFramework

/// How a coadd is measured where the reference has its sources; names and defaults as in LSST's ForcedPhotCoaddConfig (detection-measurement C.2).
///
/// The default of `footprintDatasetName` differs: there is no Scarlet here, and the band's own catalog has the deblended footprints.
package struct ForcedPhotCoaddConfig: ConfigWithResources {
  package var coaddName = "deep"
  package var references = MultiBandReferencesTask.makeField(
    "loads the reference for runDataRef; in a pipeline it is the connection refCat",
    alternatives: [CoaddSrcReferencesTask.self])
  package var measurement = ForcedMeasurementTask.makeField("measures the coadd")
  package var footprintDatasetName: FootprintDataset?
  package var doConserveFlux = true
  package var doStripFootprints = true
  package var doApCorr = true
  package var applyApCorr = ApplyApCorrTask.makeField(
    "corrects fluxes to those of a large aperture")
  package var doJointForced = false
  package var jointForced = JointForcedTask.makeField(
    "solves for the fluxes of neighbours together")
  package var resources = ResourceConfig()
  package var connections = ConnectionNames()

  package init() {
    // These fields were made above, of these types.
    try? measurement.update(ForcedMeasurementConfig.self) { config in
      config.copyColumns = ["id", "parent", "deblend_nChild", "coord_ra", "coord_dec"].map {
        "\($0):\($0)"
      }
      config.slots.shape = "base_TransformedShape"
      try? config.plugins.select(Self.plugins)
      try? config.plugins.update("base_PixelFlags", PixelFlagsConfig.self) {
        $0.masksFpAnywhere = MeasureMergedCoaddSourcesConfig.coaddMaskPlanes
        $0.masksFpCenter = MeasureMergedCoaddSourcesConfig.coaddMaskPlanes
      }
      try? config.undeblended.select(["base_PsfFlux"])
    }
    try? applyApCorr.update(ApplyApCorrConfig.self) {
      $0.proxies = ["joint_PsfFlux:base_PsfFlux", "undeblended_base_PsfFlux:base_PsfFlux"]
    }
  }

  private static let plugins = [
    "base_PixelFlags", "base_TransformedCentroid", "base_SdssCentroid", "base_TransformedShape",
    "base_SdssShape",
    "base_GaussianFlux", "base_CircularApertureFlux", "base_PsfFlux", "base_LocalBackground",
    "base_InputCount",
    "base_Variance",
  ]

  package static let fields: [ConfigField<Self>] = [
    .field(
      "coaddName", \.coaddName, doc: "the coadds that runDataRef measures", requirement: "a name",
      where: { !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } }),
    .subtask("references", \.references),
    .subtask("measurement", \.measurement),
    .field(
      "footprintDatasetName", \.footprintDatasetName,
      doc:
        "where the pixels of deblended sources come from: DeblendedFlux or DeblendedModel, which measureCoadd writes with doWriteDeblendedFlux "
        + "or doWriteDeblendedModel; null for the band's own catalog"),
    .field(
      "doConserveFlux", \.doConserveFlux,
      doc: "models share out the coadd's pixels; else a source has the pixels of its model"),
    .field(
      "doStripFootprints", \.doStripFootprints,
      doc: "the catalog is written without the footprints of deblended sources"),
    .field("doApCorr", \.doApCorr, doc: "correct fluxes where the coadd has aperture corrections"),
    .subtask("applyApCorr", \.applyApCorr),
    .field(
      "doJointForced", \.doJointForced, doc: "solve for the PSF fluxes of neighbours together, too"),
    .subtask("jointForced", \.jointForced),
    .config("resources", \.resources, doc: "what the task needs of a rank"),
    .connections("connections", \.connections),
  ]

  /// Children may be there while their parents are not when sources beyond the inner box are left out.
  package func validate() throws(ConfigProblem) {
    guard footprintDatasetName != nil,
      (references.value as? ReferencesConfig)?.removePatchOverlaps == true,
      (measurement.value as? ForcedMeasurementConfig)?.doReplaceWithNoise == true
    else { return }
    throw ConfigProblem(
      path: "references.removePatchOverlaps",
      reason:
        "with deblended footprints and noise in the place of neighbours it would leave children without parents"
    )
  }
}

/// A dataset that has the pixels of deblended sources.
package enum FootprintDataset: String, ConfigChoice {
  case deblendedFlux = "DeblendedFlux"
  case deblendedModel = "DeblendedModel"

  /// What the name of the dataset type ends with.
  package var suffix: String {
    switch self {
    case .deblendedFlux: "deblendedFlux"
    case .deblendedModel: "deblendedModel"
    }
  }

  /// A catalog of the dataset for what it is.
  package func footprintData(_ catalog: Catalog) -> FootprintData {
    switch self {
    case .deblendedFlux: .deblended(catalog)
    case .deblendedModel: .models(catalog)
    }
  }
}
