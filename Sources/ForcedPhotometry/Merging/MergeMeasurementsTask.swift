// SPDX-License-Identifier: GPL-3.0-or-later
// One reference from the catalogs of all bands.

package import Catalogs
package import TaskFramework

/// Makes the reference catalog of a patch: for each source the row of one band, and which that is (detection-measurement C.9.1).
///
/// Rows, IDs and their order are those of every band's catalog. `merge_measurement_BAND` is set for the band that a row is from. Footprints are kept without the
/// band's pixels: those of the band that is measured stand in its own catalog.
package final class MergeMeasurementsTask: Task {
  package static let defaultName: String? = "mergeReference"
  package let node: TaskNode
  package let config: MergeMeasurementsConfig
  /// Known from construction on where the schema of the bands' catalogs is given as the init-input `inputSchema`.
  package let schema: Schema?

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    let bands = config.priorityList
    schema = try node.initInputs.value("inputSchema", as: Catalog.self).map {
      try Self.referenceSchema($0.schema, bands).0
    }
  }

  /// By the name of the catalog's dataset type, as the configuration's connections have it.
  package func schemaCatalogs() -> [String: Catalog] {
    let names = config.connections.values
    let type = names["mergedCatalog"] ?? (names["coaddName"] ?? "deep") + "Coadd_ref"
    return schema.map { [type: Catalog($0)] } ?? [:]
  }

  /// Merges the catalogs of all bands.
  ///
  /// A source that was found in the first band of the list that has it is taken from there, unless it is below `minSN` and another band has it more significant by more than `minSNDiff`. Sky sources
  /// are taken from the first band.
  ///
  /// **Metadata.** `sourceCount`; `taken_BAND`, how many rows are from a band.
  ///
  /// - Parameter catalogs: one a band, in any order; equal rows, measured from one merged catalog.
  /// - Throws: ``ForcedPhotometryError`` for catalogs that do not belong together, a band that the list lacks, a source that no band has; ``Catalogs/CatalogError``.
  package func run(_ catalogs: [(band: String, sources: Catalog)]) throws -> Catalog {
    try timer("run") { () throws in
      let ordered = try inOrderOfPriority(catalogs)
      let first = ordered[0].sources
      try checkRows(ordered)
      let (schema, marks) = try Self.referenceSchema(first.schema, config.priorityList)
      let families = try FamilyColumns(first.schema)
      let measures = try ordered.map { try SourceSignificance($0.sources, config) }
      var choice: [Int] = []
      for row in 0..<first.rowCount {
        choice.append(try band(of: row, ordered, families, measures.map { $0(row) }))
      }
      var all = Catalog(first.schema)
      for (_, sources) in ordered { try all.append(contentsOf: sources) }
      var result = try all.selecting(choice.indices.map { choice[$0] * first.rowCount + $0 }).widened(to: schema)
      for row in choice.indices {
        let band = ordered[choice[row]].band
        if let mark = marks.first(where: { $0.band == band }) { result[mark.key, row] = true }
        if let footprint = result.footprint(row: row), footprint.isHeavy {
          result.setFootprint(Footprint(footprint.spans, peaks: footprint.peaks, region: footprint.region), row: row)
        }
      }
      try metadata.set("sourceCount", result.rowCount)
      for (i, entry) in ordered.enumerated() { try metadata.set("taken_\(entry.band)", choice.count { $0 == i }) }
      return result
    }
  }

  /// The columns of a band's catalog, and which band each row is from.
  private static func referenceSchema(
    _ input: Schema, _ bands: [String]
  ) throws(CatalogError) -> (Schema, [(band: String, key: Key<Bool>)]) {
    var schema = input
    var marks: [(band: String, key: Key<Bool>)] = []
    for band in bands {
      marks.append(
        (band, try schema.addField("merge_measurement_\(band)", doc: "the row is the measurement in \(band)")))
    }
    return (schema, marks)
  }

  private func inOrderOfPriority(
    _ catalogs: [(band: String, sources: Catalog)]
  ) throws(ForcedPhotometryError) -> [(band: String, sources: Catalog)] {
    guard !catalogs.isEmpty else { throw .wrongBands("there is no catalog of any band to merge") }
    var ordered: [(place: Int, band: String, sources: Catalog)] = []
    for (band, sources) in catalogs {
      guard let place = config.priorityList.firstIndex(of: band) else {
        throw .unknownBand(band, known: config.priorityList)
      }
      guard !ordered.contains(where: { $0.place == place }) else { throw .wrongBands("band \(band) is given twice") }
      ordered.append((place, band, sources))
    }
    return ordered.sorted { $0.place < $1.place }.map { ($0.band, $0.sources) }
  }

  /// All bands must have the same sources in the same order.
  private func checkRows(_ catalogs: [(band: String, sources: Catalog)]) throws {
    let (other, first) = catalogs[0]
    let ids: [Int64] = try first.column("id")
    for (band, sources) in catalogs.dropFirst() {
      guard sources.schema == first.schema else {
        throw ForcedPhotometryError.idsDiffer(
          band: band, other: other,
          detail: "their columns differ: "
            + sources.schema.differences(from: first.schema).prefix(3).joined(separator: "; "))
      }
      guard sources.rowCount == first.rowCount else {
        throw ForcedPhotometryError.idsDiffer(
          band: band, other: other, detail: "\(sources.rowCount) rows and \(first.rowCount)")
      }
      let own: [Int64] = try sources.column("id")
      if let row = ids.indices.first(where: { ids[$0] != own[$0] }) {
        throw ForcedPhotometryError.idsDiffer(
          band: band, other: other, detail: "row \(row) has ID \(own[row]) and \(ids[row])")
      }
    }
  }

  /// The place of the band that a row is taken from.
  private func band(
    of row: Int, _ catalogs: [(band: String, sources: Catalog)], _ families: FamilyColumns, _ significance: [Double]
  ) throws(ForcedPhotometryError) -> Int {
    let sources = catalogs[0].sources
    guard !families.isSky(row: row, of: sources) else { return 0 }
    let candidates = catalogs.indices.filter { families.has(catalogs[$0].band, row: row, of: sources) }
    guard let preferred = candidates.first else {
      throw .sourceOfNoBand(id: sources[families.id, row], bands: catalogs.map(\.band))
    }
    guard significance[preferred] < config.minSN,
      let best = candidates.max(by: {
        significance[$0] < significance[$1] || (significance[$0] == significance[$1] && $0 > $1)
      }),
      significance[best] - significance[preferred] > config.minSNDiff
    else { return preferred }
    return best
  }
}
