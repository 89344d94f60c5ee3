// SPDX-License-Identifier: GPL-3.0-or-later
// Which band a source of the reference is taken from.

import Catalogs
import ForcedPhotometry
import SkyGeometry
import TaskFramework
import Testing

@Suite struct MergeMeasurementsTests {
  /// A source as all bands have it, and its significance in each.
  private struct Source {
    var bands: Set<String>
    var significance: [String: Double]
    var isSky = false
  }

  private func catalog(_ band: String, _ sources: [Source]) throws -> Catalog {
    var schema = try Schema.minimalSource()
    let families = try FamilyColumns(bands: ["i", "r", "g"], addingTo: &schema)
    let (flux, error): (Key<Double>, Key<Double>) = (
      try schema.addField("base_PsfFlux_instFlux", unit: "count", doc: "flux"),
      try schema.addField("base_PsfFlux_instFluxErr", unit: "count", doc: "error")
    )
    _ = try schema.addField("base_PsfFlux_flag", as: Bool.self, doc: "bad")
    _ = try schema.addField("base_PixelFlags_flag_interpolatedCenter", as: Bool.self, doc: "bad")
    var catalog = Catalog(schema, rowCount: sources.count)
    for (row, source) in sources.enumerated() {
      catalog[families.id, row] = Int64(10 + row)
      for (name, key) in families.isInFootprint + families.isAtPeak {
        catalog[key, row] = source.bands.contains(name) || (source.isSky && name == FamilyColumns.skyBand)
      }
      catalog[error, row] = 2
      catalog[flux, row] = 2 * (source.significance[band] ?? 0)
      let spans = SpanSet(Box2I(minX: 3 * row, minY: 0, width: 2, height: 1))
      let heavy = HeavyPixels(image: [1, 2], mask: [0, 0], variance: [1, 1])
      catalog.setFootprint(
        try Footprint(spans, peaks: [], region: Box2I(width: 100, height: 10), heavy: heavy), row: row)
    }
    return catalog
  }

  private func bandsTaken(_ sources: [Source], _ bands: [String] = ["g", "r", "i"]) throws -> [String] {
    let reference = try MergeMeasurementsTask().run(try bands.map { ($0, try catalog($0, sources)) })
    #expect(reference.rowCount == sources.count)
    return try (0..<reference.rowCount).map { row in
      let taken = try ["i", "r", "z", "y", "g", "u"].filter {
        try reference.column("merge_measurement_\($0)", as: Bool.self)[row]
      }
      #expect(taken.count == 1)
      let flux: [Double] = try reference.column("base_PsfFlux_instFlux")
      // The whole row is that band's.
      #expect(flux[row] == 2 * (sources[row].significance[taken[0]] ?? 0))
      return taken[0]
    }
  }

  @Test func theBandOfPriorityIsTakenUnlessAnotherIsMuchBetter() throws {
    #expect(
      try bandsTaken([
        // Significant enough in i.
        Source(bands: ["i", "r"], significance: ["i": 12, "r": 90]),
        // Not in i, and r is better by more than 3.
        Source(bands: ["i", "r"], significance: ["i": 8, "r": 11.5]),
        // By less.
        Source(bands: ["i", "r"], significance: ["i": 8, "r": 10.5]),
        // Better in a band that has no peak of it.
        Source(bands: ["i"], significance: ["i": 6, "r": 50]),
        Source(bands: ["g"], significance: ["i": 6, "r": 50, "g": 7]),
        // Equal ones: the first in the list.
        Source(bands: ["i", "r", "g"], significance: ["i": 1, "r": 9, "g": 9]),
        // Nothing is known of it anywhere.
        Source(bands: ["r", "g"], significance: [:]),
        Source(bands: [], significance: ["g": 4], isSky: true),
      ]) == ["i", "r", "i", "i", "g", "r", "r", "i"])
  }

  @Test func theOrderOfTheCatalogsDoesNotMatter() throws {
    var sources: [Source] = []
    for i in 0..<20 {
      let bands: Set<String> = i % 3 == 0 ? ["g", "r"] : ["i", "r", "g"]
      let significance: [String: Double] = ["g": Double(i), "r": Double(20 - i), "i": Double(i * i % 11)]
      sources.append(Source(bands: bands, significance: significance))
    }
    let one = try bandsTaken(sources, ["g", "r", "i"])
    #expect(try bandsTaken(sources, ["i", "g", "r"]) == one)
  }

  @Test func aFlaggedMeasurementDoesNotCount() throws {
    let source = Source(bands: ["i", "r"], significance: ["i": 9, "r": 40])
    var r = try catalog("r", [source])
    r[try r.schema.key("base_PsfFlux_flag"), 0] = true
    let reference = try MergeMeasurementsTask().run([("r", r), ("i", try catalog("i", [source]))])
    #expect(try reference.column("merge_measurement_i", as: Bool.self) == [true])
  }

  @Test func footprintsStayWithoutABandsPixels() throws {
    let reference = try MergeMeasurementsTask().run([
      ("r", try catalog("r", [Source(bands: ["r"], significance: ["r": 9])]))
    ])
    #expect(reference.footprint(row: 0)?.isHeavy == false && reference.footprint(row: 0)?.area == 2)
  }

  @Test func whatDoesNotBelongTogetherIsAnError() throws {
    let source = Source(bands: ["i", "r"], significance: ["i": 9, "r": 40])
    let (one, two) = (try catalog("r", [source]), try catalog("i", [source, source]))
    func category(_ catalogs: [(band: String, sources: Catalog)]) -> String {
      do {
        _ = try MergeMeasurementsTask().run(catalogs)
        return ""
      } catch { return categoryName(of: error) + ": \(error)" }
    }
    #expect(category([]).hasPrefix("ValueError"))
    #expect(
      category([("r", one), ("i", two)]).contains("1 rows and 2") || category([("r", one), ("i", two)]).contains("2"))
    #expect(category([("r", one), ("r", one)]).contains("twice"))
    #expect(category([("VR", one)]).contains("priorityList"))
    var other = one
    other[try one.schema.key("id", as: Int64.self), 0] = 99
    #expect(category([("r", one), ("i", other)]).contains("99"))
    // A source of band i alone, and band r alone to take it from.
    let lonely = try catalog("r", [Source(bands: ["i"], significance: [:])])
    #expect(category([("r", lonely)]).hasPrefix("ValueError: source 10"))
  }
}
