// SPDX-License-Identifier: GPL-3.0-or-later
// Which measurements are done, and which of them stand for their kind.

internal import Catalogs
package import TaskFramework

/// The measurements that there are.
package enum MeasurementPlugins {
  package static let registry: ConfigRegistry = {
    var registry = ConfigRegistry()
    registry.register("base_PeakCentroid", PeakCentroidConfig.self, doc: "the position of the first peak")
    registry.register("base_SdssCentroid", SdssCentroidConfig.self, doc: "the maximum of the image smoothed by the PSF")
    registry.register("base_SdssShape", SdssShapeConfig.self, doc: "adaptive moments")
    registry.register("base_SkyCoord", SkyCoordConfig.self, doc: "the centroid on the sky, with its error")
    registry.register(
      "base_ClassificationSizeExtendedness", ClassificationSizeExtendednessConfig.self,
      doc: "how much larger a source is than the PSF")
    registry.register("base_GaussianFlux", GaussianFluxConfig.self, doc: "flux under a Gaussian of the source's shape")
    registry.register("base_PixelFlags", PixelFlagsConfig.self, doc: "which mask planes a source touches")
    registry.register("base_PsfFlux", PsfFluxConfig.self, doc: "flux of a fit of the PSF")
    return registry
  }()
}

/// Which measurement stands for its kind; `null` for none (detection-measurement D.4.3).
package struct SlotConfig: Config {
  package var centroid: String? = "base_SdssCentroid"
  package var shape: String? = "base_SdssShape"
  package var psfShape: String? = "base_SdssShape_psf"
  package var apFlux: String?
  package var psfFlux: String? = "base_PsfFlux"
  package var modelFlux: String? = "base_GaussianFlux"
  package var gaussianFlux: String? = "base_GaussianFlux"
  package var calibFlux: String?

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("centroid", \.centroid, doc: "positions that the other measurements are made at"),
    .field("shape", \.shape, doc: "second moments"),
    .field("psfShape", \.psfShape, doc: "second moments of the PSF at each source"),
    .field("apFlux", \.apFlux, doc: "aperture flux"),
    .field("psfFlux", \.psfFlux, doc: "PSF flux"),
    .field("modelFlux", \.modelFlux, doc: "flux of a model of the source's shape"),
    .field("gaussianFlux", \.gaussianFlux, doc: "flux under a Gaussian"),
    .field("calibFlux", \.calibFlux, doc: "flux that photometric calibration uses"),
  ]

  var all: [(slot: Slot, measurement: String?)] {
    [
      (.centroid, centroid), (.shape, shape), (.psfShape, psfShape), (.apFlux, apFlux), (.psfFlux, psfFlux),
      (.modelFlux, modelFlux), (.gaussianFlux, gaussianFlux), (.calibFlux, calibFlux),
    ]
  }
}

/// Which measurements are done.
package struct SingleFrameMeasurementConfig: Config {
  package var plugins = MeasurementPlugins.registry.makeField(
    "the measurements",
    default: [
      "base_SdssCentroid", "base_SdssShape", "base_SkyCoord", "base_ClassificationSizeExtendedness",
      "base_GaussianFlux",
      "base_PixelFlags", "base_PsfFlux",
    ])
  package var slots = SlotConfig()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .registry("plugins", \.plugins),
    .config("slots", \.slots, doc: "which measurement stands for its kind"),
  ]
}
