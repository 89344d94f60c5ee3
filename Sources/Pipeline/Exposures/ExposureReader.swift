// SPDX-License-Identifier: GPL-3.0-or-later
// Exposures from files of either kind.

package import Imaging
package import Repository
internal import SkyGeometry
package import TaskFramework

/// Reads an exposure from a FITS file or from one of ours; the content says which it is.
///
/// What a FITS file lacks is made as ingestion makes it (mask, variance); of its calibrations it takes those that the header has, and
/// needs none.
package struct ExposureReader: Sendable {
  /// An exposure and the file that it is from.
  package struct Reading: Sendable {
    package let exposure: Exposure
    package let digest: FileDigest
    /// What a file of ours says of itself; empty for FITS.
    package let metadata: TaskMetadata
    /// What it was made of; empty for FITS.
    package let provenance: Provenance

    init(
      exposure: Exposure, digest: FileDigest, metadata: TaskMetadata = TaskMetadata(),
      provenance: Provenance = Provenance()
    ) {
      self.exposure = exposure
      self.digest = digest
      self.metadata = metadata
      self.provenance = provenance
    }
  }

  private let config: IngestConfig

  package init(_ config: IngestConfig = .init()) { self.config = config }

  /// - Throws: ``Repository/ReadError``, ``Repository/FITSError``, ``Repository/FormatError``, ``IngestError``,
  ///   ``Imaging/ImagingError``, and what else an HDF5 file throws.
  ///
  /// - Parameter makesVariance: false leaves a variance that the file lacks at 0, for those who make it themselves.
  package func read(_ path: String, makesVariance: Bool = true) throws -> Reading {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    guard try readBeginning(of: path, count: signature.count) == signature else { return try fits(path, makesVariance) }
    let bytes = try readFile(path)
    let dataset = try Dataset<Exposure>(decoding: bytes, name: path)
    return Reading(
      exposure: dataset.content, digest: FileDigest(of: bytes), metadata: dataset.metadata,
      provenance: dataset.provenance)
  }

  private func fits(_ path: String, _ makesVariance: Bool) throws -> Reading {
    let fits = try FITSExposure(path)
    let keywords = HeaderValues(fits.header, file: path)
    var exposure = Exposure(try PlainPixels(fits, keywords, config, path, makesVariance: makesVariance).maskedImage)
    exposure.wcs = fits.wcs
    let (gain, readNoise) = (keywords.positive(config.gainKeyword), keywords.positive(config.readNoiseKeyword))
    let saturation = keywords.positive(config.saturationKeyword)
    if gain != nil || readNoise != nil || saturation != nil {
      exposure.detector = Detector(
        id: fits.header.integer(config.detectorKeyword).flatMap { Int(exactly: $0) } ?? 0,
        name: fits.header.text("DETPOS") ?? "", box: exposure.box, gain: gain, readNoise: readNoise,
        saturation: saturation)
    }
    do {
      exposure.psf = try fits.psf.map { try KernelPSF($0, averagePosition: fits.image.box.center) }
    } catch {
      throw IngestError(file: path, reason: "its PSF: \(error)")
    }
    if let zeroPoint = try? keywords.zeroPoint(nil, keyword: config.zeroPointKeyword) {
      exposure.photoCalib = try? PhotoCalib(zeroPoint: zeroPoint)
    }
    if let (band, filter) = try? keywords.band(nil, keyword: config.bandKeyword) {
      exposure.filter = FilterLabel(band: band, physicalFilter: filter)
    }
    let visit = try? keywords.visit(nil, keyword: config.visitKeyword, index: 0)
    let visitInfo = VisitInfo(fits.header, visit: visit, exposureTimeKeyword: config.exposureTimeKeyword)
    // A time is worth having also where nobody numbered the visit.
    if visit != nil || visitInfo.mjdTAI != nil { exposure.visitInfo = visitInfo }
    return Reading(exposure: exposure, digest: fits.digest)
  }
}
