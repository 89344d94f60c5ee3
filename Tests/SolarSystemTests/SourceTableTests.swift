// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of measured sources before they are associated.

import Catalogs
import Imaging
import SkyGeometry
import SolarSystem
import TaskFramework
import Testing

@Suite struct SourceTableTests {
  /// A catalog as detection on differences has it, in small.
  private func measured(isDifference: Bool = true) throws -> Catalog {
    var schema = try Schema.minimalSource()
    if isDifference { try schema.addField("is_negative", as: Bool.self, doc: "negative") }
    let centroid = try PointKey(adding: "base_SdssCentroid", to: &schema, doc: "")
    try schema.addField("base_SdssCentroid_xErr", as: Float.self, unit: "pixel", doc: "")
    let flag = try schema.addField("base_SdssCentroid_flag", as: Bool.self, doc: "")
    try schema.setSlot(.centroid, to: "base_SdssCentroid")
    let flux = try schema.addField("base_PsfFlux_instFlux", as: Double.self, unit: "count", doc: "")
    let error = try schema.addField("base_PsfFlux_instFluxErr", as: Double.self, unit: "count", doc: "")
    try schema.setSlot(.psfFlux, to: "base_PsfFlux")
    let extendedness = try schema.addField("base_ClassificationSizeExtendedness_value", as: Double.self, doc: "")
    let saturated = try schema.addField("base_PixelFlags_flag_saturated", as: Bool.self, doc: "saturated")
    let raErr = try schema.addField("coord_raErr", as: Float.self, unit: "deg", doc: "")
    var catalog = Catalog(schema, rowCount: 2)
    let (id, parent, coord) = (
      try schema.key("id", as: Int64.self), try schema.key("parent", as: Int64.self), try CoordKey(in: schema)
    )
    for row in 0..<2 {
      (catalog[id, row], catalog[parent, row]) = (Int64(row) + 40, Int64(row) * 7)
      catalog[coord, row] = SpherePoint(raDegrees: 45 + Double(row) * 0.01, decDegrees: 45)
      catalog[centroid, row] = Point2D(x: 100 * Double(row + 1), y: 20)
      (catalog[flux, row], catalog[error, row]) = (row == 0 ? 200 : -300, 10)
      catalog[extendedness, row] = 0.25
      catalog[raErr, row] = 0.1 / 3600
    }
    (catalog[flag, 1], catalog[saturated, 1]) = (true, true)
    return catalog
  }

  @Test func fluxesAreInNanojanskyAndFlagsHaveTheirNames() throws {
    var exposure = try makeExposure(zeroPoint: nil)
    exposure.photoCalib = try PhotoCalib(mean: 2)
    let sources = try SourceTable(try measured(), exposure: exposure, band: "r")
    let table = sources.table
    #expect(sources.idColumn == "diaSourceId" && sources.ids == [40, 41])
    #expect(try table.number("psfFlux", 0) == 400 && table.number("psfFlux", 1) == -600)
    #expect(try table.number("psfFluxErr", 1) == 20 && table.number("snr", 1) == 30)
    #expect(try table.number("ra", 1) == 45.01 && table.number("x", 1) == 200)
    #expect(try table.column("centroid_flag", as: Bool.self) == [false, true])
    #expect(try table.column("pixelFlags_saturated", as: Bool.self) == [false, true])
    #expect(try table.whole("parentDiaSourceId") == [0, 7])
    #expect(try table.number("extendedness") == 0.25 && table.number("midpointMjdTai") == 60_000.5)
    #expect(try table.column("band", as: String.self) == ["r", "r"] && table.whole("ssObjectId") == [0, 0])
    #expect(try table.schema.field("psfFlux").unit == "nJy" && table.schema.field("ra").unit == "deg")
  }

  @Test func singleFramesHaveSourcesOfTheirOwnIDs() throws {
    let sources = try SourceTable(try measured(isDifference: false), exposure: try makeExposure(), band: nil)
    #expect(sources.idColumn == "id" && sources.ids == [40, 41])
    let result = try SsSingleFrameAssociationTask().run(
      exposure: try makeExposure(), sourceTable: try measured(isDifference: false), band: "r",
      solarSystemObjectTable: try makeObjects([(45, 45)]))
    #expect(try result.associatedSsSources.whole("id") == [40])
  }

  /// Without a calibration of the exposure that of each source counts; angles may be radians.
  @Test func catalogsMayHaveTheirOwnCalibration() throws {
    var schema = try measured().schema
    let local = try schema.addField("base_LocalPhotoCalib", as: Double.self, doc: "")
    var catalog = try measured().widened(to: schema)
    (catalog[local, 0], catalog[local, 1]) = (3, 5)
    let table = try SourceTable(catalog, exposure: try makeExposure(zeroPoint: nil), band: nil).table
    #expect(try table.number("psfFlux", 0) == 600 && table.number("psfFlux", 1) == -1500)
    var angles = Schema()
    try angles.addField("id", as: Int64.self, doc: "")
    let (ra, dec) = (
      try angles.addField("coord_ra", as: Double.self, unit: "rad", doc: ""),
      try angles.addField("coord_dec", as: Double.self, unit: "rad", doc: "")
    )
    let error = try angles.addField("coord_raErr", as: Double.self, unit: "rad", doc: "")
    let flux = try angles.addField("base_PsfFlux_instFlux", as: Double.self, doc: "")
    var radians = Catalog(angles, rowCount: 1)
    (radians[ra, 0], radians[dec, 0], radians[error, 0], radians[flux, 0]) = (.pi / 4, -.pi / 6, .pi / 648_000, 10)
    let converted = try SourceTable(radians, exposure: try makeExposure(zeroPoint: 31.4), band: nil).table
    #expect(try abs(converted.number("ra") - 45) < 1e-12 && abs(converted.number("dec") + 30) < 1e-12)
    #expect(abs(try converted.number("raErr") * 3600 - 1) < 1e-12)
    // A table without slots has measurements by their names; 31.4 is one nJy, nearly.
    #expect(abs(try converted.number("psfFlux") - 10) < 0.01)
  }

  @Test func withoutCalibrationFluxesAreNone() throws {
    let task = try SsSingleFrameAssociationTask()
    let result = try task.run(
      exposure: try makeExposure(zeroPoint: nil), sourceTable: try measured(), band: "r",
      solarSystemObjectTable: try makeObjects([(45, 45)]))
    #expect(try result.associatedSsSources.number("DIA_psfFlux").isNaN)
    #expect(task.warnings.count == 1)
  }

  @Test func calibratedTablesStayAsTheyAre() throws {
    var schema = Schema()
    let (ra, dec) = (
      try schema.addField("ra", as: Double.self, doc: ""), try schema.addField("dec", as: Double.self, doc: "")
    )
    let note = try schema.addField("note", .string(length: 8), as: String.self, doc: "")
    var catalog = Catalog(schema, rowCount: 2)
    for row in 0..<2 { (catalog[ra, row], catalog[dec, row], catalog[note, row]) = (45, 45, "n\(row)") }
    let sources = try SourceTable(catalog, exposure: try makeExposure(), band: nil)
    // Rows that nobody numbered are numbered.
    #expect(sources.idColumn == "id" && sources.ids == [1, 2])
    #expect(try sources.table.column("note", as: String.self) == ["n0", "n1"])
  }
}
