// SPDX-License-Identifier: GPL-3.0-or-later
// Which measurements are done, and which of them stand for their kind.

package import Catalogs
package import TaskFramework

/// The measurements that there are.
package enum MeasurementPlugins {
  package static let registry: ConfigRegistry = {
    var registry = ConfigRegistry()
    registry.register("base_NaiveCentroid", NaiveCentroidConfig.self, doc: "the centre of light of 3×3 pixels")
    registry.register("base_PeakCentroid", PeakCentroidConfig.self, doc: "the position of the first peak")
    registry.register(
      "base_TransformedCentroid", TransformedCentroidConfig.self,
      doc: "the position of a reference, for forced measurement")
    registry.register(
      "base_TransformedCentroidFromCoord", TransformedCentroidFromCoordConfig.self,
      doc: "the place of a reference's coordinates, for forced measurement")
    registry.register("base_SdssCentroid", SdssCentroidConfig.self, doc: "the maximum of the image smoothed by the PSF")
    registry.register("base_SdssShape", SdssShapeConfig.self, doc: "adaptive moments")
    registry.register(
      "base_TransformedShape", TransformedShapeConfig.self, doc: "the shape of a reference, for forced measurement")
    registry.register("base_SkyCoord", SkyCoordConfig.self, doc: "the centroid on the sky, with its error")
    registry.register(
      "base_CircularApertureFlux", CircularApertureFluxConfig.self, doc: "fluxes in circles of fixed radii")
    registry.register(
      "base_ClassificationExtendedness", ClassificationExtendednessConfig.self,
      doc: "whether a source has more light than a star of its PSF flux")
    registry.register(
      "base_ClassificationSizeExtendedness", ClassificationSizeExtendednessConfig.self,
      doc: "how much larger a source is than the PSF")
    registry.register("base_GaussianFlux", GaussianFluxConfig.self, doc: "flux under a Gaussian of the source's shape")
    registry.register(
      "base_InputCount", InputCountConfig.self, doc: "how many images a coadd is made of at a source")
    registry.register(
      "base_LocalBackground", LocalBackgroundFluxConfig.self, doc: "the level of the pixels in a ring about a source")
    registry.register(
      "base_LocalPhotoCalib", LocalPhotoCalibConfig.self, doc: "the photometric calibration at a source")
    registry.register("base_LocalWcs", LocalWcsConfig.self, doc: "the scale of the WCS at a source")
    registry.register(
      "base_PeakLikelihoodFlux", PeakLikelihoodFluxConfig.self, doc: "flux from the value of a matched-filtered image")
    registry.register("base_PixelFlags", PixelFlagsConfig.self, doc: "which mask planes a source touches")
    registry.register("base_PsfFlux", PsfFluxConfig.self, doc: "flux of a fit of the PSF")
    registry.register("base_Variance", VarianceConfig.self, doc: "the variance of the pixels about a source")
    registry.register(
      "ext_shapeHSM_HsmPsfMoments", HsmPsfMomentsConfig.self, doc: "moments of the PSF under a weight that follows it")
    registry.register(
      "ext_shapeHSM_HsmSourceMoments", HsmSourceMomentsConfig.self,
      doc: "moments under a weight that follows the source")
    registry.register(
      "ext_trailedSources_Naive", TrailedSourceConfig.self, doc: "length, angle, ends and flux of a trail")
    registry.register(
      "ip_diffim_ClassificationDipole", ClassificationDipoleConfig.self,
      doc: "whether a source is a dipole, from its lobes")
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

  /// Whether each slot stands for a measurement whose columns a schema has.
  ///
  /// - Throws: ``Catalogs/CatalogError/invalidSchema(_:)``.
  package func check(_ schema: Schema) throws(CatalogError) {
    for (slot, name) in all {
      guard let name, schema.names(withPrefix: name + "_").isEmpty else { continue }
      throw .invalidSchema("\(slot.rawValue) is \(name), which no measurement makes")
    }
  }

  package var all: [(slot: Slot, measurement: String?)] {
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
  package var doReplaceWithNoise = false
  package var noiseReplacer = NoiseReplacerConfig()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .registry("plugins", \.plugins),
    .config("slots", \.slots, doc: "which measurement stands for its kind"),
    .field("doReplaceWithNoise", \.doReplaceWithNoise, doc: "other sources are noise while one is measured"),
    .config("noiseReplacer", \.noiseReplacer, doc: "that noise"),
  ]
}
