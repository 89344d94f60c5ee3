// SPDX-License-Identifier: GPL-3.0-or-later
// Association of one exposure's sources: the scenarios of framework E.3, and outcomes.

import Catalogs
import Imaging
import SkyGeometry
import SolarSystem
import TaskFramework
import Testing

@Suite struct SingleFrameTests {
  /// E.3: at (45, 45), one AU or two from an observer at the origin.
  private func oneObject() throws -> Catalog {
    try makeSeries(
      [("K15MK4Q", nil, [[0], [0], [0]], [[1], [1], [(2.0).squareRoot()]])], tmin: 59_999.5, tmax: 60_001)
  }

  private func scatteredSources() throws -> Catalog {
    let others = (1...10).map { (ra: 45 + 0.001 * Double($0), dec: 45 - 0.002 * Double($0)) }
    return try makeSources(others + [(45, 45)])
  }

  private func associate(
    _ sources: Catalog, _ objects: Catalog?, _ exposure: Exposure, band: String? = "r",
    _ change: (inout SolarSystemAssociationConfig) -> Void = { _ in }
  ) throws -> SolarSystemAssociationResult {
    var config = SsSingleFrameAssociationConfig()
    try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) { change(&$0) }
    return try SsSingleFrameAssociationTask(config: config).run(
      exposure: exposure, sourceTable: sources, band: band, solarSystemObjectTable: objects)
  }

  /// E.3, first row.
  @Test func theSourceAtTheObjectIsTheObject() throws {
    let result = try associate(try scatteredSources(), try oneObject(), try makeExposure())
    #expect(result.nTotalSsObjects == 1 && result.nAssociatedSsObjects == 1)
    #expect(try result.associatedSsSources.whole("ssObjectId") == [21_164_728_253_101_137])
    #expect(try result.ssoAssocDiaSources.whole("ssObjectId") == [21_164_728_253_101_137])
    #expect(try result.ssoAssocDiaSources.whole("diaSourceId") == [11])
    #expect(try result.unAssocDiaSources.whole("ssObjectId") == Array(repeating: 0, count: 10))
    #expect(result.unassociatedSsObjects.isEmpty && result.diaSources.rowCount == 11)
    let row = result.associatedSsSources
    #expect(try abs(row.number("ra") - 45) < 1e-12 && abs(row.number("ephRa") - 45) < 1e-12)
    #expect(try abs(row.number("ephOffset")) < 1e-9 && abs(row.number("topoRange") - 2) < 1e-12)
    #expect(try row.column("diaDistanceRank", as: Int32.self) == [1])
    #expect(try row.column("designation", as: String.self) == ["K15MK4Q"])
    #expect(try row.number("DIA_psfFlux") == 1010 && row.number("ephVmag") == 20.5)
  }

  @Test func theSeedsMethodGivesTheTable() throws {
    let task = try SsSingleFrameAssociationTask()
    let table = try task.associateSources(
      sourceTable: try scatteredSources(), solarSystemObjectTable: try oneObject(), exposure: try makeExposure())
    #expect(try table.whole("diaSourceId") == [11])
    #expect(task.fullMetadata().contains("ssSingleFrameAssociation:solarSystemAssociator.nAssociatedSsObjects"))
    let first = try associate(try scatteredSources(), try oneObject(), try makeExposure()) { $0.columns = .v1 }
    #expect(
      first.associatedSsSources.schema.fields.map(\.name) == [
        "ssObjectId", "obs_position_x", "obs_position_y", "obs_position_z", "obj_position_x", "obj_position_y",
        "obj_position_z", "ra", "dec", "expected_ra", "expected_dec",
      ])
    #expect(try first.associatedSsSources.number("obj_position_y") == 1)
    #expect(abs(try first.associatedSsSources.number("obs_position_z")) < 1e-15)
  }

  // MARK: - What is missing or does not fit

  @Test func withoutEphemeridesThereIsNoWork() throws {
    #expect(throws: NoWorkFound.self) { try associate(try scatteredSources(), nil, try makeExposure()) }
  }

  @Test(arguments: [0, 1])
  func emptyTablesGiveEmptyTables(objectCount: Int) throws {
    // None in the footprint, or none at all.
    let objects = try makeObjects(Array(repeating: (120.0, -10.0), count: objectCount))
    let result = try associate(try scatteredSources(), objects, try makeExposure())
    #expect(result.nTotalSsObjects == 0 && result.nAssociatedSsObjects == 0)
    #expect(result.ssoAssocDiaSources.isEmpty && result.unAssocDiaSources.rowCount == 11)
    #expect(try result.unAssocDiaSources.whole("ssObjectId") == Array(repeating: 0, count: 11))
    let full = try associate(try scatteredSources(), try makeObjects([(45, 45)]), try makeExposure())
    #expect(result.associatedSsSources.isEmpty && result.unassociatedSsObjects.isEmpty)
    #expect(result.associatedSsSources.schema == full.associatedSsSources.schema)
    #expect(result.unassociatedSsObjects.schema == full.unassociatedSsObjects.schema)
    #expect(full.associatedSsSources.schema.contains("MPCORB_q"))
  }

  @Test func withoutSourcesAllObjectsAreUnassociated() throws {
    var exposure = try makeExposure()
    var mask = exposure.maskedImage.mask
    try mask.set("SAT", in: Box2I(minX: 499, minY: 499, width: 3, height: 3))
    try mask.set("DETECTED", in: exposure.box)
    exposure.maskedImage = try MaskedImage(
      image: exposure.maskedImage.image, mask: mask, variance: exposure.maskedImage.variance)
    let result = try associate(try makeSources([]), try makeObjects([(45, 45), (45.001, 45)]), exposure)
    #expect(try result.unassociatedSsObjects.column("maskPlanes", as: String.self) == ["SAT", ""])
    #expect(abs(try result.unassociatedSsObjects.number("x") - 500) < 1e-6)
    #expect(result.nTotalSsObjects == 2 && result.nAssociatedSsObjects == 0)
    #expect(try result.unassociatedSsObjects.whole("ssObjectId") == [1001, 1002])
    #expect(try result.unassociatedSsObjects.column("isOnDetector", as: Bool.self) == [true, true])
    #expect(try result.unassociatedSsObjects.number("ephRa", 1) == 45.001)
  }

  @Test func whatStandsTwiceIsAnErrorThatListsIt() throws {
    let positions = [(45.0, 45.0), (45.001, 45), (45.002, 45), (45.003, 45)]
    let error = #expect(throws: SolarSystemError.self) {
      try associate(try makeSources(positions, ids: [5, 6, 5, 6]), try oneObject(), try makeExposure())
    }
    #expect(
      error
        == .duplicates(table: "sources", column: "diaSourceId", ids: [5, 6], rows: [[0, 2], [1, 3]]))
    #expect(error?.category == "RuntimeError" && "\(error, default: "")".contains("5 (rows 1, 3); 6 (rows 2, 4)"))
    #expect(
      throws: SolarSystemError.duplicates(table: "ephemerides", column: "ssObjectId", ids: [9], rows: [[0, 3]])
    ) {
      try associate(try scatteredSources(), try makeObjects(positions, ids: [9, 8, 7, 9]), try makeExposure())
    }
  }

  @Test func theBandMustBeTheExposures() throws {
    #expect(throws: SolarSystemError.wrongBand(found: "r", expected: "g")) {
      try associate(try scatteredSources(), try oneObject(), try makeExposure(), band: "g")
    }
    let result = try associate(try scatteredSources(), try oneObject(), try makeExposure(band: nil), band: "g")
    #expect(try result.diaSources.column("band", as: String.self).first == "g")
  }

  @Test func theExposureMustSayWhereAndWhen() throws {
    var exposure = try makeExposure(mjd: nil)
    let whenError = #expect(throws: SolarSystemError.self) {
      try associate(try scatteredSources(), try oneObject(), exposure)
    }
    #expect("\(whenError, default: "")".contains("midpoint"))
    exposure = try makeExposure()
    exposure.wcs = nil
    let whereError = #expect(throws: SolarSystemError.self) {
      try associate(try scatteredSources(), try oneObject(), exposure)
    }
    #expect("\(whereError, default: "")".contains("WCS"))
  }

  @Test func ephemeridesOfAnotherTimeAreRefused() throws {
    let exposure = try makeExposure(mjd: 60_002)
    #expect(throws: SolarSystemError.outsideTimeRange(exposure: 60_002, first: 59_999.5, last: 60_001)) {
      try associate(try scatteredSources(), try oneObject(), exposure)
    }
    let task = try SolarSystemAssociationTask(
      config: {
        var config = SolarSystemAssociationConfig()
        config.doExtrapolate = true
        return config
      }())
    let result = try task.run(
      try SourceTable(try scatteredSources(), exposure: exposure, band: "r"),
      objects: try SolarSystemObjects(try oneObject()), exposure: exposure)
    #expect(result.nAssociatedSsObjects == 1 && task.warnings.count == 1)
  }

  @Test func missingColumnsAreNamed() throws {
    var schema = Schema()
    try schema.addField("number", as: Int64.self, doc: "")
    let error = #expect(throws: SolarSystemError.self) {
      try associate(try scatteredSources(), Catalog(schema, rowCount: 1), try makeExposure())
    }
    #expect("\(error, default: "")".contains("ra"))
    let other = #expect(throws: SolarSystemError.self) {
      try associate(Catalog(schema, rowCount: 1), try oneObject(), try makeExposure())
    }
    #expect("\(other, default: "")".contains("coord_ra") && other?.category == "KeyError")
  }

  @Test func positionsThatAreNoneAreLeftOut() throws {
    let exposure = try makeExposure()
    let sources = try makeSources([(.nan, 45), (45, 45), (45, .infinity)])
    let objects = try makeObjects([(.nan, .nan), (45, 45)])
    let task = try SolarSystemAssociationTask()
    let result = try task.run(
      try SourceTable(sources, exposure: exposure, band: nil), objects: try SolarSystemObjects(objects),
      exposure: exposure)
    #expect(result.nTotalSsObjects == 1 && result.nAssociatedSsObjects == 1 && task.warnings.count == 1)
    #expect(try result.unAssocDiaSources.whole("diaSourceId") == [1, 3])
  }

  /// Flags may be 0 and 1, as in text; what is neither is an error.
  @Test func flagsMayBeNumbers() throws {
    var schema = try makeSources([]).schema
    let sky = try schema.addField("sky_source", as: Int64.self, doc: "")
    let children = try schema.addField("nChild", as: Double.self, doc: "")
    var sources = try makeSources(Array(repeating: (45, 45), count: 3)).widened(to: schema)
    (sources[sky, 0], sources[children, 1]) = (1, 2)
    let result = try associate(sources, try makeObjects([(45, 45)]), try makeExposure())
    #expect(try result.associatedSsSources.whole("diaSourceId") == [3])
    #expect(throws: SolarSystemError.self) {
      try associate(sources, try makeObjects([(45, 45)]), try makeExposure()) { $0.excludedFlags = ["band"] }
    }
  }

  /// What a table says of objects already is put aside, whatever its type.
  @Test func olderAssociationsAreForgotten() throws {
    var schema = try makeSources([]).schema
    let old = try schema.addField("ssObjectId", as: Double.self, doc: "")
    var sources = try makeSources([(45, 45), (45.01, 45)]).widened(to: schema)
    sources[old, 1] = 77
    let result = try associate(sources, try makeObjects([(45, 45)]), try makeExposure())
    #expect(try result.diaSources.whole("ssObjectId") == [1001, 0])
  }

  @Test func skyAndNegativeSourcesAreNoObjects() throws {
    var schema = try makeSources([]).schema
    let sky = try schema.addField("sky_source", as: Bool.self, doc: "")
    let negative = try schema.addField("isNegative", as: Bool.self, doc: "")
    let children = try schema.addField("nChild", as: Int32.self, doc: "")
    var sources = try makeSources(Array(repeating: (45, 45), count: 4)).widened(to: schema)
    (sources[sky, 0], sources[negative, 1], sources[children, 2]) = (true, true, 2)
    let result = try associate(sources, try makeObjects([(45, 45)]), try makeExposure())
    #expect(try result.associatedSsSources.whole("diaSourceId") == [4])
    // All but the blend that was split.
    let all = try associate(sources, try makeObjects([(45, 45)]), try makeExposure()) { $0.excludedFlags = [] }
    #expect(try all.candidates.whole("diaSourceId") == [1, 2, 4])
  }
}
