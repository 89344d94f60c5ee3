// SPDX-License-Identifier: GPL-3.0-or-later
// Where a forced measurement has its reference from.

package import Catalogs
internal import Logging
package import SkyGeometry
package import TaskFramework

/// Loads the sources of a reference: the subtask `references` of forced photometry (detection-measurement C.6).
package protocol ReferencesTask: Task {
  /// The columns of the reference; `nil` when they are not known.
  func schema(_ butler: any SchemaSource) throws -> Schema?
  /// The WCS of the reference's pixels.
  func wcs(_ dataRef: any CoaddDataRef) -> SkyWCS
  /// The sources of the patch, its overlap with others included unless the configuration takes it away.
  ///
  /// - Throws: ``ForcedPhotometryError/missingDataset(_:)``, and what reading throws.
  func fetchInPatches(_ dataRef: any CoaddDataRef) throws -> Catalog
}

extension ReferencesTask {
  package func wcs(_ dataRef: any CoaddDataRef) -> SkyWCS { dataRef.wcs }
}

/// Which sources of a patch are the reference.
package struct ReferencesConfig: Config {
  package var coaddName = "deep"
  package var removePatchOverlaps = false
  package var skipMissing = false

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "coaddName", \.coaddName, doc: "the coadds whose sources are the reference",
      requirement: "a name",
      where: Field.isName),
    .field(
      "removePatchOverlaps", \.removePatchOverlaps,
      doc: "leave out families whose parent is beyond the patch's inner box"),
    .field(
      "skipMissing", \.skipMissing, doc: "a reference that does not exist is empty, not an error"),
  ]
}

/// The reference that was merged from all bands, `…Coadd_ref`.
package final class MultiBandReferencesTask: ReferencesTask {
  package static let defaultName: String? = "references"
  package let node: TaskNode
  package let config: ReferencesConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  package func schema(_ butler: any SchemaSource) throws -> Schema? {
    try butler.schema(config.coaddName + "Coadd_ref_schema")
  }

  package func fetchInPatches(_ dataRef: any CoaddDataRef) throws -> Catalog {
    try PatchReferences(datasetType: config.coaddName + "Coadd_ref", config).fetch(dataRef)
  }
}

/// The sources of one band's coadd, `…Coadd_meas`, for forced measurement without merging.
package final class CoaddSrcReferencesTask: ReferencesTask {
  package static let defaultName: String? = "references"
  package let node: TaskNode
  package let config: ReferencesConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  package func schema(_ butler: any SchemaSource) throws -> Schema? {
    try butler.schema(config.coaddName + "Coadd_meas_schema")
  }

  package func fetchInPatches(_ dataRef: any CoaddDataRef) throws -> Catalog {
    try PatchReferences(datasetType: config.coaddName + "Coadd_meas", config).fetch(dataRef)
  }
}

/// The sources of a dataset, families of other patches left out where that is asked for: a child without its parent could not be measured.
struct PatchReferences {
  let datasetType: String
  let config: ReferencesConfig

  init(datasetType: String, _ config: ReferencesConfig) {
    self.datasetType = datasetType
    self.config = config
  }

  func fetch(_ dataRef: any CoaddDataRef) throws -> Catalog {
    guard let sources = try dataRef.catalog(datasetType) else {
      guard config.skipMissing else {
        throw ForcedPhotometryError.missingDataset(
          "there is no \(datasetType) of \(dataRef.dataID)")
      }
      return Catalog(try Schema.minimalSource())
    }
    guard config.removePatchOverlaps else { return sources }
    return try sources.families(in: dataRef.innerBox)
  }
}

extension Catalog {
  /// The families whose parent's centroid is in a box of an image: a parent with all of its children, whose own centroids do not matter (C.6.2).
  ///
  /// - Returns: parents, each followed by its children, in the order of the parents.
  /// - Throws: ``Catalogs/CatalogError`` for a catalog without `parent` and a centroid slot.
  package func families(in box: Box2I) throws(CatalogError) -> Catalog {
    let (id, parent): (Key<Int64>, Key<Int64>) = (try schema.key("id"), try schema.key("parent"))
    let centroid = try schema.centroidSlot().position
    var children: [Int64: [Int]] = [:]
    for row in 0..<rowCount where self[parent, row] != 0 {
      children[self[parent, row], default: []].append(row)
    }
    let rows = (0..<rowCount).filter { row in
      self[parent, row] == 0 && (self[centroid, row].pixel.map(box.contains) ?? false)
    }
    return selecting(rows.flatMap { [$0] + (children[self[id, $0]] ?? []) })
  }
}
