// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring an exposure where other sources are.

package import Catalogs
package import Imaging
package import SkyGeometry
package import TaskFramework

/// Measures an exposure at the positions of other sources (detection-measurement A.12, C.7).
///
/// **Families.** With `doReplaceWithNoise` each source is measured while noise stands in the place of all others. A parent is measured with the whole blend, a child
/// with the pixels of its own heavy footprint; one that has none is measured with its parent's. Plugins of `undeblended` run afterwards, on the image as it is.
///
/// **Metadata.** `measuredCount`; `failureCount`, failures of single measurements; with noise in the place of sources `NOISE_SEED_MULTIPLIER`, `NOISE_SOURCE`,
/// `NOISE_OFFSET` and `NOISE_EXPOSURE_ID`.
package final class ForcedMeasurementTask: Task {
  package static let defaultName: String? = "forcedMeasurement"

  /// What is made for the schema of a reference.
  private struct Preparation {
    let schema: Schema
    let copied: CopiedColumns
    let plugins: PluginSet
    let undeblended: PluginSet
    /// Whether others added columns, which this task could not add again.
    let isExtended: Bool
  }

  package let node: TaskNode
  package let config: ForcedMeasurementConfig
  private var preparation: Preparation?

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// The columns of measured catalogs; `nil` before the task is prepared for a reference.
  package var schema: Schema? { preparation?.schema }

  /// Makes the plugins, and the schema of catalogs that are measured at a reference's positions (C.3.2).
  ///
  /// Its columns are `id`, `coord_ra`, `coord_dec` and `parent`; those to copy, as the reference has them; those of the plugins in the order in which they run; those of
  /// the undeblended ones. Called by ``generateMeasCat(_:idFactory:)`` where nobody did.
  ///
  /// - Parameter adding: adds columns of others behind.
  /// - Throws: ``Catalogs/CatalogError/noSuchField(name:suggestion:)`` (category LookupError) for a reference without a column to copy, other
  ///   ``Catalogs/CatalogError``; ``TaskFramework/TaskError`` for an alternative that is no measurement; what `adding` throws.
  @discardableResult
  package func prepare(
    _ referenceSchema: Schema, adding: (inout Schema) throws -> Void = { _ in }
  ) throws -> Schema {
    var schema = try Schema.minimalSource()
    let copied = try CopiedColumns(config.columnPairs, of: referenceSchema, addingTo: &schema)
    let plugins = try PluginSet(config.plugins, config.slots, addingTo: &schema)
    let undeblended = try PluginSet(
      config.undeblended, config.slots, prefix: config.undeblendedPrefix, addingTo: &schema)
    let own = schema
    try adding(&schema)
    preparation = Preparation(
      schema: schema, copied: copied, plugins: plugins, undeblended: undeblended, isExtended: schema != own)
    return schema
  }

  /// A catalog to be measured: a row for each of the reference's, in its order, with the columns to copy and the reference's footprints.
  ///
  /// - Parameter idFactory: gives the IDs, where `copyColumns` does not.
  /// - Throws: as ``prepare(_:adding:)``.
  package func generateMeasCat(_ reference: Catalog, idFactory: IDFactory = IDFactory()) throws -> Catalog {
    let preparation = try preparation(for: reference.schema)
    var (catalog, ids) = (Catalog(preparation.schema, rowCount: reference.rowCount), idFactory)
    if preparation.copied.source(of: "id") == nil {
      let id: Key<Int64> = try preparation.schema.key("id")
      for row in 0..<catalog.rowCount { catalog[id, row] = try ids.next() }
    }
    try preparation.copied.copy(from: reference, to: &catalog)
    for row in 0..<catalog.rowCount { catalog.setFootprint(reference.footprint(row: row), row: row) }
    return catalog
  }

  /// Measures all sources of a reference, in its order, with its footprints.
  ///
  /// Where the reference's pixels are not the exposure's, footprints are transformed and lose pixels of their own.
  ///
  /// - Parameters:
  ///   - referenceWCS: of the reference's pixels; the exposure's own when left out.
  ///   - exposureID: what the noise in the place of other sources depends on.
  /// - Returns: a row for each of the reference's.
  /// - Throws: as ``prepare(_:adding:)`` and ``run(_:on:reference:referenceWCS:exposureID:orders:)``.
  package func run(
    _ reference: Catalog, on exposure: Exposure, referenceWCS: SkyWCS? = nil, exposureID: Int64 = 0
  ) throws -> Catalog {
    var catalog = try generateMeasCat(reference)
    attachTransformedFootprints(&catalog, reference: reference, on: exposure, referenceWCS: referenceWCS)
    try run(&catalog, on: exposure, reference: reference, referenceWCS: referenceWCS, exposureID: exposureID)
    return catalog
  }

  /// Measures the sources of a catalog at the positions of a reference.
  ///
  /// - Parameters:
  ///   - measCat: of ``generateMeasCat(_:idFactory:)``, with the footprints that sources have on this exposure; row i is of the reference's row i.
  ///   - referenceWCS: of the reference's pixels; the exposure's own when left out.
  ///   - exposureID: what the noise in the place of other sources depends on.
  ///   - orders: plugins of other execution orders are left out.
  /// - Throws: ``MeasurementError``; ``Catalogs/CatalogError/lengthMismatch(what:found:expected:)`` for another number of rows than the reference has;
  ///   ``ForcedMeasurementError`` for rows of other sources than the reference's and, with `doReplaceWithNoise`, children without their parents.
  package func run(
    _ measCat: inout Catalog, on exposure: Exposure, reference: Catalog, referenceWCS: SkyWCS? = nil,
    exposureID: Int64 = 0, orders: Range<Double> = -.infinity..<(.infinity)
  ) throws {
    guard let preparation else { throw MeasurementError.notPrepared }
    let slots = MeasurementSlots(measCat.schema)
    for plugins in [preparation.plugins, preparation.undeblended] {
      try plugins.check(measCat, exposure, slots, orders: orders)
    }
    try check(measCat, reference, preparation.copied)
    try timer("run") { () throws in
      let image = MeasurementImage(
        exposure, slots: slots,
        reference: ReferenceSources(reference, wcs: referenceWCS, exposureWCS: exposure.wcs))
      var failureCount = 0
      if config.doReplaceWithNoise {
        failureCount = try preparation.plugins.run(
          &measCat, on: image, orders: orders, noise: config.noiseReplacer, families: SourceFamilies(reference),
          exposureID: exposureID, log: log)
        try recordNoise(exposureID)
      } else {
        failureCount = try preparation.plugins.run(&measCat, on: image, orders: orders, log: log)
      }
      failureCount += try preparation.undeblended.run(&measCat, on: image, orders: orders, log: log)
      try metadata.set("measuredCount", measCat.rowCount)
      try metadata.set("failureCount", failureCount)
    }
  }

  /// What was made for references of this schema.
  private func preparation(for reference: Schema) throws -> Preparation {
    if let preparation {
      let fits = (try? preparation.copied.check(reference)) != nil
      // Others' columns cannot be added again.
      if !fits, preparation.isExtended { try preparation.copied.check(reference) }
      if fits { return preparation }
    }
    try prepare(reference)
    guard let preparation else { throw MeasurementError.notPrepared }
    return preparation
  }

  /// Whether the rows of a catalog and those of its reference are of the same sources.
  private func check(_ catalog: Catalog, _ reference: Catalog, _ copied: CopiedColumns) throws {
    guard catalog.rowCount == reference.rowCount else {
      throw CatalogError.lengthMismatch(
        what: "the number of rows of the catalog to be measured", found: catalog.rowCount,
        expected: reference.rowCount)
    }
    if copied.source(of: "id") == "id" {
      let (id, theirs): (Key<Int64>, Key<Int64>) = (try catalog.schema.key("id"), try reference.schema.key("id"))
      for row in 0..<catalog.rowCount where catalog[id, row] != reference[theirs, row] {
        throw ForcedMeasurementError.otherSource(row: row, found: catalog[id, row], expected: reference[theirs, row])
      }
    }
    if config.doReplaceWithNoise { try SourceFamilies.check(reference) }
  }

  private func recordNoise(_ exposureID: Int64) throws {
    try metadata.set("NOISE_SEED_MULTIPLIER", config.noiseReplacer.noiseSeedMultiplier)
    try metadata.set("NOISE_SOURCE", config.noiseReplacer.noiseSource.rawValue)
    try metadata.set("NOISE_OFFSET", config.noiseReplacer.noiseOffset)
    try metadata.set("NOISE_EXPOSURE_ID", Int(exposureID))
  }
}
