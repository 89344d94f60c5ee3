// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import SkyGeometry
import Testing

@Suite struct SchemaTests {
  @Test func fieldsKeepTheirOrderAndNamesAreUnique() throws {
    var schema = try Schema.minimalSource()
    #expect(schema.fields.map(\.name) == ["id", "coord_ra", "coord_dec", "parent"])
    #expect(schema.fields.map(\.unit) == ["", "deg", "deg", ""])
    try schema.addField("flux", as: Double.self, unit: "nJy", doc: "a flux")
    #expect(throws: CatalogError.self) { try schema.addField("flux", as: Float.self, doc: "again") }
    for name in ["", "1st", "a b", "a.b", "a-b", "ä", String(repeating: "x", count: 201)] {
      #expect(throws: CatalogError.self, "\(name)") { try Field(name, .flag, doc: "") }
    }
    #expect(throws: CatalogError.self) { try Field("a", .string(length: 0), doc: "") }
    #expect(throws: CatalogError.self) { try Field("a", .float32Array(count: -1), doc: "") }
    #expect(throws: CatalogError.self) { try Field("a", .flag, doc: "two\nlines") }
  }

  @Test func typeCodesReadBack() {
    let types: [FieldType] = [
      .flag, .uint8, .uint16, .int32, .int64, .float32, .float64, .angle, .string(length: 12), .int32Array(count: 3),
      .float32Array(count: 4), .float64Array(count: 5),
    ]
    for type in types { #expect(FieldType(code: type.code) == type) }
    for code in ["", "X", "String", "String0", "String-1", "String01", "ArrayF99999999999999999999", "flag"] {
      #expect(FieldType(code: code) == nil, "\(code)")
    }
  }

  /// The longest alias counts, one after the other, and a circle is refused.
  @Test func aliases() throws {
    var schema = try Schema([
      Field("base_PsfFlux_instFlux", .float64, doc: ""), Field("base_PsfFlux_instFluxErr", .float64, doc: ""),
      Field("other_instFlux", .float64, doc: ""),
    ])
    try schema.setAlias("slot_PsfFlux", to: "base_PsfFlux")
    try schema.setAlias("psf", to: "slot_PsfFlux")
    try schema.setAlias("psf_special", to: "other")
    #expect(schema.resolve("psf_instFlux") == "base_PsfFlux_instFlux")
    #expect(schema.resolve("psf_special_instFlux") == "other_instFlux")
    let key: Key<Double> = try schema.key("psf_instFluxErr")
    #expect(key.index == 1)
    #expect(throws: CatalogError.self) { try schema.setAlias("base_PsfFlux", to: "psf") }
    #expect(throws: CatalogError.self) { try schema.setAlias("a", to: "ab") }
    #expect(schema.aliases.count == 3)
    try schema.setAlias("psf", to: "")
    #expect(!schema.contains("psf_instFlux"))
  }

  @Test func slots() throws {
    var schema = try Schema.minimalSource()
    #expect(throws: CatalogError.self) { try schema.centroidSlot() }
    _ = try PointKey(adding: "base_SdssCentroid", to: &schema, doc: "centroid")
    try schema.setSlot(.centroid, to: "base_SdssCentroid")
    #expect(schema.measurement(of: .centroid) == "base_SdssCentroid")
    let bare = try schema.centroidSlot()
    #expect(bare.flag == nil && bare.error == nil)
    try schema.addField("base_SdssCentroid_flag", as: Bool.self, doc: "bad")
    _ = try CovarianceMatrixKey(
      adding: "base_SdssCentroid", ["x", "y"], units: ["pixel", "pixel"], to: &schema, withCovariances: true, doc: "e")
    let slot = try schema.centroidSlot()
    #expect(slot.flag != nil && slot.error != nil)
    var catalog = Catalog(schema, rowCount: 1)
    let covariance = try #require(slot.error)
    covariance.set([[4, 0.5], [0.5, 9]], in: &catalog, row: 0)
    #expect(covariance.matrix(of: catalog, row: 0) == [[4, 0.5], [0.5, 9]])
    #expect(try catalog.column("base_SdssCentroid_x_y_Cov", as: Float.self) == [0.5])
    catalog[slot.position, 0] = Point2D(x: 1, y: 2)
    #expect(catalog[bare.position, 0] == Point2D(x: 1, y: 2))
    try schema.setSlot(.centroid, to: nil)
    #expect(schema.measurement(of: .centroid) == nil)
  }

  @Test func misspelledAndMistypedColumns() throws {
    let schema = try Schema.minimalSource()
    let missing = #expect(throws: CatalogError.self) { try schema.field("cord_ra") }
    #expect(missing?.description == "there is no column cord_ra; did you mean coord_ra?")
    let mistyped = #expect(throws: CatalogError.self) { try schema.key("id", as: Double.self) }
    #expect(mistyped?.description == "column id is L, not Double")
    #expect(nearestName(to: "xyz", among: ["coord_ra", "id"]) == nil)
    #expect(nearestName(to: "spatialKernleOrder", among: ["spatialKernelOrder", "order"]) == "spatialKernelOrder")
  }

  @Test func differencesAreNamed() throws {
    let a = try Schema([Field("x", .float64, unit: "pixel", doc: ""), Field("y", .float64, doc: "")])
    let b = try Schema([Field("x", .float32, unit: "deg", doc: ""), Field("z", .flag, doc: "")])
    #expect(
      a.differences(from: b) == [
        "column x is F, not D", "column x has unit \"deg\", not \"pixel\"", "column y is missing",
        "column z is too many",
      ])
    var c = a
    try c.setAlias("q", to: "x")
    #expect(a.differences(from: c) == ["the aliases differ"])
    #expect(a.differences(from: a) == [])
    var union = a
    try union.formUnion(try Schema([Field("y", .float64, doc: ""), Field("w", .flag, doc: "")]))
    #expect(union.fields.map(\.name) == ["x", "y", "w"])
    #expect(throws: CatalogError.self) { try union.formUnion(b) }
  }
}

