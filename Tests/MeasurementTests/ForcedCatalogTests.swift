// SPDX-License-Identifier: GPL-3.0-or-later
// What a catalog of forced measurements takes from its reference.

import Catalogs
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct ForcedCatalogTests {
  private let position = [Point2D(x: 20, y: 20), Point2D(x: 30, y: 25), Point2D(x: 12, y: 31)]

  private func exposure() throws -> Exposure {
    try makeExposure(
      noiseImage(Box2I(width: 50, height: 50), sigma: 1, seed: 3), variance: 1, psf: try gaussianPSF(sigma: 2))
  }

  /// Columns of every type arrive with their values, units and descriptions.
  @Test func columnsOfAllTypesAreCopied() throws {
    var keys:
      (
        Key<Bool>, Key<UInt8>, Key<UInt16>, Key<Int32>, Key<Int64>, Key<Float>, Key<Double>, Key<Angle>, Key<String>,
        Key<[Float]>
      )?
    var reference = try makeReference(at: position) { schema in
      keys = (
        try schema.addField("a_flag", doc: "a flag"), try schema.addField("a_byte", doc: "a byte"),
        try schema.addField("a_short", doc: "a short"), try schema.addField("a_number", doc: "a number"),
        try schema.addField("a_long", doc: "a long"), try schema.addField("a_float", unit: "mag", doc: "a float"),
        try schema.addField("a_double", unit: "nJy", doc: "a double"),
        try schema.addField("an_angle", unit: "deg", doc: "an angle"),
        try schema.addField("a_text", .string(length: 8), doc: "a text"),
        try schema.addField("an_array", .float32Array(count: 2), doc: "an array")
      )
    }
    let key = try #require(keys)
    for row in position.indices {
      reference[key.0, row] = row == 1
      (reference[key.1, row], reference[key.2, row]) = (UInt8(row + 1), UInt16(300 + row))
      (reference[key.3, row], reference[key.4, row]) = (Int32(-5 * row), Int64(1) << 40 + Int64(row))
      (reference[key.5, row], reference[key.6, row]) = (0.5 * Float(row), 1e-9 * Double(row))
      (reference[key.7, row], reference[key.8, row]) = (.degrees(7 * Double(row)), "row\(row)")
      reference[key.9, row] = [Float(row), 2]
    }
    let names = [
      "a_flag", "a_byte", "a_short", "a_number", "a_long", "a_float", "a_double", "an_angle", "a_text", "an_array",
    ]
    let task = try makeForced {
      // Also by an alias, and the ID over that of the minimal schema.
      $0.copyColumns = names.map { "\($0):ref_\($0)" } + ["slot_Centroid_x:ref_x", "id:id"]
    }
    let measured = try task.run(reference, on: try exposure())
    for name in names {
      let (theirs, own) = (try reference.schema.field(name), try measured.schema.field("ref_" + name))
      #expect(own.type == theirs.type && own.unit == theirs.unit && own.doc == theirs.doc)
      let (a, b) = (
        try #require(reference.schema.index(of: name)), try #require(measured.schema.index(of: "ref_" + name))
      )
      #expect(reference.storage(a) == measured.storage(b), "\(name)")
    }
    #expect(try measured.column("ref_x", as: Double.self) == position.map(\.x))
    #expect(try measured.schema.field("ref_x").unit == "pixel")
    #expect(try measured.column("id", as: Int64.self) == [100, 101, 102])
  }

  /// The reference lacks a column, or has it of a type that it cannot have.
  @Test func aMissingColumnIsNamed() throws {
    let reference = try makeReference(at: position)
    let task = try makeForced { $0.copyColumns = ["deblend_nChild:deblend_nChild"] }
    let error = #expect(throws: CatalogError.self) { try task.run(reference, on: try exposure()) }
    #expect(error?.category == "LookupError" && error?.description.contains("deblend_nChild") == true)
    #expect(throws: CatalogError.typeMismatch(field: "given_x", found: "D", expected: "L")) {
      try makeForced { $0.copyColumns = ["given_x:parent"] }.prepare(reference.schema)
    }
  }

  /// Others' columns stand behind, and stay whatever references come.
  @Test func columnsOfOthersStay() throws {
    let task = try makeForced { $0.copyColumns = ["id:id"] }
    #expect(task.schema == nil)
    let reference = try makeReference(at: position)
    let schema = try task.prepare(reference.schema) { schema in
      try schema.addField("base_PsfFlux_again", as: Double.self, doc: "another's")
    }
    #expect(schema.fields.last?.name == "base_PsfFlux_again" && task.schema == schema)
    let larger = try makeReference(at: position) { try $0.addField("more", as: Double.self, doc: "more") }
    for reference in [reference, larger] {
      var catalog = try task.generateMeasCat(reference)
      #expect(catalog.schema == schema)
      try task.run(&catalog, on: try exposure(), reference: reference)
      #expect(try catalog.column("base_PsfFlux_instFlux", as: Double.self).allSatisfy(\.isFinite))
    }
    // Columns that follow a reference of another kind would be lost with those of others.
    var other = Schema()
    try other.addField("id", as: Int32.self, doc: "number")
    #expect(throws: CatalogError.self) { try task.generateMeasCat(Catalog(other)) }
  }

  /// Without columns of others a task takes references of any schema, one after the other.
  @Test func everyReferenceIsPreparedFor() throws {
    let task = try makeForced { $0.copyColumns = ["kind:kind"] }
    let whole = try makeReference(at: position) { try $0.addField("kind", as: Int32.self, doc: "whole") }
    let broken = try makeReference(at: position) { try $0.addField("kind", as: Double.self, doc: "broken") }
    #expect(try task.run(whole, on: try exposure()).schema.field("kind").type == .int32)
    #expect(try task.run(broken, on: try exposure()).schema.field("kind").type == .float64)
  }

  @Test func rowsAreThoseOfTheReference() throws {
    let reference = try makeReference(at: position)
    let task = try makeForced { $0.copyColumns = ["id:id"] }
    var early = Catalog(reference.schema)
    #expect(throws: MeasurementError.notPrepared) {
      try task.run(&early, on: try exposure(), reference: reference)
    }
    var catalog = try task.generateMeasCat(reference)
    #expect((0..<3).allSatisfy { catalog.footprint(row: $0) == reference.footprint(row: $0) })
    let two = reference.selecting([0, 1])
    let error = #expect(throws: CatalogError.self) { try task.run(&catalog, on: try exposure(), reference: two) }
    #expect(error?.description.contains("3, expected 2") == true)
    let swapped = reference.selecting([0, 2, 1])
    #expect(throws: ForcedMeasurementError.otherSource(row: 1, found: 101, expected: 102)) {
      try task.run(&catalog, on: try exposure(), reference: swapped)
    }
    var strange = Catalog(reference.schema, rowCount: 3)
    #expect(throws: MeasurementError.self) { try task.run(&strange, on: try exposure(), reference: reference) }
  }

  @Test func idsAreCountedWhereTheyAreNotCopied() throws {
    let reference = try makeReference(at: position)
    let task = try makeForced()
    #expect(try task.generateMeasCat(reference).column("id", as: Int64.self) == [1, 2, 3])
    let ids = try IDFactory(catalogID: 5, reserved: 8)
    let catalog = try task.generateMeasCat(reference, idFactory: ids)
    #expect(try catalog.column("id", as: Int64.self) == [1281, 1282, 1283])
    #expect(try catalog.column("objectId", as: Int64.self) == [100, 101, 102])
  }

  /// A flux is corrected once, its undeblended twin not at all.
  @Test func apertureCorrectionsCountOnce() throws {
    var exposure = try exposure()
    var map = ApCorrMap()
    map["base_PsfFlux_instFlux"] = try SpatialFunction(
      SpatialBasis(.chebyshev(Box2D(exposure.box)), order: 0), coefficients: [1.25])
    exposure.apCorrMap = map
    let reference = try makeReference(at: position)
    let task = try makeForced { try $0.undeblended.select(["base_PsfFlux"]) }
    let correction = try ApplyApCorrTask()
    try task.prepare(reference.schema) { try correction.addFields(to: &$0) }
    var catalog = try task.generateMeasCat(reference)
    try task.run(&catalog, on: exposure, reference: reference)
    let before: [Double] = try catalog.column("base_PsfFlux_instFlux")
    correction.run(&catalog, map)
    #expect(try catalog.column("base_PsfFlux_instFlux", as: Double.self) == before.map { $0 * 1.25 })
    #expect(try catalog.column("base_PsfFlux_apCorr", as: Double.self) == [1.25, 1.25, 1.25])
    #expect(try catalog.column("undeblended_base_PsfFlux_instFlux", as: Double.self) == before)
  }

  /// A reference without footprints gets ellipses of the PSF.
  @Test func footprintsOfThePSF() throws {
    let exposure = try exposure()
    let places = [Point2D(x: 20.3, y: 20), Point2D(x: 49, y: 3), Point2D(x: 60, y: 20), Point2D(x: .nan, y: 1)]
    let reference = try makeReference(at: places)
    let task = try makeForced()
    var catalog = try task.generateMeasCat(reference)
    try task.attachPsfShapeFootprints(&catalog, reference: reference, on: exposure)
    let footprint = try #require(catalog.footprint(row: 0))
    // A circle of 6 px, as far as whole pixels can be one.
    #expect(abs(Double(footprint.area) - 36 * .pi) < 6)
    #expect(footprint.peaks.count == 1 && footprint.peaks[0].position == places[0])
    #expect(footprint.peaks[0].value == exposure.maskedImage.image[20, 20])
    #expect(catalog.footprint(row: 1) != nil)
    #expect(catalog.footprint(row: 2) == nil && catalog.footprint(row: 3) == nil)
    try task.attachPsfShapeFootprints(&catalog, reference: reference, on: exposure, scaling: 1)
    #expect(try abs(Double(#require(catalog.footprint(row: 0)).area) - 4 * .pi) < 4)
    var blind = exposure
    blind.psf = nil
    #expect(throws: ForcedMeasurementError.noPSF) {
      try task.attachPsfShapeFootprints(&catalog, reference: reference, on: blind)
    }
  }

  /// A footprint goes with the sky: pixel by pixel where the grids differ by whole pixels, and with its area where they are turned.
  @Test func footprintsGoThroughTheSky() throws {
    var exposure = try exposure()
    let center = Point2D(x: 25, y: 25)
    let reference = try makeReference(at: position, half: 4)
    let task = try makeForced()
    func footprints(_ theirs: SkyWCS) throws -> [Footprint] {
      var catalog = try task.generateMeasCat(reference)
      task.attachTransformedFootprints(&catalog, reference: reference, on: exposure, referenceWCS: theirs)
      return try (0..<3).map { try #require(catalog.footprint(row: $0)) }
    }
    exposure.wcs = try tangentWCS(at: center)
    let moved = try footprints(try tangentWCS(at: center + Point2D(x: -3, y: 7)))
    for row in 0..<3 {
      let there = try #require(reference.footprint(row: row))
      #expect(moved[row].spans == there.spans.shifted(x: 3, y: -7).clipped(to: exposure.box))
      #expect(moved[row].peaks[0].position.distance(to: there.peaks[0].position + Point2D(x: 3, y: -7)) < 1e-6)
      #expect(moved[row].region == exposure.box)
    }
    // A square of 9 px at half the scale, turned by 45°: 18²; a border of 72 px decides within half a pixel.
    exposure.wcs = try tangentWCS(at: center, scale: 0.5, turned: 45)
    let turned = try footprints(try tangentWCS(at: Point2D(x: 20, y: 20)))
    #expect(abs(Double(turned[0].area) - 324) < 36)
    #expect(turned[0].spans.centroid.map { $0.distance(to: center) < 0.2 } ?? false)
    // Beyond the image nothing is left.
    let far = try footprints(try tangentWCS(at: Point2D(x: 500, y: 500)))
    #expect(far.allSatisfy { $0.spans.isEmpty })
  }
}
