// SPDX-License-Identifier: GPL-3.0-or-later
// Files become the datasets of a repository.

package import Catalogs
internal import Foundation
internal import Imaging
package import Repository
package import TaskFramework

/// What became of the files of an ingestion.
package struct IngestionSummary: Sendable {
  package var added: [String] = []
  /// Files whose content was there already.
  package var unchanged: [String] = []
  /// What is worth knowing of files that were added.
  package var warnings: [String] = []
  /// Files that were left out, and why.
  package var failures: [any Error] = []
  package var repositoryIsNew = false
}

/// Puts files into a repository, and makes that when there is none.
///
/// A file that cannot be used is left out and reported; all others are there afterwards. The record of what is there is written once,
/// at the end: interrupted before it, an ingestion leaves the repository as it was.
package struct Ingestion {
  private let task: IngestTask
  private let files: AtomicFile
  /// Whether an exposure may take the place of another one of its visit and detector.
  private let replaces: Bool

  package init(_ task: IngestTask, replaces: Bool = false, files: AtomicFile = AtomicFile()) {
    self.task = task
    self.replaces = replaces
    self.files = files
  }

  /// Ingests exposures.
  ///
  /// - Throws: when the repository cannot be opened or written; what is wrong with a file is in the summary.
  package func ingest(
    exposures paths: [String], into repositoryPath: String, _ options: IngestOptions = .init()
  ) throws -> IngestionSummary {
    var summary = IngestionSummary()
    var open: (repository: InputRepository, lock: FolderLock)?
    if FileManager.default.fileExists(atPath: repositoryPath) { open = try openRepository(repositoryPath, &summary) }
    var sources: [DataID: String] = [:]
    var instrument: String?
    var fatal: PublishError?
    for (index, path) in paths.enumerated() {
      let exposure: IngestedExposure
      do {
        exposure = try task.run(path, options, index: index)
        let id = try DataID([.visit: .number(exposure.visit), .detector: .number(exposure.detector)])
        if let first = sources[id] { throw IngestError(file: path, reason: "it is \(id), as is \(first)") }
        sources[id] = path
      } catch {
        summary.failures.append(error)
        continue
      }
      // The folder of a new repository is made for the first image that can be used.
      var (repository, lock) = try open ?? openRepository(repositoryPath, &summary)
      do {
        try add(exposure, path, to: &repository, &summary)
        instrument = instrument ?? exposure.dataset.content.visitInfo?.instrument
        summary.warnings += warnings(of: exposure, path, repository, isNew: summary.repositoryIsNew)
      } catch let error as PublishError {
        if case .cannotCreate = error {
          summary.failures.append(error)
        } else {
          // The disk is full or gone: nothing that follows would fare better, but what is there should count.
          fatal = error
        }
      } catch {
        summary.failures.append(error)
      }
      open = (repository, lock)
      if fatal != nil { break }
    }
    guard let open else { return summary }
    var repository = open.repository
    if !summary.added.isEmpty {
      do {
        if summary.repositoryIsNew {
          try repository.establish(RepositoryConfig(for: repository.visits.records, instrument))
        }
        try repository.commit()
      } catch {
        throw fatal ?? error
      }
    }
    if let fatal { throw fatal }
    withExtendedLifetime(open.lock) {}
    return summary
  }

  /// The repository, for this process alone; one that is yet to be when there is none.
  private func openRepository(
    _ path: String, _ summary: inout IngestionSummary
  ) throws -> (repository: InputRepository, lock: FolderLock) {
    let lock = try FolderLock(path, makesFolder: true, patience: .seconds(60))
    guard InputRepository.exists(path) else {
      guard !FileManager.default.fileExists(atPath: path + "/visits.h5") else {
        throw RepositoryError.invalid(
          path: path, reason: "has a visits.h5, but its repository.yaml is missing; put it back")
      }
      summary.repositoryIsNew = true
      return (InputRepository(new: path, files: files), lock)
    }
    let repository = try InputRepository(path, files: files)
    if repository.visits.count == 0,
      FileManager.default.fileExists(atPath: path + "/" + InputRepository.exposureType)
    {
      summary.warnings.append(
        "\(path): there are exposures that visits.h5 does not name, so they do not count; ingest their images again")
    }
    return (repository, lock)
  }

  private func warnings(
    of exposure: IngestedExposure, _ path: String, _ repository: InputRepository, isNew: Bool
  ) -> [String] {
    var warnings: [String] = []
    if !exposure.otherImages.isEmpty {
      let names = exposure.otherImages.joined(separator: ", ")
      warnings.append("\(path): of its images the first was taken; \(names) were not")
    }
    if !isNew, !repository.settings.instrument.bands.contains(exposure.band) {
      warnings.append(
        "\(path): band \(exposure.band) is not among the bands of \(repository.path)/repository.yaml; add it there")
    }
    if exposure.dataset.content.wcs == nil {
      warnings.append("\(path): has no WCS: it is in the repository, but on no tract")
    }
    return warnings
  }

  private func add(
    _ ingested: IngestedExposure, _ path: String, to repository: inout InputRepository,
    _ summary: inout IngestionSummary
  ) throws {
    // A number that does not fit into an ID must not get into the repository.
    do throws(CatalogError) {
      _ = try repository.settings.instrument.packer().pack(visit: ingested.visit, detector: ingested.detector)
    } catch {
      throw IngestError(
        file: path,
        reason:
          "\(error); \(repository.path)/repository.yaml says how many: instrument: { largestVisit, largestDetector }")
    }
    let id = try DataID([.visit: .number(ingested.visit), .detector: .number(ingested.detector)])
    let reference = DatasetRef(InputRepository.exposureType, id)
    if let present = repository.visits[visit: ingested.visit, detector: ingested.detector] {
      if present.digest == FileDigest(of: try ingested.dataset.encode(path)) {
        if (try? readFile(repository.path(of: reference), expecting: present.digest)) != nil {
          summary.unchanged.append(path)
          return
        }
        summary.warnings.append("\(path): its exposure in the repository was damaged or missing and is written again")
      } else if !replaces {
        throw IngestError(
          file: path,
          reason:
            "the repository has another exposure of visit \(ingested.visit), detector \(ingested.detector); --replace puts this one in its place"
        )
      } else {
        repository.forget(reference)
        try repository.commit()
      }
    }
    try repository.add(ingested.dataset, visit: ingested.visit, detector: ingested.detector, band: ingested.band)
    summary.added.append(path)
  }

  /// Ingests a catalog: a FITS table, comma-separated text, or a catalog in HDF5.
  ///
  /// - Throws: what reading and writing throw.
  package func ingest(
    catalog path: String, as datasetType: String, _ dataID: DataID, into repositoryPath: String
  ) throws -> IngestionSummary {
    guard Field.isName(datasetType) else {
      throw IngestError(file: path, reason: "\"\(datasetType)\" is no name of a dataset type: letters, digits and _")
    }
    guard datasetType != InputRepository.exposureType else {
      throw IngestError(file: path, reason: "\(datasetType) is the type of exposures, which a catalog is not")
    }
    guard InputRepository.exists(repositoryPath) else { throw RepositoryError.notARepository(path: repositoryPath) }
    let catalog = try Self.readCatalog(path)
    let lock = try FolderLock(repositoryPath, patience: .seconds(60))
    var repository = try InputRepository(repositoryPath, files: files)
    let reference = DatasetRef(datasetType, dataID)
    var provenance = Provenance()
    provenance.datasetType = datasetType
    provenance.dataID = dataID.description
    provenance.task = task.fullName
    let dataset = Dataset(catalog, provenance: provenance)
    var summary = IngestionSummary()
    if let present = repository.digest(of: reference) {
      if present == FileDigest(of: try dataset.encode(path)) {
        if (try? readFile(repository.path(of: reference), expecting: present)) != nil {
          summary.unchanged.append(path)
          return summary
        }
        summary.warnings.append("\(path): its dataset in the repository was damaged or missing and is written again")
      } else if !replaces {
        throw IngestError(
          file: path, reason: "the repository has another \(reference); --replace puts this one in its place")
      } else {
        repository.forget(reference)
        try repository.commit()
      }
    }
    try repository.add(dataset, reference)
    try repository.commit()
    withExtendedLifetime(lock) {}
    summary.added.append(path)
    return summary
  }

  /// A catalog from any file that has one.
  ///
  /// - Throws: ``Repository/FITSError``, ``Repository/CSVError``, and what reading HDF5 throws.
  package static func readCatalog(_ path: String) throws -> Catalog {
    let lowered = path.lowercased()
    if lowered.hasSuffix(".csv") || lowered.hasSuffix(".ecsv") || lowered.hasSuffix(".txt") {
      return try Catalog(csvFile: path)
    }
    if lowered.hasSuffix(".h5") || lowered.hasSuffix(".hdf5") {
      return try Catalog(hdf5File: path)
    }
    return try Catalog(fitsFile: path)
  }
}
