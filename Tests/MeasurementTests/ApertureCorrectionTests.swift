// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes made those of a large aperture, and which sources are to be used.

import Catalogs
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// Rows of detection-measurement E.3.
@Suite struct ApertureCorrectionTests {
  private func corrected(
    _ map: ApCorrMap, _ change: (inout ApplyApCorrConfig) -> Void = { _ in }
  ) throws -> Catalog {
    var config = ApplyApCorrConfig()
    change(&config)
    let task = try ApplyApCorrTask(config: config)
    let (measurement, measured) = try makeMeasurement(["base_SdssCentroid", "base_PsfFlux"])
    _ = measurement
    var schema = measured
    try task.addFields(to: &schema)
    var catalog = Catalog(schema, rowCount: 2)
    let slot = try PointKey("base_SdssCentroid", in: schema)
    let (flux, error): (Key<Double>, Key<Double>) = (
      try schema.key("base_PsfFlux_instFlux"), try schema.key("base_PsfFlux_instFluxErr")
    )
    catalog[slot, 0] = Point2D(x: 5, y: 5)
    for row in 0..<2 { (catalog[flux, row], catalog[error, row]) = (100, 10) }
    task.run(&catalog, map)
    return catalog
  }

  private func map(_ value: Double, error: Double? = nil) throws -> ApCorrMap {
    func constant(_ value: Double) throws -> SpatialFunction {
      try SpatialFunction(
        SpatialBasis(.chebyshev(Box2D(minX: 0, minY: 0, maxX: 10, maxY: 10)), order: 0), coefficients: [value])
    }
    var map = ApCorrMap()
    map["base_PsfFlux_instFlux"] = try constant(value)
    if let error { map["base_PsfFlux_instFluxErr"] = try constant(error) }
    return map
  }

  @Test func aHalfHalvesFluxAndError() throws {
    let catalog = try corrected(try map(0.5, error: 0.01))
    #expect(try catalog.column("base_PsfFlux_instFlux", as: Double.self)[0] == 50)
    #expect(try catalog.column("base_PsfFlux_instFluxErr", as: Double.self)[0] == 5)
    #expect(try catalog.column("base_PsfFlux_apCorr", as: Double.self)[0] == 0.5)
    #expect(try catalog.column("base_PsfFlux_apCorrErr", as: Double.self)[0] == 0.01)
    #expect(try catalog.column("base_PsfFlux_flag_apCorr", as: Bool.self) == [false, true])
    // The second source has no position.
    #expect(try catalog.column("base_PsfFlux_instFlux", as: Double.self)[1] == 100)
  }

  @Test func whatIsNotPositiveIsAFlag() throws {
    for value in [0, -0.3] {
      let catalog = try corrected(try map(value))
      #expect(try catalog.column("base_PsfFlux_instFlux", as: Double.self)[0] == 100)
      #expect(try catalog.column("base_PsfFlux_flag_apCorr", as: Bool.self)[0])
      #expect(try catalog.column("base_PsfFlux_flag", as: Bool.self)[0])
      let mild = try corrected(try map(value)) { $0.doFlagApCorrFailures = false }
      #expect(try mild.column("base_PsfFlux_flag", as: Bool.self)[0] == false)
    }
  }

  @Test func aModelThatIsMissingFlagsTheCorrectionAlone() throws {
    let catalog = try corrected(ApCorrMap())
    #expect(try catalog.column("base_PsfFlux_flag_apCorr", as: Bool.self) == [true, true])
    #expect(try catalog.column("base_PsfFlux_flag", as: Bool.self) == [false, false])
    let ignored = try corrected(ApCorrMap()) { $0.ignoreList = ["base_PsfFlux"] }
    #expect(!ignored.schema.contains("base_PsfFlux_apCorr"))
  }

  @Test func primarySourcesHaveNoChildren() throws {
    var schema = try Schema.minimalSource()
    let children: Key<Int32> = try schema.addField("deblend_nChild", doc: "children")
    let sky: Key<Bool> = try schema.addField("sky_source", doc: "sky")
    let flags = try PrimaryFlags(addingTo: &schema)
    let parent: Key<Int64> = try schema.key("parent")
    // Alone, a parent, its child, a sky source.
    var catalog = Catalog(schema, rowCount: 4)
    catalog[children, 1] = 2
    catalog[parent, 2] = 55
    catalog[sky, 3] = true
    flags.set(in: &catalog, isSky: sky)
    func column(_ name: String) throws -> [Bool] { try catalog.column(name) }
    #expect(try column("detect_isPrimary") == [true, false, true, false])
    #expect(try column("detect_isDeblendedSource") == [true, false, true, true])
    #expect(try column("detect_fromBlend") == [false, false, true, false])
    #expect(try column("detect_isIsolated") == [true, false, false, true])
  }
}