@Suite struct CatalogTests {
  @Test func missingValues() throws {
    var schema = Schema()
    let double = try schema.addField("d", as: Double.self, doc: "")
    let int = try schema.addField("i", as: Int32.self, doc: "")
    let flag = try schema.addField("f", as: Bool.self, doc: "")
    let angle = try schema.addField("a", as: Angle.self, doc: "")
    let text = try schema.addField("s", .string(length: 5), as: String.self, doc: "")
    let array = try schema.addField("v", .float32Array(count: 2), as: [Float].self, doc: "")
    var catalog = Catalog(schema)
    catalog.addRow()
    #expect(catalog[double, 0].isNaN && catalog[int, 0] == 0 && !catalog[flag, 0] && !catalog[angle, 0].isFinite)
    let values = catalog[array, 0]
    #expect(catalog[text, 0] == "" && values.count == 2 && values[0].isNaN && values[1].isNaN)
  }

  private func sample() throws -> Catalog {
    var schema = try Schema.minimalSource()
    let flux = try schema.addField("flux", as: Double.self, doc: "")
    let (id, parent): (Key<Int64>, Key<Int64>) = (try schema.key("id"), try schema.key("parent"))
    var catalog = Catalog(schema)
    for (i, value) in [3.0, 1, 2, 1].enumerated() {
      catalog.addRow()
      catalog[id, i] = Int64(10 - i)
      catalog[parent, i] = i == 3 ? 10 : 0
      catalog[flux, i] = value
      catalog.setFootprint(
        Footprint(SpanSet(Box2I(width: i + 1, height: 1)), region: Box2I(width: 9, height: 9)), row: i)
    }
    return catalog
  }

  @Test func sortingKeepsEqualRowsAndFootprints() throws {
    let catalog = try sample()
    let sorted = catalog.sorted(by: try catalog.schema.key("flux", as: Double.self))
    #expect(try sorted.column("id", as: Int64.self) == [9, 7, 8, 10])
    #expect(sorted.footprints.map { $0?.area } == [2, 4, 3, 1])
    #expect(try sorted.row(withID: 8) == 2)
    #expect(try sorted.row(withID: 99) == nil)
    #expect(try catalog.children(of: 10) == [3])
    let bright = try catalog.filter { try catalog.column("flux", as: Double.self)[$0] > 1.5 }
    #expect(try bright.column("id", as: Int64.self) == [10, 8])
  }

  @Test func joiningNeedsOneSchema() throws {
    var catalog = try sample()
    let other = try sample()
    try catalog.append(contentsOf: other)
    #expect(catalog.rowCount == 8 && catalog.footprints.count == 8)
    #expect(catalog.selecting(4..<8) == other)
    let error = #expect(throws: CatalogError.self) {
      try catalog.append(contentsOf: Catalog(try Schema.minimalSource()))
    }
    #expect(error?.description == "tables of different schemas cannot be joined: column flux is missing")
  }

  @Test func aCopyIsIndependent() throws {
    let original = try sample()
    var copy = original
    copy[try copy.schema.key("flux", as: Double.self), 0] = 77
    #expect(copy != original)
    #expect(try original.column("flux", as: Double.self)[0] == 3)
  }
}
