// SPDX-License-Identifier: GPL-3.0-or-later
// Where datasets are that nobody has to make.

internal import Catalogs
internal import Digests
package import Repository
internal import SkyGeometry
internal import TaskFramework

/// Where a dataset's file is, and what it has to be.
package struct DatasetSource: Hashable, Sendable {
  /// Relative to the repository's folder.
  package let path: String
  package let digest: FileDigest

  package init(path: String, digest: FileDigest) {
    self.path = path
    self.digest = digest
  }
}

/// Finds datasets that no task of a pipeline makes: in the repository, then in other runs.
package struct InputFinder: Sendable {
  package let repository: InputRepository
  /// Products of other runs that may be used, by their paths in a run.
  let otherRuns: [(run: String, products: [String: FileDigest])]

  private let skyMapDigest: String
  private let instrumentDigest: String

  /// - Throws: ``SkyGeometry/SkyMapError``, ``Catalogs/CatalogError``.
  package init(_ repository: InputRepository, otherRuns: [(run: String, products: [String: FileDigest])] = []) throws {
    self.repository = repository
    self.otherRuns = otherRuns
    skyMapDigest = try repository.settings.makeSkyMap().digest
    let packer = try repository.settings.instrument.packer()
    instrumentDigest = SHA256.hex("\(packer.visitCount) \(packer.detectorCount)")
  }

  func find(_ reference: DatasetRef, _ storageClass: Connection.StorageClass) -> DatasetSource? {
    // The sky map has no file of its own: repository.yaml describes it.
    if storageClass == .skyMap {
      return DatasetSource(path: "repository.yaml", digest: FileDigest(size: 0, sha256: skyMapDigest))
    }
    // Nor has the instrument.
    if storageClass == .instrument {
      return DatasetSource(path: "repository.yaml", digest: FileDigest(size: 0, sha256: instrumentDigest))
    }
    if let digest = repository.digest(of: reference) {
      return DatasetSource(path: reference.relativePath, digest: digest)
    }
    guard !otherRuns.isEmpty else { return nil }
    let path = reference.relativePath
    for (run, products) in otherRuns {
      // What only other tasks needed was removed when they had had it.
      let file = FileStamp(of: "\(repository.path)/runs/\(run)/\(path)")
      if let digest = products[path], file?.size == Int64(digest.size) {
        return DatasetSource(path: "runs/\(run)/\(path)", digest: digest)
      }
    }
    return nil
  }
}
