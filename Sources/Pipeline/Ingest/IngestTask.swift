// SPDX-License-Identifier: GPL-3.0-or-later
// Calibrated FITS images become exposures of a repository.

internal import Foundation
package import Imaging
package import Repository
internal import SingleFrame
internal import SkyGeometry
package import TaskFramework

/// What a person says of files, where their headers do not: the name of a keyword, or a value.
package struct IngestOptions: Hashable, Sendable {
  package var visit: String?
  package var detector: String?
  package var band: String?
  package var zeroPoint: String?
  package var psfFile: String?
  /// FWHM of a Gaussian PSF, pixels; there is no keyword that is looked for when it is not given.
  package var psfFwhm: String?

  package init() {}
}

/// Why a file cannot be ingested, and what to do about it.
package struct IngestError: Error, Hashable, Sendable, CustomStringConvertible {
  package let file: String
  package let reason: String

  package init(file: String, reason: String) {
    self.file = file
    self.reason = reason
  }

  package var category: String { "RuntimeError" }
  package var description: String { "\(file): \(reason)" }
}

/// An exposure that is ready for a repository.
package struct IngestedExposure: Sendable {
  package let visit: Int64
  package let detector: Int64
  package let band: String
  package let dataset: Dataset<Exposure>
  /// Further images of the file, which are not in the exposure.
  package let otherImages: [String]
}

/// Makes exposures of calibrated FITS images: mask, variance, PSF and calibrations from the file where it has them, else
/// from the header and the pixels.
package final class IngestTask: Task {
  package static let defaultName: String? = "ingest"

  package let node: TaskNode
  package let config: IngestConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Makes an exposure of a file.
  ///
  /// - Parameter index: the file's place among those of one command, for visits that are counted: `100..`.
  /// - Throws: ``Repository/FITSError``, ``IngestError``, ``Imaging/ImagingError``.
  package func run(_ path: String, _ options: IngestOptions = .init(), index: Int = 0) throws -> IngestedExposure {
    // One task ingests many files; each product has its own values.
    emptyMetadata()
    return try timer("run") {
      let fits = try FITSExposure(path)
      let keywords = HeaderValues(fits.header, file: path)
      let visit = try keywords.visit(options.visit, keyword: config.visitKeyword, index: index)
      let detector = try keywords.number(
        options.detector, keyword: config.detectorKeyword, what: "detector number", flag: "--detector")
      let (band, filter) = try keywords.band(options.band, keyword: config.bandKeyword)
      let zeroPoint = try keywords.zeroPoint(options.zeroPoint, keyword: config.zeroPointKeyword)
      var exposure = Exposure(try pixels(fits, keywords, path))
      exposure.wcs = fits.wcs
      exposure.psf = try psf(fits, options, keywords, path)
      do throws(ImagingError) {
        exposure.photoCalib = try PhotoCalib(zeroPoint: zeroPoint)
      } catch {
        throw IngestError(file: path, reason: "zero point \(zeroPoint): \(error)")
      }
      exposure.filter = FilterLabel(band: band, physicalFilter: filter)
      exposure.visitInfo = VisitInfo(fits.header, visit: visit, exposureTimeKeyword: config.exposureTimeKeyword)
      exposure.detector = Detector(
        id: Int(detector), name: fits.header.text("DETPOS") ?? "\(detector)", box: exposure.box,
        gain: keywords.positive(config.gainKeyword), readNoise: keywords.positive(config.readNoiseKeyword),
        saturation: keywords.positive(config.saturationKeyword))
      return IngestedExposure(
        visit: visit, detector: detector, band: band,
        dataset: Dataset(
          exposure, metadata: try productMetadata(fits.header), provenance: provenance(visit, detector, fits.digest)),
        otherImages: fits.otherImages)
    }
  }

  private func pixels(_ fits: FITSExposure, _ keywords: HeaderValues, _ path: String) throws -> MaskedImage {
    let pixels = try PlainPixels(fits, keywords, config, path)
    try metadata.set("nNoData", pixels.noDataCount)
    if let noise = pixels.noise {
      try? metadata.set("skyLevel", noise.level)
      try? metadata.set("skyVariance", noise.variance)
    }
    return pixels.maskedImage
  }

  private func psf(
    _ fits: FITSExposure, _ options: IngestOptions, _ keywords: HeaderValues, _ path: String
  ) throws -> (any PSF)? {
    let center = fits.image.box.center
    if let file = options.psfFile { return try PSFExModel(psfexFile: file) }
    do {
      if let given = options.psfFwhm {
        return try KernelPSF(gaussianFwhm: try keywords.psfFwhm(given), averagePosition: center)
      }
      return try fits.psf.map { try KernelPSF($0, averagePosition: center) }
    } catch let error as ImagingError {
      throw IngestError(file: path, reason: "its PSF: \(error)")
    }
  }

  private func productMetadata(_ header: FITSHeader) throws -> TaskMetadata {
    var metadata = fullValues()
    try metadata.put("fits", .node(header.metadata))
    return metadata
  }

  private func provenance(_ visit: Int64, _ detector: Int64, _ source: FileDigest) -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = InputRepository.exposureType
    provenance.dataID = "visit \(visit), detector \(detector)"
    provenance.task = fullName
    provenance.configYAML = ConfigText.yaml(fullName, config.tree)
    provenance.inputs = [.init(datasetType: "raw", dataID: provenance.dataID, digest: source)]
    return provenance
  }
}
