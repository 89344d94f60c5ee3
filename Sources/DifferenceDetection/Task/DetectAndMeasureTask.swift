// SPDX-License-Identifier: GPL-3.0-or-later
// From a difference to a catalog.

package import Catalogs
package import Imaging
internal import Measurement
internal import SkyGeometry
package import TaskFramework

/// Finds sources on a difference and measures them (detection-measurement A.4).
///
/// **Steps.** Detection of both polarities under the PSF as a matched filter; blends are separated; detections above and below zero that are near each other become one source;
/// IDs; sky sources; what lies on bad pixels goes; centroids, dipoles, all other measurements; what is flagged as bad goes; forced fluxes; metrics.
///
/// **Metadata.** `nUnmergedDiaSources`, `nMergedDiaSources`, `nSkySources` (also `n_skySources`), `nRejectedBadMaskPlanes`, `nRemovedBadFlaggedSources`, those of
/// ``calculateMetrics(_:)``, with kernel sources `residualFootprintRatioMean`, `residualFootprintRatioStdev`, `differenceFootprintSkyRatioMean` and
/// `differenceFootprintSkyRatioStdev`, with their options `cosmic_ray_count`, `nStreaks`, `nGlintTrails`; the subtasks' are their own.
package final class DetectAndMeasureTask: Task {
  package static let defaultName: String? = "detectAndMeasure"
  /// What the columns of the dipole fit begin with.
  package static let dipoleName = "ip_diffim_DipoleFit"

  package let node: TaskNode
  package let config: DetectAndMeasureConfig
  let detection: SourceDetectionTask
  let measurement: SingleFrameMeasurementTask
  let forcedMeasurement: ForcedMeasurementTask
  let applyApCorr: ApplyApCorrTask
  let skySources: SkySourcesTask
  let columns: DiaSourceColumns
  let badSourceFlags: [(name: String, key: Key<Bool>)]

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    detection = try node.makeSubtask("detection")
    measurement = try node.makeSubtask("measurement")
    forcedMeasurement = try node.makeSubtask("forcedMeasurement")
    applyApCorr = try node.makeSubtask("applyApCorr")
    skySources = try node.makeSubtask("skySources")
    columns = try DiaSourceColumns(config, measurement, applyApCorr)
    let schema = columns.schema
    try measurement.config.slots.check(schema)
    badSourceFlags = try config.badSourceFlags.map { name in
      guard let key = try? schema.key(name, as: Bool.self) else {
        throw DetectAndMeasureError.noSuchFlag(
          name, suggestion: nearestName(to: name, among: schema.names(withPrefix: "base_PixelFlags")))
      }
      return (name, key)
    }
  }

  package var schema: Schema { columns.schema }

  /// By the name of the catalog's dataset type, as the configuration's connections have it.
  package func schemaCatalogs() -> [String: Catalog] {
    let names = config.connections.values
    let type = names["diaSources"] ?? (names["coaddName"] ?? "goodSeeing") + "Diff_diaSrc"
    return [type: Catalog(columns.schema)]
  }

  /// Finds and measures the sources of a difference.
  ///
  /// - Parameters:
  ///   - science: that the template was subtracted from.
  ///   - matchedTemplate: that was subtracted.
  ///   - difference: with the PSF that its sources have.
  ///   - kernelSources: with footprints; what is left of them is measured.
  ///   - idFactory: gives the sources their IDs, once they are what the catalog will have.
  ///   - exposureID: where sky sources are, and what noise stands for sources, follow from it.
  /// - Returns: with a ``DetectAndMeasureResult/failure`` the outputs are those there are.
  /// - Throws: ``TaskFramework/NoWorkFound`` for a difference whose PSF is undefined; ``Measurement/DetectionError``,
  ///   ``Measurement/MeasurementError``, ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func run(
    science: Exposure, matchedTemplate: Exposure, difference: Exposure, kernelSources: Catalog? = nil,
    idFactory: IDFactory = IDFactory(), exposureID: Int64 = 0
  ) throws -> DetectAndMeasureResult {
    try timer("run") { () throws in
      var searched = difference
      try prepare(&searched)
      var result = DetectAndMeasureResult(subtractedMeasuredExposure: difference)
      if config.doSubtractBackground { result.differenceBackground = try subtractBackground(from: &searched) }
      if config.doFindCosmicRays, let failure = try markCosmicRays(on: &searched) {
        result.failure = failure
        return result
      }
      let found = try detection.detectFootprints(&searched)
      let inputs = DiaInputs(
        science: science, matchedTemplate: matchedTemplate, kernelSources: kernelSources, exposureID: exposureID,
        pixels: difference.maskedImage.image)
      return try process(found, on: searched, inputs, idFactory, result)
    }
  }

  /// What sources are measured with, beside the difference.
  struct DiaInputs {
    let science: Exposure
    let matchedTemplate: Exposure
    let kernelSources: Catalog?
    let exposureID: Int64
    /// Of the difference as it came.
    let pixels: Image<Float>
  }

  /// From footprints to the result.
  func process(
    _ found: DetectedFootprints, on difference: Exposure, _ inputs: DiaInputs, _ idFactory: IDFactory,
    _ partial: DetectAndMeasureResult
  ) throws -> DetectAndMeasureResult {
    var result = partial
    result.null = found.null.map { .init(mean: $0.mean, stdev: $0.stdev, count: $0.count) }
    let count = found.numPos + found.numNeg
    guard count <= config.maxFootprints else {
      try finish(&result, difference, inputs)
      result.failure = DetectAndMeasureError.tooManyFootprints(found: count, limit: config.maxFootprints)
      return result
    }
    let sources = try catalog(of: found, on: difference)
    let done = try processResults(
      science: inputs.science, matchedTemplate: inputs.matchedTemplate, difference: difference, sources: sources,
      idFactory: idFactory, kernelSources: inputs.kernelSources, exposureID: inputs.exposureID)
    (result.diaSources, result.droppedSources) = (done.diaSources, done.droppedSources)
    (result.maskedStreaks, result.glints, result.failure) = (done.maskedStreaks, done.glints, done.failure)
    try finish(&result, done.subtractedMeasuredExposure, inputs)
    if config.cutoutSize > 0, let sources = result.diaSources {
      result.cutouts = cutouts(of: sources, inputs, difference: inputs.pixels)
    }
    return result
  }

  /// The difference with its own pixels again, and the mask that detection made.
  private func finish(
    _ result: inout DetectAndMeasureResult, _ measured: Exposure, _ inputs: DiaInputs
  ) throws(ImagingError) {
    result.subtractedMeasuredExposure = measured
    guard result.differenceBackground != nil else { return }
    try result.subtractedMeasuredExposure.maskedImage.updateInPlace { image, _, _ in image = inputs.pixels }
  }

  private func cutouts(of sources: Catalog, _ inputs: DiaInputs, difference: Image<Float>) -> SourceCutouts {
    let slot = try? sources.schema.centroidSlot()
    let centers = (0..<sources.rowCount).map { row in
      slot.flatMap { sources[$0.position, row].pixel } ?? sources.footprint(row: row)?.peaks.first?.pixel
    }
    func cutouts(_ image: Image<Float>) -> Cutouts { Cutouts(of: image, at: centers, side: config.cutoutSize) }
    return SourceCutouts(
      science: cutouts(inputs.science.maskedImage.image), template: cutouts(inputs.matchedTemplate.maskedImage.image),
      difference: cutouts(difference))
  }
}
