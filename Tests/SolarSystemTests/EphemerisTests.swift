// SPDX-License-Identifier: GPL-3.0-or-later
// Ephemerides and what follows from them, against the vector of framework E.3.

import Catalogs
import Foundation
import Imaging
import SkyGeometry
import SolarSystem
import TaskFramework
import Testing

@Suite struct EphemerisTests {
  private let au = 149_597_870.7

  /// 2003 YF26 of E.3, in the layout of Sorcha: heliocentric vectors of object and observer, km.
  private func state(_ change: (inout [String: Double]) -> Void = { _ in }) throws -> Catalog {
    let helio = [-2.03972984386492, -0.754159365265218, -0.09916618480505775]
    let velocity = [6.451686836410149, -17.36829941588102, -9.013339853647382]
    let topo = [-1.2867480491014316, -0.1395377271885233, 0.16727378829681566]
    let topoVelocity = [-13.061265792221151, 3.5105145303033005, -0.11752881599981002]
    var values = [
      "RATrue_deg": 186.18909260549128, "DecTrue_deg": 7.364065668224215, "phase_deg": 17.248719450313473,
      "RARateCosDec_deg_day": -0.1242177608944433, "DecRate_deg_day": -0.0439180553471223,
      "Range_LTC_km": 1.3050562591039694 * au,
      "RangeRate_LTC_km_s": zip(topo, topoVelocity).map(*).reduce(0, +) / 1.3050562591039694,
      "trailedSourceMagTrue": 21.5, "fieldMJD_TAI": 60_000.5,
    ]
    for (i, axis) in ["x", "y", "z"].enumerated() {
      values["Obj_Sun_\(axis)_LTC_km"] = helio[i] * au
      values["Obj_Sun_v\(axis)_LTC_km_s"] = velocity[i]
      values["Obs_Sun_\(axis)_km"] = (helio[i] - topo[i]) * au
      values["Obs_Sun_v\(axis)_km_s"] = velocity[i] - topoVelocity[i]
    }
    change(&values)
    var schema = Schema()
    let name = try schema.addField("ObjID", .string(length: 12), as: String.self, doc: "")
    let packed = try schema.addField("packed_desig", .string(length: 8), as: String.self, doc: "")
    var keys: [String: Key<Double>] = [:]
    for column in values.keys.sorted() { keys[column] = try schema.addField(column, doc: "") }
    var table = Catalog(schema, rowCount: 1)
    (table[name, 0], table[packed, 0]) = ("2003 YF26", "K03Y26F")
    for (column, value) in values { if let key = keys[column] { table[key, 0] = value } }
    return table
  }

  private func associated(_ objects: Catalog, ra: Double, dec: Double) throws -> Catalog {
    let result = try SsSingleFrameAssociationTask().run(
      exposure: try makeExposure(ra: 186.19, dec: 7.36), sourceTable: try makeSources([(ra, dec)]), band: "r",
      solarSystemObjectTable: objects)
    try #require(result.nAssociatedSsObjects == 1)
    return result.associatedSsSources
  }

  @Test func allColumnsAreThoseOfTheVector() throws {
    let row = try associated(try state(), ra: 186.18906993899677, dec: 7.364048187677204)
    func expect(_ name: String, _ value: Double, places: Int, _ location: SourceLocation = #_sourceLocation) throws {
      #expect(abs(try row.number(name) - value) < 0.5 * pow(10, -Double(places)), "\(name)", sourceLocation: location)
    }
    try expect("helioRange", 2.1769446746252505, places: 10)
    try expect("topoRange", 1.3050562591039694, places: 10)
    try expect("helio_vtot", 20.603940956820594, places: 10)
    try expect("topo_vtot", 13.525316609422026, places: 10)
    try expect("ephRate", 0.13175297987940152, places: 10)
    try expect("phaseAngle", 17.248719450313473, places: 6)
    try expect("elongation", 140.17164534286258, places: 4)
    try expect("helioRangeRate", 0.3824562080346701, places: 4)
    try expect("ephOffsetRa", -0.08092633090227584, places: 10)
    try expect("ephOffsetDec", -0.06292996923882299, places: 10)
    try expect("ephOffset", 0.10251464315747216, places: 10)
    try expect("ephOffsetAlongTrack", 0.09727483587724564, places: 10)
    try expect("ephOffsetCrossTrack", 0.03235519072357292, places: 10)
    try expect("eclLambda", 182.73184707660818, places: 6)
    try expect("eclBeta", 9.214287183249514, places: 6)
    try expect("galLon", 283.959546691413, places: 6)
    try expect("galLat", 69.24711603487795, places: 6)
    let (along, cross) = (try row.number("ephOffsetAlongTrack"), try row.number("ephOffsetCrossTrack"))
    #expect(abs(hypot(along, cross) - (try row.number("ephOffset"))) < 1e-12)
    #expect(try row.whole("ssObjectId") == [try PackedDesignation("K03Y26F").ssObjectID()])
    #expect(try row.column("designation", as: String.self) == ["2003 YF26"])
  }

