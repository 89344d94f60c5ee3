// SPDX-License-Identifier: GPL-3.0-or-later
// A table with further columns.

extension Catalog {
  /// The rows of this table, footprints included, in a schema that begins with this table's columns; the further ones are without values.
  ///
  /// - Throws: ``CatalogError/schemaMismatch(_:)`` for a schema that does not begin so.
  package func widened(to wider: Schema) throws(CatalogError) -> Catalog {
    guard wider.fields.starts(with: schema.fields) else {
      throw .schemaMismatch(
        "a table can only get further columns: " + schema.differences(from: wider).prefix(5).joined(separator: "; "))
    }
    let missing = Catalog(wider, rowCount: rowCount)
    var result = try Catalog(
      wider, rowCount: rowCount,
      columns: wider.fields.indices.map { $0 < schema.fields.count ? storage($0) : missing.storage($0) })
    for row in footprints.indices { result.setFootprint(footprints[row], row: row) }
    return result
  }
}
