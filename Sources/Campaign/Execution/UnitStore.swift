// SPDX-License-Identifier: GPL-3.0-or-later
// A rank's access to the files of a repository and a run.

internal import Catalogs
internal import Repository
internal import SkyGeometry
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A rank's access to the files of a repository and a run.
final class UnitStore {
  private let repository: String
  private let runFolder: String
  private let files: AtomicFile
  private let faults: FaultInjection
  private let budget: Int
  private var cache: InputCache
  private var skyMap: SkyMap?

  init(_ job: WorkerJob, memory: Int, files: AtomicFile = AtomicFile(), faults: FaultInjection) {
    repository = job.repository
    runFolder = job.runFolder
    self.files = files
    self.faults = faults
    budget = memory / 8
    cache = InputCache(budget: budget)
  }

  /// Gives back what was kept for the next units.
  func forget() { cache = InputCache(budget: budget) }

  /// Reads a dataset; its file is compared with what is recorded before anything looks into it.
  ///
  /// - Throws: ``Repository/ReadError``, and what decoding throws.
  func read<Value>(_ source: DatasetSource, as type: Value.Type) throws -> Value {
    if faults.pass(.read) == .eio {
      throw ReadError.unreadable(path: source.path, reason: "\(SystemError(code: EIO))")
    }
    if type == SkyMap.self {
      let map = try skyMap ?? InputRepository(describing: repository).settings.makeSkyMap()
      skyMap = map
      return try cast(map)
    }
    if type == VisitDetectorPacker.self {
      return try cast(try InputRepository(describing: repository).settings.instrument.packer())
    }
    let path = "\(repository)/\(source.path)"
    if type == DatasetFile.self { return try cast(DatasetFile(path: path, digest: source.digest)) }
    if let known = cache.value(source, as: type) { return known }
    guard let readable = type as? any DatasetReadable.Type else { throw TaskError("\(path): a \(type) cannot be read") }
    let bytes = try readFile(path, expecting: source.digest)
    func decode<Readable: DatasetReadable>(_: Readable.Type) throws -> Readable {
      let value = try Readable.decode(bytes, name: path)
      cache.insert(value, source)
      return value
    }
    return try cast(try decode(readable))
  }

  private func cast<Value>(_ value: Any) throws -> Value {
    guard let typed = value as? Value else { throw TaskError("a \(Value.self) was expected") }
    return typed
  }

  /// Where a product of this run is.
  func source(of reference: DatasetRef, _ digest: FileDigest) -> DatasetSource {
    DatasetSource(path: "\(runFolder.dropFirst(repository.count + 1))/\(reference.relativePath)", digest: digest)
  }

  /// Writes a product.
  ///
  /// - Throws: what encoding throws, ``Repository/PublishError``.
  func write(
    _ content: any DatasetContent, _ reference: DatasetRef, metadata: TaskMetadata, _ provenance: Provenance
  ) throws -> (digest: FileDigest, stamp: FileStamp?) {
    let path = "\(runFolder)/\(reference.relativePath)"
    switch faults.pass(.write) {
    case .enospc: throw PublishError.diskFull(path: path, needed: 1, free: 0)
    case .eio: throw PublishError.failed(path: path, operation: "write", reason: "\(SystemError(code: EIO))")
    default: break
    }
    func encode<Content: DatasetContent>(_ content: Content) throws -> [UInt8] {
      try Dataset(content, metadata: metadata, provenance: provenance).encode(path)
    }
    let digest = try files.publish(try encode(content), to: path)
    let stamp = FileStamp(of: path)
    faults.pass(.published)
    return (digest, stamp)
  }
}
