// SPDX-License-Identifier: GPL-3.0-or-later
// The repository that a campaign reads.

internal import Catalogs
internal import Foundation
package import HDF5
package import Imaging
package import TaskFramework

/// What is wrong with a repository as a whole.
package enum RepositoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no `repository.yaml`.
  case notARepository(path: String)
  case missingDataset(DatasetRef, path: String)
  case invalid(path: String, reason: String)

  package var description: String {
    switch self {
    case .notARepository(let path): "\(path): is no repository: it has no repository.yaml (`skydiff ingest` makes one)"
    case .missingDataset(let reference, let path): "\(path): there is no \(reference) in this repository"
    case .invalid(let path, let reason): "\(path): \(reason)"
    }
  }
}

/// A folder of datasets that campaigns read: `repository.yaml`, `visits.h5`, and one folder a dataset type.
///
/// `visits.h5` is the record of what is there: one row an exposure, and a manifest of all other files. A file that it does
/// not name was left by an ingestion that did not end, and is not there.
package struct InputRepository: Sendable {
  /// The dataset type of calibrated exposures.
  package static let exposureType = "calexp"

  package let path: String
  package private(set) var config: LoadedConfig
  /// `applyOverrides` of `repository.yaml`: by task's label.
  package private(set) var overrides: ConfigValue
  package private(set) var visits: VisitTable
  /// Datasets beside the exposures: source catalogs, ephemerides.
  package private(set) var manifest: Manifest
  private let files: AtomicFile

  package var settings: RepositoryConfig { config.config as? RepositoryConfig ?? RepositoryConfig() }

  private var visitsPath: String { path + "/visits.h5" }
  private static func yamlPath(_ path: String) -> String { path + "/repository.yaml" }

  package static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: yamlPath(path)) }

  /// Opens a repository.
  ///
  /// - Throws: ``RepositoryError``, ``TaskFramework/ConfigError``, and what reading `visits.h5` throws.
  package init(_ path: String, files: AtomicFile = AtomicFile()) throws {
    try self.init(describing: path, files: files)
    let visitsPath = path + "/visits.h5"
    if FileManager.default.fileExists(atPath: visitsPath) {
      let index = try Dataset<RepositoryIndex>(decoding: try readFile(visitsPath), name: visitsPath).content
      (visits, manifest) = (index.visits, index.manifest)
    }
  }

  /// Opens a repository for what `repository.yaml` says of it alone: it seems to hold nothing.
  ///
  /// - Throws: ``RepositoryError``, ``TaskFramework/ConfigError``.
  package init(describing path: String, files: AtomicFile = AtomicFile()) throws {
    guard Self.exists(path) else { throw RepositoryError.notARepository(path: path) }
    self.path = path
    self.files = files
    (config, overrides) = try Self.readConfig(Self.yamlPath(path))
    (visits, manifest) = (VisitTable(), Manifest())
  }

  private static func readConfig(_ path: String) throws(ConfigError) -> (LoadedConfig, ConfigValue) {
    let value: ConfigValue
    do throws(YAMLError) {
      value = try YAMLText.parse(try ConfigSet.text(ofFile: path))
    } catch {
      throw ConfigError(origin: .file(path, line: error.line), path: "", reason: error.reason)
    }
    var config = LoadedConfig("repository", RepositoryConfig())
    var overrides = ConfigValue.null
    var own = value
    if case .mapping(let entries) = value {
      own = .mapping(entries.filter { $0.key != "applyOverrides" })
      overrides = entries.first { $0.key == "applyOverrides" }?.value ?? .null
    }
    try config.apply(own, from: .file(path, line: nil))
    try config.freeze()
    return (config, overrides)
  }

  /// A repository that is yet to be: datasets can be added, and ``establish(_:)`` makes it one.
  package init(new path: String, files: AtomicFile = AtomicFile()) {
    self.path = path
    self.files = files
    config = LoadedConfig("repository", RepositoryConfig())
    overrides = .null
    (visits, manifest) = (VisitTable(), Manifest())
  }

  /// Makes a repository in a folder that may exist, but not as one.
  ///
  /// - Throws: ``RepositoryError``, ``PublishError``, ``TaskFramework/ConfigError``.
  package static func create(
    _ path: String, _ config: RepositoryConfig, files: AtomicFile = AtomicFile()
  ) throws -> InputRepository {
    var repository = InputRepository(new: path, files: files)
    try repository.establish(config)
    return repository
  }

  /// Writes `repository.yaml`.
  ///
  /// - Throws: ``RepositoryError``, ``PublishError``, ``TaskFramework/ConfigError``.
  package mutating func establish(_ config: RepositoryConfig) throws {
    guard !Self.exists(path) else { throw RepositoryError.invalid(path: path, reason: "is a repository already") }
    var text =
      "# What this repository holds. Change what you like before the first campaign, instrument and sky map not after it.\n"
    for (name, doc, tree) in config.members { text += ConfigText.yaml(name, tree, doc: doc) }
    text += "# Configurations of tasks for this instrument, under those of a job: { subtractImages: { mode: auto } }\n"
    text += "applyOverrides: {}\n"
    let file = Self.yamlPath(path)
    try files.publish(Array(text.utf8), to: file)
    (self.config, overrides) = try Self.readConfig(file)
  }

  /// Where a dataset's file is, whether it exists or not.
  package func path(of reference: DatasetRef) -> String { path + "/" + reference.relativePath }

  /// What is recorded of a dataset's file; `nil` when there is none.
  package func digest(of reference: DatasetRef) -> FileDigest? {
    if reference.datasetType == Self.exposureType, let visit = reference.dataID.number(.visit),
      let detector = reference.dataID.number(.detector)
    {
      return visits[visit: visit, detector: detector]?.digest
    }
    return manifest[reference.relativePath]
  }

  /// Reads a dataset; its file is compared with what is recorded before anything looks into it.
  ///
  /// - Throws: ``RepositoryError/missingDataset(_:path:)``, ``ReadError``, and what decoding throws.
  package func read<Content: DatasetContent>(_ reference: DatasetRef, as _: Content.Type = Content.self) throws
    -> Dataset<Content>
  {
    guard let digest = digest(of: reference) else {
      throw RepositoryError.missingDataset(reference, path: path)
    }
    let file = path(of: reference)
    return try Dataset(decoding: try readFile(file, expecting: digest), name: file)
  }

  /// Writes an exposure and enters it among the visits, replacing one of the same visit and detector.
  ///
  /// It counts only once ``commit()`` has written the record.
  ///
  /// - Throws: what encoding throws, ``PublishError``, ``TaskFramework/DataIDError``.
  package mutating func add(_ dataset: Dataset<Exposure>, visit: Int64, detector: Int64, band: String) throws {
    let reference = DatasetRef(
      Self.exposureType, try DataID([.visit: .number(visit), .detector: .number(detector)]))
    let file = path(of: reference)
    let digest = try files.publish(try dataset.encode(file), to: file)
    visits.insert(VisitRecord(visit: visit, detector: detector, band: band, dataset.content, digest: digest))
  }

  /// Enters an exposure among the visits without a file: planning reads only the record.
  package mutating func addRecord(_ exposure: Exposure, visit: Int64, detector: Int64, band: String) {
    let digest = FileDigest(size: 0, sha256: String(repeating: "0", count: 64))
    visits.insert(VisitRecord(visit: visit, detector: detector, band: band, exposure, digest: digest))
  }

  /// Writes another dataset and enters it into the manifest; it counts only once ``commit()`` has written the record.
  ///
  /// - Throws: what encoding throws, ``PublishError``.
  package mutating func add<Content: DatasetContent>(_ dataset: Dataset<Content>, _ reference: DatasetRef) throws {
    let file = path(of: reference)
    manifest[reference.relativePath] = try files.publish(try dataset.encode(file), to: file)
  }

  /// Takes a dataset out of the record; its file stays until another takes its place.
  ///
  /// Committed before a dataset is replaced, so that there is never a record of what is no longer there.
  package mutating func forget(_ reference: DatasetRef) {
    if reference.datasetType == Self.exposureType, let visit = reference.dataID.number(.visit),
      let detector = reference.dataID.number(.detector)
    {
      visits.remove(visit: visit, detector: detector)
    } else {
      manifest[reference.relativePath] = nil
    }
  }

  /// Writes the record of what is there.
  ///
  /// - Throws: what encoding throws, ``PublishError``.
  package func commit() throws {
    let index = Dataset(RepositoryIndex(visits: visits, manifest: manifest))
    try files.publish(try index.encode(visitsPath), to: visitsPath)
  }
}

/// The content of `visits.h5`.
package struct RepositoryIndex: DatasetContent {
  package static let formatName = "skydiff repository index"
  package static let formatVersion = 1

  package let visits: VisitTable
  package let manifest: Manifest

  package init(visits: VisitTable, manifest: Manifest) {
    self.visits = visits
    self.manifest = manifest
  }

  package func write(to root: HDF5Group) throws {
    try visits.catalog().writeTable(to: root, "visits")
    try manifest.catalog().writeTable(to: root, "manifest")
  }

  package static func read(from root: HDF5Group) throws -> RepositoryIndex {
    do {
      return RepositoryIndex(
        visits: try VisitTable(try Catalog(reading: "visits", in: root)),
        manifest: try Manifest(try Catalog(reading: "manifest", in: root)))
    } catch let error as CatalogError {
      throw FormatError(file: root.file, object: "the record", reason: error.description)
    }
  }
}
