// SPDX-License-Identifier: GPL-3.0-or-later
// The IDs of a patch's sources.

internal import Catalogs
internal import SkyGeometry
internal import TaskFramework

/// The IDs of a patch's sources, the same for all bands, and how all patches get theirs.
struct PatchIDs {
  let packer: SkyMapPacker
  let generator: IDGenerator

  /// - Throws: ``Catalogs/CatalogError`` for a patch that the sky map does not have, and what reading the sky map throws.
  init(_ context: any QuantumContext) throws {
    packer = try SkyMapPacker(try context.get("skyMap", as: SkyMap.self))
    guard let tract = context.quantum.dataID.number(.tract),
      let patch = context.quantum.dataID.number(.patch)
    else {
      throw TaskError("\(context.quantum.dataID) is of no tract and patch")
    }
    generator = try IDGenerator(packer, tract: tract, patch: patch)
  }
}

extension DatasetRef {
  /// The name of its band.
  ///
  /// - Throws: ``TaskFramework/TaskError`` for a dataset that is of no band.
  func band() throws -> String {
    guard let band = dataID.name(.band) else { throw TaskError("\(self) is of no band") }
    return band
  }
}
