// SPDX-License-Identifier: GPL-3.0-or-later
// The merged sources of a patch in one band.

package import Catalogs
package import Imaging
internal import Measurement
package import SkyGeometry
package import TaskFramework

/// Deblends and measures the merged sources of a patch on the coadd of one band.
///
/// Every band has the rows, IDs and order of the merged catalog, also of sources that were found in others only. A child is measured on its share of the pixels alone, with noise in the place of all
/// other sources.
package final class MeasureMergedCoaddSourcesTask: Task {
  package static let defaultName: String? = "measureCoadd"
  package let node: TaskNode
  package let config: MeasureMergedCoaddSourcesConfig
  private let deblend: DeblendCoaddSourcesTask
  private let measurement: SingleFrameMeasurementTask
  private let applyApCorr: ApplyApCorrTask
  private var prepared: Prepared?

  /// The columns for one schema of families.
  private struct Prepared {
    let families: Schema
    let schema: Schema
    let primaryFlags: PrimaryFlags
  }

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    deblend = try node.makeSubtask("deblend")
    measurement = try node.makeSubtask("measurement")
    applyApCorr = try node.makeSubtask("applyApCorr")
    if let input = node.initInputs.value("inputSchema", as: Catalog.self) {
      try prepare(input.schema)
    }
  }

  /// By the name of the catalog's dataset type, as the configuration's connections have it; none while the merged catalog's columns are unknown.
  package func schemaCatalogs() -> [String: Catalog] {
    let names = config.connections.values
    let type = names["outputSources"] ?? (names["coaddName"] ?? "deep") + "Coadd_meas"
    return prepared.map { [type: Catalog($0.schema)] } ?? [:]
  }

  /// Deblends and measures the sources of a patch.
  ///
  /// **Metadata.** `sourceCount`, `familyCount`, `childCount`; the subtasks' are their own.
  ///
  /// - Parameters:
  ///   - exposure: the coadd of a band, with a PSF.
  ///   - families: with the columns of ``FamilyColumns`` first; footprints with peaks.
  ///   - isPatchInner, isTractInner: whether a position is one that this patch, this tract alone has to count.
  ///   - exposureID: what the noise in the place of other sources depends on.
  /// - Throws: ``ForcedPhotometryError/noPSF(_:)``; ``Measurement/MeasurementError``, ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func run(
    _ exposure: Exposure, families: Catalog, isPatchInner: (Point2D) -> Bool,
    isTractInner: (SpherePoint) -> Bool,
    exposureID: Int64 = 0
  ) throws -> MeasuredCoadd {
    try timer("run") { () throws in
      guard exposure.psf != nil else {
        throw ForcedPhotometryError.noPSF(
          "the coadd has no PSF, so its sources can be neither deblended nor measured")
      }
      let prepared = try prepare(families.schema)
      var sources = try families.widened(to: prepared.schema)
      let models = try deblend.run(&sources, on: exposure)
      // Copies are made for what is written alone.
      let deblended = config.doWriteDeblendedFlux ? withFootprints(families, sources.footprints) : nil
      let modelled = config.doWriteDeblendedModel ? withFootprints(families, models) : nil
      var measured = exposure
      try addCoaddPlanes(&measured)
      try measurement.run(&sources, on: measured, exposureID: exposureID)
      if config.doApCorr, let map = exposure.apCorrMap { applyApCorr.run(&sources, map) }
      try setPrimaryFlags(
        &sources, prepared, isPatchInner: isPatchInner, isTractInner: isTractInner)
      let columns = try FamilyColumns(prepared.schema)
      try metadata.set("sourceCount", sources.rowCount)
      try metadata.set(
        "familyCount", (0..<sources.rowCount).count { sources[columns.parent, $0] == 0 })
      try metadata.set(
        "childCount", (0..<sources.rowCount).count { sources[columns.parent, $0] != 0 })
      return MeasuredCoadd(sources: sources, models: modelled, deblended: deblended)
    }
  }

  @discardableResult
  private func prepare(_ families: Schema) throws -> Prepared {
    if let prepared, prepared.families == families { return prepared }
    var schema = families
    try deblend.addFields(to: &schema)
    try measurement.addFields(to: &schema)
    try measurement.config.slots.check(schema)
    let flags = try PrimaryFlags(addingTo: &schema, inCoadds: true)
    if config.doApCorr { try applyApCorr.addFields(to: &schema) }
    let result = Prepared(families: families, schema: schema, primaryFlags: flags)
    prepared = result
    return result
  }

  /// Flags of planes that a coadd lacks are false, no error.
  private func addCoaddPlanes(_ exposure: inout Exposure) throws(ImagingError) {
    try exposure.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
      for plane in MeasureMergedCoaddSourcesConfig.coaddMaskPlanes { try mask.addPlane(plane) }
    }
  }

  private func setPrimaryFlags(
    _ sources: inout Catalog, _ prepared: Prepared, isPatchInner: (Point2D) -> Bool,
    isTractInner: (SpherePoint) -> Bool
  ) throws(CatalogError) {
    let families = try FamilyColumns(prepared.schema)
    let centroid = try prepared.schema.centroidSlot().position
    prepared.primaryFlags.set(
      in: &sources, isSky: { families.isSky(row: $0, of: $1) },
      isPatchInner: { row, catalog in
        let position = catalog[centroid, row]
        return isPatchInner(
          position.isFinite
            ? position : catalog.footprint(row: row)?.peaks.first?.position ?? position)
      },
      isTractInner: { row, catalog in
        let position = catalog[families.coord, row]
        return position.isFinite && isTractInner(position)
      })
  }

  /// The families with other footprints.
  private func withFootprints(_ families: Catalog, _ footprints: [Footprint?]) -> Catalog {
    var result = families
    for row in footprints.indices { result.setFootprint(footprints[row], row: row) }
    return result
  }
}
