// SPDX-License-Identifier: GPL-3.0-or-later
// A survey becomes an input repository.

internal import Catalogs
internal import Dispatch
internal import Foundation
package import Repository
internal import TaskFramework

/// What a simulation has made.
package struct SimulationSummary: Hashable, Sendable {
  package var exposures = 0
  package var catalogs = 0
  package var objects = 0
  /// Of all files but `visits.h5` and `repository.yaml`.
  package var bytes = 0
}

/// A simulation that was asked to stop.
package struct SimulationInterrupted: Error, Hashable, Sendable, CustomStringConvertible {
  package let path: String

  package var description: String {
    "\(path): interrupted; it is no repository, and the same command with --overwrite starts anew"
  }
}

/// Writes a survey as an input repository.
///
/// Exposures are made by several threads and published in the order of visits and detectors. `repository.yaml` and `visits.h5` come last: before
/// them an interrupted simulation has left files in a folder that is no repository.
package struct SurveyRepository {
  /// Dataset types beside the exposures.
  package static let sourceType = "src"
  package static let truthType = "truth"
  package static let objectType = "truth_objects"
  package static let ephemerisType = "preloaded_SsObjects"

  private let survey: SyntheticSurvey
  private let surveyYAML: String
  private let path: String
  private let files: AtomicFile

  /// - Parameter surveyYAML: the description of the survey, which provenance keeps.
  package init(_ survey: SyntheticSurvey, surveyYAML: String, path: String, files: AtomicFile = AtomicFile()) {
    self.survey = survey
    self.surveyYAML = surveyYAML
    self.path = path
    self.files = files
  }

  /// What a simulation writes, the record first.
  private static let ownNames = [
    "repository.yaml", "visits.h5", InputRepository.exposureType, sourceType, truthType, objectType, ephemerisType,
  ]

  /// The description of the survey; written first, it marks the folder as a simulation's own.
  private static let markName = "survey.yaml"
  private static let mark = "# A synthetic survey, made by skydiff simulate from:\n"

  private static func isSimulated(_ path: String) -> Bool {
    (try? String(contentsOfFile: "\(path)/\(markName)", encoding: .utf8))?.hasPrefix(mark) ?? false
  }

  /// Refuses a folder with anything in it, unless a simulation has made it and may be replaced.
  ///
  /// - Throws: ``Repository/PublishError/cannotCreate(path:reason:)``.
  package static func requirePlace(_ path: String, overwrites: Bool) throws(PublishError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard isFolder.boolValue else { throw .cannotCreate(path: path, reason: "it is a file, not a folder") }
    guard let content = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw .cannotCreate(path: path, reason: "the folder cannot be read")
    }
    guard !content.allSatisfy({ $0 == ".lock" }) else { return }
    guard isSimulated(path) else {
      throw .cannotCreate(path: path, reason: "it exists, and is no simulated repository; name another folder")
    }
    guard overwrites else { throw .cannotCreate(path: path, reason: "it exists; --overwrite replaces it") }
  }

  /// Removes what an older simulation wrote; everything else, such as runs, stays.
  private func removeOldOne() throws(PublishError) {
    let manager = FileManager.default
    for name in Self.ownNames where manager.fileExists(atPath: "\(path)/\(name)") {
      do {
        try manager.removeItem(atPath: "\(path)/\(name)")
      } catch {
        throw .cannotCreate(path: "\(path)/\(name)", reason: "the old one cannot be removed")
      }
    }
  }

  /// Makes and writes everything.
  ///
  /// - Parameters:
  ///   - overwrites: whether what an older simulation wrote is replaced.
  ///   - threads: how many exposures are made at a time.
  ///   - isStopped: asked before each exposure, from any thread.
  ///   - progress: is told how many exposures of how many are there, from any thread, one call at a time.
  /// - Throws: ``SimulationInterrupted``, ``Repository/PublishError``, and what encoding throws; the folder is then no
  ///   repository.
  package func write(
    overwrites: Bool = false, threads: Int, isStopped: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws -> SimulationSummary {
    try Self.requirePlace(path, overwrites: overwrites)
    let lock = try FolderLock(path, makesFolder: true)
    defer { withExtendedLifetime(lock) {} }
    // Another simulation may have been here until its lock was let go.
    try Self.requirePlace(path, overwrites: overwrites)
    try removeOldOne()
    try files.publish(Array((Self.mark + surveyYAML).utf8), to: "\(path)/\(Self.markName)")
    let shelf = OrderedShelf(InputRepository(new: path, files: files))
    let count = survey.visits.count * survey.detectorCount
    DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { _ in
      while let index = shelf.take(below: count) {
        shelf.put(index) {
          guard !isStopped() else { throw SimulationInterrupted(path: path) }
          return try makeProducts(index)
        } publish: { products, repository in
          try publish(products, to: &repository)
          progress(index + 1, count)
        }
      }
    }
    var repository = try shelf.finish()
    try addCatalogs(to: &repository)
    try repository.establish(try survey.tracts.repositoryConfig())
    try repository.commit()
    let (records, entries) = (repository.visits.records, repository.manifest.entries)
    return SimulationSummary(
      exposures: records.count, catalogs: entries.count, objects: survey.objects.count,
      bytes: records.reduce(0) { $0 + $1.digest.size } + entries.values.reduce(0) { $0 + $1.size })
  }

  /// The catalogs of visits and of the survey.
  private func addCatalogs(to repository: inout InputRepository) throws {
    for visit in survey.visits {
      let reference = DatasetRef(Self.ephemerisType, try DataID([.visit: .number(visit.number)]))
      try repository.add(dataset(try survey.ephemerides(visit: visit.number), reference), reference)
    }
    let all = DatasetRef(Self.objectType, .empty)
    try repository.add(dataset(try survey.objectTable(), all), all)
  }

  private func dataset<Content: DatasetContent>(_ content: Content, _ reference: DatasetRef) -> Dataset<Content> {
    var provenance = Provenance()
    provenance.datasetType = reference.datasetType
    provenance.dataID = reference.dataID.description
    provenance.task = "simulate"
    provenance.configYAML = surveyYAML
    return Dataset(content, provenance: provenance)
  }

  /// What there is to write of one exposure.
  private struct Products: Sendable {
    let visit: SurveyVisit
    let detector: Int
    let made: SimulatedExposure
  }

  private func makeProducts(_ index: Int) throws -> Products {
    let visit = survey.visits[index / survey.detectorCount]
    let detector = index % survey.detectorCount
    return Products(
      visit: visit, detector: detector, made: try survey.makeExposure(visit: visit.number, detector: detector))
  }

  private func publish(_ products: Products, to repository: inout InputRepository) throws {
    let (visit, detector) = (products.visit.number, Int64(products.detector))
    let id = try DataID([.visit: .number(visit), .detector: .number(detector)])
    let exposure = dataset(products.made.exposure, DatasetRef(InputRepository.exposureType, id))
    try repository.add(exposure, visit: visit, detector: detector, band: products.visit.band)
    for (type, catalog) in [(Self.sourceType, products.made.sources), (Self.truthType, products.made.truth)] {
      let reference = DatasetRef(type, id)
      try repository.add(dataset(catalog, reference), reference)
    }
  }
}
