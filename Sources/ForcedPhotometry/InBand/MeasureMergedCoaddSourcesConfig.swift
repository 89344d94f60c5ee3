// SPDX-License-Identifier: GPL-3.0-or-later
// How the sources of a patch are measured in one band.

internal import Measurement
package import TaskFramework

/// How the merged sources of a patch are deblended and measured in one band; names as in LSST's MeasureMergedCoaddSourcesConfig.
package struct MeasureMergedCoaddSourcesConfig: Config {
  package var deblend = DeblendCoaddSourcesTask.makeField("separates the sources of a family")
  package var measurement = SingleFrameMeasurementTask.makeField("measures the sources")
  package var doApCorr = true
  package var applyApCorr = ApplyApCorrTask.makeField(
    "corrects fluxes to those of a large aperture")
  package var doWriteDeblendedFlux = false
  package var doWriteDeblendedModel = false
  package var connections = ConnectionNames()

  package init() {
    // The field was made above, of this type.
    try? measurement.update(SingleFrameMeasurementConfig.self) { config in
      config.doReplaceWithNoise = true
      config.slots.apFlux = "base_CircularApertureFlux_12_0"
      config.slots.calibFlux = "base_CircularApertureFlux_12_0"
      try? config.plugins.select(Self.plugins)
      try? config.plugins.update("base_PixelFlags", PixelFlagsConfig.self) {
        $0.masksFpAnywhere = Self.coaddMaskPlanes
        $0.masksFpCenter = Self.coaddMaskPlanes
      }
    }
  }

  /// Planes that only coadds have.
  package static let coaddMaskPlanes = ["CLIPPED", "SENSOR_EDGE", "REJECTED", "INEXACT_PSF"]

  private static let plugins = [
    "base_SdssCentroid", "base_SdssShape", "base_SkyCoord", "base_CircularApertureFlux",
    "base_ClassificationSizeExtendedness", "base_GaussianFlux", "base_InputCount",
    "base_LocalBackground",
    "base_PixelFlags", "base_PsfFlux", "base_Variance",
  ]

  package static let fields: [ConfigField<Self>] = [
    .subtask("deblend", \.deblend),
    .subtask("measurement", \.measurement),
    .field("doApCorr", \.doApCorr, doc: "correct fluxes where the coadd has aperture corrections"),
    .subtask("applyApCorr", \.applyApCorr),
    .field(
      "doWriteDeblendedFlux", \.doWriteDeblendedFlux,
      doc: "write the pixels of each deblended source as a catalog of their own, too"),
    .field(
      "doWriteDeblendedModel", \.doWriteDeblendedModel,
      doc: "write the deblender's model of each source as a catalog"),
    .connections("connections", \.connections),
  ]
}
