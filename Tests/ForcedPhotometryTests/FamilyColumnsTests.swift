// SPDX-License-Identifier: GPL-3.0-or-later
// Which band has which source.

import Catalogs
import ForcedPhotometry
import Testing

@Suite struct FamilyColumnsTests {
  private func catalog(rows: Int) throws -> (Catalog, FamilyColumns) {
    var schema = try Schema.minimalSource()
    let columns = try FamilyColumns(bands: ["r", "g"], addingTo: &schema)
    return (Catalog(schema, rowCount: rows), columns)
  }

  @Test func theColumnsAreFoundAgain() throws {
    let (catalog, columns) = try catalog(rows: 0)
    let again = try FamilyColumns(catalog.schema)
    #expect(again.bands == ["r", "g"] && columns.bands == ["r", "g"])
    #expect(again.isAtPeak.map(\.key) == columns.isAtPeak.map(\.key))
    #expect(throws: CatalogError.self) { try FamilyColumns(try Schema.minimalSource()) }
  }

  @Test func aChildIsOfItsPeaksBandsAndAParentOfItsFootprints() throws {
    var (catalog, columns) = try catalog(rows: 3)
    catalog[columns.isInFootprint[0].key, 0] = true
    catalog[columns.isInFootprint[1].key, 0] = true
    catalog[columns.parent, 1] = 1
    catalog[columns.isInFootprint[1].key, 1] = true
    catalog[columns.isAtPeak[0].key, 1] = true
    catalog[columns.isInFootprint[2].key, 2] = true
    #expect(columns.has("r", row: 0, of: catalog) && columns.has("g", row: 0, of: catalog))
    #expect(columns.has("r", row: 1, of: catalog) && !columns.has("g", row: 1, of: catalog))
    #expect(!columns.has("i", row: 0, of: catalog))
    #expect((0..<3).map { columns.isSky(row: $0, of: catalog) } == [false, false, true])
  }
}
