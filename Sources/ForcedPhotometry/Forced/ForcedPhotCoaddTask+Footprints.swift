// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels of each source in the band that is measured.

package import Catalogs
package import Imaging
internal import Measurement
package import SkyGeometry

extension ForcedPhotCoaddTask {
  /// Gives each source its footprint in this band (detection-measurement C.5.4).
  ///
  /// Deblended sources get heavy footprints: from `footprintData`, else from the band's own catalog. Sources of the three are matched by their IDs.
  ///
  /// - Parameters:
  ///   - sources: row by row as the reference.
  ///   - exposure: whose pixels models share out.
  /// - Throws: ``ForcedPhotometryError/missingFootprint(id:catalog:)`` for a source of the reference that the band's catalog, or `footprintData`, does not have.
  package func attachFootprints(
    _ sources: inout Catalog, refCat: Catalog, refCatInBand: Catalog, exposure: Exposure,
    refWcs: SkyWCS,
    footprintData: FootprintData? = nil
  ) throws {
    let ids: [Int64] = try refCat.column("id")
    let inBand = try FootprintsByID(refCatInBand, name: "the band's catalog")
    for (row, id) in ids.enumerated() { sources.setFootprint(try inBand[id], row: row) }
    switch footprintData {
    case nil: break
    case .deblended(let catalog):
      let deblended = try FootprintsByID(catalog, name: "the catalog of deblended fluxes")
      for (row, id) in ids.enumerated() { sources.setFootprint(try deblended[id], row: row) }
    case .models(let catalog):
      try attach(
        models: try FootprintsByID(catalog, name: "the catalog of deblended models"), to: &sources,
        refCat, exposure)
    }
    move(&sources, refCat, from: refWcs, to: exposure)
  }

  /// The models of each family, or what they share out of the exposure's pixels.
  private func attach(
    models: FootprintsByID, to sources: inout Catalog, _ refCat: Catalog, _ exposure: Exposure
  ) throws {
    let (id, parent): (Key<Int64>, Key<Int64>) = (
      try refCat.schema.key("id"), try refCat.schema.key("parent")
    )
    var families: [Int64: [Int]] = [:]
    for row in 0..<refCat.rowCount where refCat[parent, row] != 0 {
      families[refCat[parent, row], default: []].append(row)
    }
    for row in 0..<refCat.rowCount where refCat[parent, row] == 0 {
      let children = families[refCat[id, row]] ?? []
      let templates = try children.map { try models[refCat[id, $0]] }
      let shares =
        config.doConserveFlux
        ? redistribute(exposure.maskedImage, among: templates) : templates
      for (child, share) in zip(children, shares) {
        // Without a model, or light that it has a share of, a source keeps its place, and no pixels of its own.
        let place = sources.footprint(row: child).map { Footprint($0.spans, peaks: $0.peaks, region: $0.region) }
        sources.setFootprint(share ?? place, row: child)
      }
    }
  }

  /// On other pixels than the reference's, footprints are moved there and become light.
  private func move(
    _ sources: inout Catalog, _ refCat: Catalog, from refWcs: SkyWCS, to exposure: Exposure
  ) {
    var reference = refCat
    for row in 0..<sources.rowCount {
      reference.setFootprint(sources.footprint(row: row), row: row)
    }
    measurement.attachTransformedFootprints(
      &sources, reference: reference, on: exposure, referenceWCS: refWcs)
  }
}

/// The footprints of a catalog by its sources' IDs.
private struct FootprintsByID {
  private let catalog: Catalog
  private let name: String
  private var rows: [Int64: Int] = [:]

  init(_ catalog: Catalog, name: String) throws(CatalogError) {
    self.catalog = catalog
    self.name = name
    for (row, id) in try catalog.column("id", as: Int64.self).enumerated() { rows[id] = row }
  }

  subscript(id: Int64) -> Footprint? {
    get throws(ForcedPhotometryError) {
      guard let row = rows[id] else { throw .missingFootprint(id: id, catalog: name) }
      return catalog.footprint(row: row)
    }
  }
}
