// SPDX-License-Identifier: GPL-3.0-or-later
// A run's folder, held for writing.

internal import Catalogs
internal import Digests
internal import Foundation
internal import HDF5
internal import MPI
package import Repository
internal import SkyGeometry
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A run's folder, held for writing: locked, described, swept.
package final class RunFolder {
  package let path: String
  private let lock: RunLock
  private let files: AtomicFile
  package private(set) var warnings: [String] = []

  /// Opens the folder of a job's run, and makes it when there is none.
  ///
  /// - Parameter restarts: begins anew: what was recorded is put aside.
  /// - Throws: ``Repository/PublishError`` when another process holds it or it cannot be written, ``ConfigurationChange``.
  package init(_ job: Job, restarts: Bool, environment: [String: String], files: AtomicFile = AtomicFile()) throws {
    path = job.runFolder
    self.files = files
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw PublishError.cannotCreate(path: path, reason: error.localizedDescription)
    }
    lock = try RunLock(path, environment: environment)
    if restarts { try putAside() }
    try describe(job)
    sweep(path)
  }

  package func beat() { lock.beat() }

  /// Keeps the record of an earlier run under names that end with ~1, ~2 and so on.
  private func putAside() throws {
    let names = [RunDescription.name, "journal.jsonl", "attempts.jsonl"]
    var number = 1
    while names.contains(where: { FileManager.default.fileExists(atPath: "\(path)/\($0)~\(number)") }) { number += 1 }
    // The description goes last: until it is gone the old journal counts.
    for name in names.reversed() where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
      do {
        try FileManager.default.moveItem(atPath: "\(path)/\(name)", toPath: "\(path)/\(name)~\(number)")
      } catch {
        throw PublishError.failed(
          path: "\(path)/\(name)", operation: "put it aside", reason: error.localizedDescription)
      }
    }
  }

  /// Compares the job with `run.yaml`, or writes it: configuration, schemas and versions, all or none (`writeConfig`,
  /// `writeSchemas`, `writePackageVersions`).
  private func describe(_ job: Job) throws {
    let description = try Self.description(of: job)
    let file = "\(path)/\(RunDescription.name)"
    guard FileManager.default.fileExists(atPath: file) else {
      try files.publish(Array(description.text(keeping: nil).utf8), to: file)
      return
    }
    let earlier = try RunDescription.Earlier(file)
    let differences = description.differences(from: earlier)
    guard differences.isEmpty else { throw ConfigurationChange(path: file, differences: differences) }
    let software = description.softwareDifferences(from: earlier)
    if !software.isEmpty {
      warnings.append("the run was begun with other software: \(software.joined(separator: ", "))")
    }
    let text = Array(description.text(keeping: earlier).utf8)
    if FileManager.default.contents(atPath: file).map({ Array($0) }) != text { try files.publish(text, to: file) }
  }

  /// Which part of a description.
  package enum Part: CaseIterable, Sendable {
    case config, schemas, packageVersions
  }

  /// Writes the description of a job's run, or compares one part of what is there; what differs otherwise is not looked at.
  ///
  /// - Parameters:
  ///   - clobber: replaces a description that is there, which is kept as `run.yaml~1` and so on with `doBackup`.
  /// - Throws: ``TaskFramework/TaskError`` with all differences, ``Repository/PublishError``.
  static func write(_ part: Part, of job: Job, clobber: Bool, doBackup: Bool, files: AtomicFile = AtomicFile()) throws {
    let description = try Self.description(of: job)
    let file = "\(job.runFolder)/\(RunDescription.name)"
    let exists = FileManager.default.fileExists(atPath: file)
    if exists, !clobber {
      let earlier = try RunDescription.Earlier(file)
      let all = description.differences(from: earlier)
      let differences =
        switch part {
        case .config: all.filter { !$0.hasPrefix("the schema ") }
        case .schemas: all.filter { $0.hasPrefix("the schema ") }
        case .packageVersions: description.softwareDifferences(from: earlier)
        }
      guard differences.isEmpty else {
        throw TaskError("\(file): \(differences.joined(separator: "; ")). Give clobber to replace what is there")
      }
      return
    }
    if exists, doBackup {
      var number = 1
      while FileManager.default.fileExists(atPath: "\(file)~\(number)") { number += 1 }
      do {
        try FileManager.default.copyItem(atPath: file, toPath: "\(file)~\(number)")
      } catch {
        throw PublishError.failed(path: file, operation: "keep a copy of it", reason: error.localizedDescription)
      }
    }
    try files.publish(Array(description.text(keeping: nil).utf8), to: file)
  }

  /// What `run.yaml` would say of a job.
  package static func description(of job: Job) throws -> RunDescription {
    let tasks = try TaskSet(PipelineGraph(job).nodes, context: TaskContext())
    return RunDescription(
      job, schemas: tasks.schemas.mapValues(schemaDigest),
      skyMapDigest: try InputRepository(describing: job.repository).settings.makeSkyMap().digest,
      software: softwareVersions)
  }

  /// SHA-256 of what a schema means to those who read tables: names, types, units, order, slots.
  private static func schemaDigest(_ catalog: Catalog) -> String {
    let fields = catalog.schema.fields.map { "\($0.name) \($0.type) \($0.unit)" }
    return SHA256.hex(fields.joined(separator: "\n") + "\n\(catalog.schema.aliases.sorted { $0.key < $1.key })")
  }

  /// Removes folders in which nothing is left.
  func removeEmptyFolders() {
    guard let names = FileManager.default.enumerator(atPath: path) else { return }
    // The deepest first, so that a folder of empty ones goes too.
    for name in names.compactMap({ $0 as? String }).sorted(by: >) where !name.contains(".") { rmdir("\(path)/\(name)") }
  }

  /// Removes what killed processes were writing; this folder has no other writer.
  private func sweep(_ folder: String) {
    guard let names = FileManager.default.enumerator(atPath: folder) else { return }
    for case let name as String in names {
      let file = (name as NSString).lastPathComponent
      if file.hasPrefix(".skydiff-"), file.hasSuffix(".tmp") {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }
}

/// Versions of what numbers depend on.
package var softwareVersions: [String: String] {
  [Software.name: Software.version, "HDF5": HDF5File.libraryVersion, "MPI": MPIWorld.libraryVersion]
}
