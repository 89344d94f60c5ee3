// SPDX-License-Identifier: GPL-3.0-or-later
// From a score image and a difference to a catalog.

package import Catalogs
package import Imaging
package import Measurement
package import SkyGeometry
package import TaskFramework

/// Finds sources on a score image, and measures them on the difference (detection-measurement A.4.2).
///
/// A score image is the difference under its PSF as a matched filter, with the variance of what came of it, so that a pixel over the root of its variance is the
/// significance of a source there: nothing is smoothed again. All else is ``DetectAndMeasureTask``'s.
package final class DetectAndMeasureScoreTask: Task {
  package static let defaultName: String? = "detectAndMeasureScore"
  package let node: TaskNode
  package let config: DetectAndMeasureConfig
  private let steps: DetectAndMeasureTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    steps = try DetectAndMeasureTask(node)
  }

  package var schema: Schema { steps.schema }
  package func schemaCatalogs() -> [String: Catalog] { steps.schemaCatalogs() }

  /// Finds sources on a score image, and measures them on the difference.
  ///
  /// - Parameters:
  ///   - scoreExposure: over the difference's box, with the PSF of the difference.
  ///   - science, matchedTemplate, difference, kernelSources, idFactory, exposureID: as for ``DetectAndMeasureTask``.
  /// - Throws: as ``DetectAndMeasureTask/run(science:matchedTemplate:difference:kernelSources:idFactory:exposureID:)``;
  ///   ``Imaging/ImagingError/sizeMismatch(what:found:expected:)`` for a score of another box.
  package func run(
    science: Exposure, matchedTemplate: Exposure, difference: Exposure, scoreExposure: Exposure,
    kernelSources: Catalog? = nil, idFactory: IDFactory = IDFactory(), exposureID: Int64 = 0
  ) throws -> DetectAndMeasureResult {
    guard scoreExposure.box == difference.box else {
      throw ImagingError.sizeMismatch(
        what: "the score's box", found: "\(scoreExposure.box)", expected: "\(difference.box)")
    }
    return try timer("run") { () throws in
      var (searched, measured) = (scoreExposure, difference)
      try steps.prepare(&searched)
      try steps.prepare(&measured)
      var result = DetectAndMeasureResult(subtractedMeasuredExposure: difference)
      if config.doSubtractBackground {
        result.differenceBackground = try steps.subtractBackground(from: &measured, and: &searched)
      }
      if config.doFindCosmicRays, let failure = try steps.markCosmicRays(on: &measured) {
        result.failure = failure
        return result
      }
      let rays = measured.maskedImage.mask
      try searched.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
        let same = try rays.conformed(to: mask.planes)
        mask.unite(same.bits, pattern: same.planes.bitMask(ofExisting: ["CR"]))
      }
      let found = try steps.detection.detectFootprints(&searched, doSmooth: false)
      try measured.maskedImage.copyDetections(from: searched.maskedImage.mask)
      let inputs = DetectAndMeasureTask.DiaInputs(
        science: science, matchedTemplate: matchedTemplate, kernelSources: kernelSources, exposureID: exposureID,
        pixels: difference.maskedImage.image)
      return try steps.process(found, on: measured, inputs, idFactory, result)
    }
  }

  /// As ``DetectAndMeasureTask/processResults(science:matchedTemplate:difference:sources:idFactory:positiveFootprints:negativeFootprints:kernelSources:exposureID:)``.
  package func processResults(
    science: Exposure, matchedTemplate: Exposure, difference: Exposure, sources: Catalog,
    idFactory: IDFactory = IDFactory(), positiveFootprints: FootprintSet? = nil,
    negativeFootprints: FootprintSet? = nil, kernelSources: Catalog? = nil, exposureID: Int64 = 0
  ) throws -> DetectAndMeasureResult {
    try steps.processResults(
      science: science, matchedTemplate: matchedTemplate, difference: difference, sources: sources,
      idFactory: idFactory, positiveFootprints: positiveFootprints, negativeFootprints: negativeFootprints,
      kernelSources: kernelSources, exposureID: exposureID)
  }

  /// As ``DetectAndMeasureTask/addSkySources(_:mask:seed:idFactory:)``.
  package func addSkySources(
    _ diaSources: inout Catalog, mask: Mask, seed: Int64, idFactory: inout IDFactory
  ) throws { try steps.addSkySources(&diaSources, mask: mask, seed: seed, idFactory: &idFactory) }

  /// As ``DetectAndMeasureTask/measureDiaSources(_:science:difference:matchedTemplate:exposureID:)``.
  package func measureDiaSources(
    _ diaSources: inout Catalog, science: Exposure, difference: Exposure, matchedTemplate: Exposure,
    exposureID: Int64 = 0
  ) throws {
    try steps.measureDiaSources(
      &diaSources, science: science, difference: difference, matchedTemplate: matchedTemplate, exposureID: exposureID)
  }

  /// As ``DetectAndMeasureTask/measureForcedSources(_:science:wcs:template:exposureID:)``.
  package func measureForcedSources(
    _ diaSources: inout Catalog, science: Exposure, wcs: SkyWCS?, template: Bool = false, exposureID: Int64 = 0
  ) throws {
    try steps.measureForcedSources(
      &diaSources, science: science, wcs: wcs, template: template, exposureID: exposureID)
  }

  /// As ``DetectAndMeasureTask/calculateMetrics(_:)``.
  package func calculateMetrics(_ difference: Exposure) throws { try steps.calculateMetrics(difference) }
}
