// SPDX-License-Identifier: GPL-3.0-or-later
// The exposure that forced photometry is done on.

internal import Imaging
internal import OrderedCollections
internal import Repository
internal import SingleFrame
internal import TaskFramework

/// The exposure that forced photometry is done on, from a file: as it is, and as it is measured.
struct FileForcedExposure {
  let digest: FileDigest
  private(set) var exposure: Exposure
  /// Whether its sky stays: as a person says, or because there is none.
  let keepsSky: Bool

  /// - Throws: ``IngestError`` for a file that fluxes cannot be measured on, and what reading throws.
  init(_ request: FileForcedPhotometry.Request, _ reader: ExposureReader) throws {
    let given = try reader.read(request.exposure, makesVariance: false)
    guard !Self.isScore(given) else {
      throw IngestError(
        file: request.exposure, reason: "it is a score image; fluxes are measured on the difference that it is of")
    }
    digest = given.digest
    exposure = given.exposure
    keepsSky = request.keepsSky || Self.isWithoutSky(given)
    if let psf = request.psf { exposure.psf = try psf.psf(over: exposure.box) }
    if let zeroPoint = request.zeroPoint { exposure.photoCalib = try PhotoCalib(zeroPoint: zeroPoint) }
  }

  private static func isScore(_ given: ExposureReader.Reading) -> Bool {
    (try? given.metadata.boolean("subtraction.isScore")) == true
      || given.provenance.datasetType.hasSuffix("Diff_scoreTempExp")
  }

  /// Differences, templates that are matched to an image without sky, and coadds whose sources were found.
  private static func isWithoutSky(_ given: ExposureReader.Reading) -> Bool {
    let type = given.provenance.datasetType
    return given.metadata.nodes.keys.contains("subtraction") || type.contains("Diff_")
      || type.hasSuffix("Coadd_calexp")
  }

  /// The exposure as it is measured: without sky, with variance and PSF.
  ///
  /// - Parameter metadata: gets what the sky is.
  /// - Throws: what characterisation throws.
  func prepared(_ characterization: CharacterizeImageTask, _ metadata: inout TaskMetadata) throws -> Exposure {
    let hasVariance = exposure.maskedImage.variance.pixels.contains { $0 > 0 && $0.isFinite }
    guard exposure.psf != nil, hasVariance else {
      return try characterization.run(exposure, keepSky: keepsSky).exposure
    }
    guard !keepsSky else { return exposure }
    // What has the rest needs no stars, however small it is.
    let sky = try SkyModel(of: exposure.maskedImage, characterization.config.background)
    try metadata.set("sky.level", sky.level)
    try metadata.set("sky.scatter", sky.scatter)
    var result = exposure
    try result.maskedImage.add(sky.image, times: -1)
    return result
  }
}