  /// The same vectors as series: position, distances, phase and rates are worked out, rates without the change of the light's way.
  @Test func seriesGiveTheSame() throws {
    let known = try associated(try state(), ra: 186.18906993899677, dec: 7.364048187677204)
    func vector(_ name: String, _ suffix: String = "") throws -> [Double] {
      try ["x", "y", "z"].map { try known.number("\(name)_\(suffix)\($0)") }
    }
    let day = au / 86_400
    let (helio, velocity) = (try vector("helio"), try vector("helio", "v").map { $0 / day })
    let (topo, topoVelocity) = (try vector("topo"), try vector("topo", "v").map { $0 / day })
    // At 2.25 days after tmin, where P = c₀ + 2.25 c₁ + (2 · 2.25² − 1) c₂.
    let (time, square) = (2.25, 2 * 2.25 * 2.25 - 1)
    func series(_ position: [Double], _ velocity: [Double]) -> [[Double]] {
      zip(position, velocity).enumerated().map { axis, state in
        let bend = 1e-4 * Double(axis + 1)
        let slope = state.1 - 4 * 2.25 * bend
        return [state.0 - time * slope - square * bend, slope, bend]
      }
    }
    let observer = series(zip(helio, topo).map(-), zip(velocity, topoVelocity).map(-))
    let objects = try makeSeries(
      [("K03Y26F", nil, observer, series(helio, velocity))], tmin: 59_998.25, tmax: 60_001)
    let row = try associated(objects, ra: 186.18906993899677, dec: 7.364048187677204)
    for name in [
      "helioRange", "topoRange", "helio_vtot", "topo_vtot", "phaseAngle", "elongation", "helioRangeRate",
      "topoRangeRate",
    ] { #expect(abs(try row.number(name) - known.number(name)) < 1e-6, "\(name)") }
    // What Sorcha lists is to be where its vectors point.
    #expect(abs(try row.number("ephRa") - known.number("ephRa")) < 1e-8)
    #expect(abs(try row.number("ephDec") - known.number("ephDec")) < 1e-8)
    // framework B.4: 2 · 10⁻⁴ of the rates.
    #expect(abs(try row.number("ephRateRa") + 0.1241988) < 1e-7)
    #expect(abs(try row.number("ephRateDec") + 0.0439269) < 1e-7)
    #expect(abs(try row.number("ephOffsetAlongTrack") - known.number("ephOffsetAlongTrack")) < 1e-4)
  }

  @Test func motionAlongRightAscensionAloneSplitsTheOffsetSo() throws {
    let objects = try state {
      $0["DecRate_deg_day"] = 0; $0["RARateCosDec_deg_day"] = 0.2
    }
    let row = try associated(objects, ra: 186.18906993899677, dec: 7.364048187677204)
    #expect(abs(try row.number("ephOffsetAlongTrack") - row.number("ephOffsetRa")) < 1e-15)
    #expect(abs(try row.number("ephOffsetCrossTrack") - row.number("ephOffsetDec")) < 1e-15)
  }

  @Test func positionsMoveToTheMidpoint() throws {
    // Ten minutes of 7.2″ an hour north and 14.4″ an hour east.
    let objects = try makeObjects([(45, 60)], rates: [(0.096, 0.048)], mjd: 60_000.5 - 10.0 / 1440)
    let ephemeris = try #require(try SolarSystemObjects(objects).ephemerides(at: 60_000.5).first)
    #expect(abs((ephemeris.dec - 60) * 3600 - 1.2) < 1e-4)
    #expect(abs((ephemeris.ra - 45) * 3600 * 0.5 - 2.4) < 1e-4)
    let error = #expect(throws: SolarSystemError.self) { try SolarSystemObjects(objects).ephemerides(at: 60_000.6) }
    #expect(error?.category == "ValueError")
    #expect(try SolarSystemObjects(objects).ephemerides(at: 60_000.6, extrapolates: true).count == 1)
  }

  @Test func textFilesHaveAColumnACoefficient() throws {
    var schema = Schema()
    var keys: [(Key<Double>, Double)] = []
    try schema.addField("ObjID", .string(length: 8), as: String.self, doc: "")
    for (name, values) in [
      ("obs_x", [0.0, 0]), ("obs_y", [0, 0]), ("obs_z", [0, 0]), ("obj_x", [1, 0.5]), ("obj_y", [1, 0]),
      ("obj_z", [0, 0]),
    ] {
      for (i, value) in values.enumerated() {
        keys.append((try schema.addField("\(name)_poly_\(i)", as: Double.self, doc: ""), value))
      }
    }
    keys.append((try schema.addField("tmin", as: Double.self, doc: ""), 60_000))
    keys.append((try schema.addField("tmax", as: Double.self, doc: ""), 60_003))
    var table = Catalog(schema, rowCount: 1)
    table[try schema.key("ObjID", as: String.self), 0] = "K15MK4Q"
    for (key, value) in keys { table[key, 0] = value }
    let objects = try SolarSystemObjects(table)
    #expect(objects.layout == .series && objects.designations == ["K15MK4Q"])
    let ephemeris = try #require(try objects.ephemerides(at: 60_002).first)
    #expect(ephemeris.helio == SIMD3(2, 1, 0) && abs(ephemeris.phaseAngle) < 1e-12)
  }

  /// The galactic centre and pole of the IAU, and the poles of the ecliptic.
  @Test(arguments: [
    (266.40499, -28.93617, "galLat", 0.0), (192.85948, 27.12825, "galLat", 90), (12.85948, -27.12825, "galLat", -90),
    (270.0, 66.56071, "eclBeta", 90), (90, -66.56071, "eclBeta", -90), (0, 0, "eclBeta", 0),
  ])
  func framesHaveTheirPoles(ra: Double, dec: Double, column: String, latitude: Double) throws {
    let result = try SsSingleFrameAssociationTask().run(
      exposure: try makeExposure(ra: ra, dec: dec), sourceTable: try makeSources([(ra, dec)]), band: "r",
      solarSystemObjectTable: try makeObjects([(ra, dec)]))
    #expect(abs(try result.associatedSsSources.number(column) - latitude) < 0.003)
  }

  /// A time that is none is one object's trouble, wherever its row is.
  @Test(arguments: [0, 1]) func aRowWithoutATimeIsLeftOut(row: Int) throws {
    var objects = try makeObjects([(45, 45), (45, 45)], rates: [(0, 0), (0, 0)], mjd: 60_000.5)
    objects[try objects.schema.key("mjdTAI", as: Double.self), row] = .nan
    let ephemerides = try SolarSystemObjects(objects).ephemerides(at: 60_000.5)
    #expect(ephemerides[row].ra.isNaN && ephemerides[1 - row].ra == 45)
  }

  /// Without rates a position of another time is of no use.
  @Test func positionsThatCannotMoveAreRefused() throws {
    let objects = try SolarSystemObjects(try makeObjects([(45, 45)], mjd: 60_000.49))
    #expect(throws: SolarSystemError.self) { try objects.ephemerides(at: 60_000.5) }
    #expect(try objects.ephemerides(at: 60_000.4901).count == 1)
  }

  /// Unit vectors there and back (E.3), also at the poles and at right ascension 0.
  @Test(arguments: [(0.0, 0.0), (359.99999, -1), (45, 89.9999), (123.4, -90), (0.00001, 1)])
  func directionsKeepTheirLengths(ra: Double, dec: Double) throws {
    let direction = SpherePoint(raDegrees: ra, decDegrees: dec)
    #expect(abs((direction.unitVector * direction.unitVector).sum() - 1) < 1e-12)
    let back = SpherePoint(direction.unitVector)
    #expect(back.separation(from: direction).degrees < 1e-10)
  }
}
