// SPDX-License-Identifier: GPL-3.0-or-later
// Sources that were found and are not in the catalog.

internal import Catalogs
internal import SkyGeometry

/// Sources that were found and are not in the catalog, each with the reason.
///
/// Columns: `id`, `x`, `y` (pixel), `is_negative`, `significance`, `reason`.
struct DroppedSources {
  private(set) var catalog: Catalog
  private let id: Key<Int64>
  private let x: Key<Double>
  private let y: Key<Double>
  private let isNegative: Key<Bool>
  private let significance: Key<Double>
  private let reason: Key<String>

  private static let reasonLength = 120

  init() throws(CatalogError) {
    var schema = Schema()
    id = try schema.addField("id", doc: "ID that the source had")
    x = try schema.addField("x", unit: "pixel", doc: "position, x")
    y = try schema.addField("y", unit: "pixel", doc: "position, y")
    isNegative = try schema.addField("is_negative", doc: "detected below zero only")
    significance = try schema.addField("significance", doc: "of the strongest peak, standard deviations of its pixel")
    reason = try schema.addField(
      "reason", .string(length: Self.reasonLength), doc: "why the source is not in the catalog")
    catalog = Catalog(schema)
  }

  mutating func append(
    _ sources: Catalog, row: Int, _ columns: DiaSourceColumns, at position: Point2D, reason text: String
  ) {
    let own = catalog.addRow()
    catalog[id, own] = sources[columns.id, row]
    catalog[x, own] = position.x
    catalog[y, own] = position.y
    catalog[isNegative, own] = sources[columns.isNegative, row]
    catalog[significance, own] = sources[columns.significance, row]
    catalog[reason, own] = String(text.prefix(Self.reasonLength))
  }
}
