// SPDX-License-Identifier: GPL-3.0-or-later
// Merging the detections of bands.

import Catalogs
import ForcedPhotometry
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct MergeDetectionsTests {
  private typealias Scene = MergeScene

  @Test func aStarOfTwoBandsIsOneSource() throws {
    var scene = Scene()
    try scene.add("g", Scene.footprint([Scene.peak(50, 1050, 90)], radius: 9))
    try scene.add("r", Scene.footprint([Scene.peak(51, 1050, 20)], radius: 5))
    let merged = try scene.merged()
    #expect(merged.catalog.rowCount == 1)
    #expect(merged.footprintBands(0) == ["r", "g"] && merged.peakBands(0) == ["r", "g"])
    // Where r has it, which comes first, on all pixels that g has.
    #expect(merged.peaks(0) == [Point2I(x: 51, y: 1050)])
    #expect(
      merged.catalog.footprint(row: 0)?.spans
        == Scene.disk(50, 1050, radius: 9).union(Scene.disk(51, 1050, radius: 5)))
    let columns = merged.columns
    #expect(merged.catalog[columns.peakX, 0] == 51 && merged.catalog[columns.peakY, 0] == 1050)
    #expect(merged.catalog[columns.peakCount, 0] == 1 && merged.catalog[columns.childCount, 0] == 0)
    #expect(merged.catalog[columns.id, 0] == 3 << 40 | 1)
    let sky = try Scene.wcs().pixelToSky(Point2D(x: 51, y: 1050))
    #expect(merged.catalog[columns.coord, 0].separation(from: sky).arcseconds < 1e-6)
  }

  @Test func aStarOfOneBandIsASourceOfThatBand() throws {
    var scene = Scene()
    try scene.add("i", Scene.footprint([Scene.peak(10, 1020, 5)]))
    try scene.add("g", Scene.footprint([Scene.peak(60, 1020, 5)]))
    try scene.add("r")
    let merged = try scene.merged()
    #expect(merged.catalog.rowCount == 2)
    #expect(merged.rows.map { merged.footprintBands($0) } == [["i"], ["g"]])
    #expect(merged.rows.map { merged.peakBands($0) } == [["i"], ["g"]])
  }

  /// One footprint of the band that comes first joins two of another, and the reverse.
  @Test(arguments: [("i", "g"), ("g", "i")])
  func aBridgeMakesOneFamily(bridging: String, other: String) throws {
    var scene = Scene()
    try scene.add(bridging, Scene.footprint([Scene.peak(50, 1050, 9), Scene.peak(60, 1050, 8)], radius: 7))
    try scene.add(
      other, Scene.footprint([Scene.peak(50, 1051, 70)], radius: 3),
      Scene.footprint([Scene.peak(61, 1050, 90)], radius: 3))
    let merged = try scene.merged()
    #expect(merged.catalog.rowCount == 3)
    #expect(merged.parents == [0] && merged.children(of: 0) == [1, 2])
    #expect(merged.footprintBands(0) == ["i", "g"])
    #expect(merged.rows.allSatisfy { merged.peakBands($0) == ["i", "g"] })
    // Positions are i's, the brighter first.
    let expected =
      bridging == "i"
      ? [Point2I(x: 50, y: 1050), Point2I(x: 60, y: 1050)] : [Point2I(x: 61, y: 1050), Point2I(x: 50, y: 1051)]
    #expect(merged.peaks(0) == expected && merged.peaks(1) == [expected[0]] && merged.peaks(2) == [expected[1]])
  }

  @Test func aBlendHasAChildForEachPeak() throws {
    var scene = Scene()
    try scene.add("r", Scene.footprint([Scene.peak(50, 1050, 9)], radius: 8))
    // Of a band that comes later: one at the same place, one 2 arcseconds away.
    try scene.add("g", Scene.footprint([Scene.peak(49, 1050, 50), Scene.peak(60, 1050, 80)], radius: 8))
    let merged = try scene.merged()
    let (catalog, columns) = (merged.catalog, merged.columns)
    #expect(catalog.rowCount == 3 && catalog[columns.childCount, 0] == 2 && catalog[columns.peakCount, 0] == 2)
    #expect(merged.rows.map { merged.peakBands($0) } == [["r", "g"], ["r", "g"], ["g"]])
    let parent = try #require(catalog.footprint(row: 0))
    for row in merged.children(of: 0) {
      #expect(catalog.footprint(row: row)?.spans == parent.spans)
      #expect(catalog[columns.peakCount, row] == 1 && catalog[columns.parentPeakCount, row] == 2)
      #expect(catalog[columns.childCount, row] == 0)
      #expect(catalog.footprint(row: row)?.peaks == [parent.peaks[row - 1]])
      #expect(Int64(catalog[columns.peakID, row]) == parent.peaks[row - 1].id)
      #expect(merged.footprintBands(row) == ["r", "g"])
    }
    #expect(merged.rows.map { catalog[columns.id, $0] } == [1, 2, 3].map { 3 << 40 | $0 })
  }

  /// At 0.2 arcseconds a pixel: the same up to 1.5 pixels, new beyond 5, neither between.
  @Test(arguments: [(0, "same"), (1, "same"), (2, "neither"), (5, "neither"), (6, "new")])
  func betweenTheDistancesAPeakIsNeither(offset: Int, expected: String) throws {
    var scene = Scene()
    try scene.add("i", Scene.footprint([Scene.peak(50, 1050, 9)], radius: 8))
    try scene.add("g", Scene.footprint([Scene.peak(50 + offset, 1050, 90)], radius: 8))
    let merged = try scene.merged()
    #expect(merged.footprintBands(0) == ["i", "g"])
    #expect(merged.peakBands(0) == (expected == "same" ? ["i", "g"] : ["i"]))
    #expect(merged.catalog.rowCount == (expected == "new" ? 3 : 1))
    #expect(try merged.task.metadata.integer("droppedPeakCount") == (expected == "neither" ? 1 : 0))
  }

  /// The same sky on pixels half as large: distances are arcseconds.
  @Test func distancesAreOnTheSky() throws {
    for (offset, bands) in [(3, ["i", "g"]), (4, ["i"])] {
      var scene = Scene()
      try scene.add("i", Scene.footprint([Scene.peak(50, 1050, 9)], radius: 8))
      try scene.add("g", Scene.footprint([Scene.peak(50 + offset, 1050, 90)], radius: 8))
      #expect(try scene.merged(pixelScale: 0.1).peakBands(0) == bands)
    }
  }

  /// A band's own peaks were told apart by it, however near.
  @Test func peaksOfOneBandStay() throws {
    var scene = Scene()
    try scene.add("g", Scene.footprint([Scene.peak(50, 1050, 9), Scene.peak(52, 1050, 8)]))
    #expect(try scene.merged().peaks(0).count == 2)
    try scene.add("i", Scene.footprint([Scene.peak(70, 1050, 9)], and: [Scene.disk(58, 1050, radius: 8)]))
    let merged = try scene.merged()
    #expect(merged.peaks(0) == [70, 50, 52].map { Point2I(x: $0, y: 1050) })
  }

  @Test func aBandWithoutARankIsAnError() throws {
    var scene = Scene()
    try scene.add("z", Scene.footprint([Scene.peak(50, 1050, 9)]))
    let error = #expect(throws: MergeDetectionsError.self) { try scene.merged() }
    #expect(error?.category == "ValueError")
    #expect(error?.description.contains("band z") == true && error?.description.contains("priorityList") == true)
    var twice = Scene()
    try twice.add("g", Scene.footprint([Scene.peak(50, 1050, 9)]))
    try twice.add("g")
    #expect(throws: MergeDetectionsError.bandGivenTwice("g")) { try twice.merged() }
  }

  @Test func nothingGivesNothing() throws {
    // No image, so nothing to measure: not even sky.
    #expect(try Scene().merged { _ in }.catalog.rowCount == 0)
    var scene = Scene()
    try scene.add("i")
    try scene.add("g")
    let merged = try scene.merged()
    #expect(merged.catalog.rowCount == 0 && merged.catalog.schema == merged.task.schema)
    // Images without sources have sky.
    #expect(try scene.merged { $0.doSkySources = true }.catalog.rowCount > 20)
    // Rows without footprints, and footprints without peaks, are no sources.
    var odd = Scene()
    try odd.add(
      "i", Footprint(Scene.disk(50, 1050, radius: 3), region: Scene.box), Footprint(.empty, region: Scene.box))
    odd.detections.append(("g", Catalog(try Schema.minimalSource(), rowCount: 2)))
    #expect(try odd.merged().catalog.rowCount == 0)
  }

  @Test func skySourcesKeepAway() throws {
    let scene = try Scene.random(seed: 5)
    var mask = Mask(box: Scene.box)
    let bad = Box2I(minX: Scene.box.minX, minY: Scene.box.minY, width: 90, height: Scene.box.height)
    try mask.set("NO_DATA", in: bad)
    let merged = try scene.merged({ $0.doSkySources = true }, mask: mask)
    let columns = merged.columns
    let sky = merged.rows.filter { columns.isSky(row: $0, of: merged.catalog) }
    #expect(sky.count >= 5 && sky == Array(merged.catalog.rowCount - sky.count..<merged.catalog.rowCount))
    #expect(try merged.task.metadata.integer("nSkySources") == Int64(sky.count))
    let families = merged.parents.filter { !sky.contains($0) }.compactMap { merged.catalog.footprint(row: $0)?.spans }
    let detected = SpanSet(families.flatMap(\.spans))
    for row in sky {
      let footprint = try #require(merged.catalog.footprint(row: row))
      #expect(!footprint.spans.overlaps(detected) && !footprint.box.overlaps(bad))
      #expect(merged.footprintBands(row) == ["sky"] && merged.peakBands(row) == ["sky"])
      #expect(merged.catalog[columns.parent, row] == 0 && merged.catalog[columns.coord, row].isFinite)
      #expect(merged.catalog[columns.peakCount, row] == 1)
    }
    // By the seed.
    #expect(try scene.merged({ $0.doSkySources = true }, mask: mask).catalog == merged.catalog)
    #expect(try scene.merged({ $0.doSkySources = true }, mask: mask, seed: 8).catalog != merged.catalog)
    // Whatever sky sources there are, the sources and their IDs are the same.
    let without = try scene.merged().catalog
    #expect(merged.catalog.selecting(0..<without.rowCount) == without)
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func theOrderOfWhatIsGivenDoesNotMatter(seed: UInt64) throws {
    var scene = try Scene.random(seed: seed)
    let merged = try scene.merged().catalog
    var random = SeededRandom(seed)
    for i in scene.detections.indices {
      let rows = Array(0..<scene.detections[i].sources.rowCount).shuffled(using: &random)
      scene.detections[i].sources = scene.detections[i].sources.selecting(rows)
    }
    scene.detections.shuffle(using: &random)
    #expect(try scene.merged().catalog == merged)
  }

  @Test(arguments: 0..<25 as Range<UInt64>)
  func whatHoldsForAllScenes(seed: UInt64) throws {
    let scene = try Scene.random(seed: seed)
    let merged = try scene.merged()
    let (catalog, columns) = (merged.catalog, merged.columns)
    let families = merged.parents.compactMap { catalog.footprint(row: $0) }
    let inputs = scene.detections.flatMap { band, sources in sources.footprints.compactMap { $0 }.map { (band, $0) } }
    // Every pixel of a detection is in one family, and no other pixel is.
    let all = SpanSet(inputs.flatMap(\.1.spans.spans))
    #expect(families.reduce(0) { $0 + $1.area } == all.area)
    #expect(SpanSet(families.flatMap(\.spans.spans)) == all)
    for (band, input) in inputs {
      let holding = families.indices.filter { families[$0].spans.overlaps(input.spans) }
      #expect(holding.count == 1)
      guard let family = holding.first else { continue }
      #expect(families[family].spans.intersection(input.spans) == input.spans)
      #expect(merged.footprintBands(merged.parents[family]).contains(band))
    }
    // A family is no larger than it has to be: a part of it meets the rest.
    #expect(families.allSatisfy { $0.spans.connectedParts().count == 1 })
    // Of each family the best band's peaks are all there, and first.
    for (row, family) in zip(merged.parents, families) {
      let best = try #require(merged.footprintBands(row).first)
      let own = inputs.filter { $0.0 == best && $0.1.spans.overlaps(family.spans) }.flatMap(\.1.peaks)
      #expect(Set(family.peaks.prefix(own.count).map(\.pixel)) == Set(own.map(\.pixel)))
      // 0.3 arcseconds are 1.5 pixels.
      for (i, a) in family.peaks.enumerated() {
        for b in family.peaks[..<i] { #expect(a.position.distance(to: b.position) > 1.5) }
      }
      let children = merged.children(of: row)
      #expect(children.count == (family.peaks.count > 1 ? family.peaks.count : 0))
      #expect(children == Array(row + 1..<row + 1 + children.count))
      #expect(Int(catalog[columns.childCount, row]) == children.count)
      for (child, peak) in zip(children, family.peaks) { #expect(catalog.footprint(row: child)?.peaks == [peak]) }
      for (child, peak) in zip(children.isEmpty ? [row] : children, family.peaks) {
        for (band, _) in scene.detections {
          let isNear = inputs.contains { other, footprint in
            other == band && footprint.peaks.contains { $0.position.distance(to: peak.position) <= 1.5 }
          }
          #expect(isNear || !merged.peakBands(child).contains(band))
        }
        #expect(!merged.peakBands(child).isEmpty)
      }
    }
    let ids = merged.rows.map { catalog[columns.id, $0] }
    #expect(ids == merged.rows.map { 3 << 40 | Int64($0 + 1) })
    #expect(merged.rows.allSatisfy { catalog[columns.coord, $0].isFinite })
    let numbers = families.flatMap { $0.peaks.map(\.id) }
    #expect(numbers == (0..<numbers.count).map { Int64($0 + 1) })
  }

  @Test func settingsThatContradictAreRefused() throws {
    func problem(_ change: (inout MergeDetectionsConfig) -> Void) -> String? {
      var config = MergeDetectionsConfig()
      change(&config)
      do throws(ConfigProblem) {
        try config.validateAll()
        return nil
      } catch {
        return error.path
      }
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.priorityList = [] } == "priorityList")
    #expect(problem { $0.priorityList = ["r", "g", "r"] } == "priorityList")
    #expect(problem { $0.priorityList = ["r", "sky"] } == "priorityList")
    #expect(problem { $0.maxSamePeak = 1.1 } == "maxSamePeak")
    var config = MergeDetectionsConfig()
    config.connections = ConnectionNames(["coaddName": "goodSeeing"])
    let task = try MergeDetectionsTask(config: config)
    #expect(task.schemaCatalogs()["goodSeeingCoadd_mergeDet"]?.schema == task.schema)
  }
}
