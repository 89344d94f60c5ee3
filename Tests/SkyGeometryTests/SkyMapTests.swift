// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import SkyGeometry
import TestSupport
import Testing

@Suite struct SkyMapTests {
  static func rings(
    _ count: Int, numbering: RingsLayout.Numbering = .version1, overlap: Double = 1, scale: Double = 20,
    patches: PatchLayout = .legacy(inner: 1000, border: 50)
  ) throws -> SkyMap {
    try SkyMap(
      SkyMapConfiguration(
        layout: .rings(RingsLayout(numRings: count, numbering: numbering)), patches: patches,
        tractOverlap: .degrees(overlap), pixelScale: .arcseconds(scale)))
  }

  static func randomDirection(_ random: inout SeededRandom) -> SpherePoint {
    SpherePoint(ra: .degrees(random.uniform(0...360)), dec: .radians(asin(random.uniform(-1...1))))
  }

  // Anchors of the reference system: framework D.2.
  @Test func threeRingsMakeTwentySixTracts() throws { #expect(try Self.rings(3).tractCount == 26) }

  @Test func hyperSuprimeCamTractsKeepTheirCentres() throws {
    let map = try Self.rings(120, numbering: .version0, overlap: 1.0 / 60, scale: 0.168, patches: .legacy())
    #expect(map.tractCount == 18938)
    let cosmos = try map.tract(9813).center
    #expect(abs(cosmos.ra.degrees - 150.2479338842975) < 1e-12)
    #expect(abs(cosmos.dec.degrees - 2.2314049586776834) < 1e-12)
    let first = try map.tract(9712).center
    #expect(abs(first.ra.wrappedAroundZero.degrees) < 1e-9)
    #expect(abs(first.dec.degrees - 0.7438016528925696) < 1e-12)
    #expect(try map.findTract(cosmos).id == 9813)
    #expect(try map.findTract(first).id == 9712)
  }

  @Test(arguments: [RingsLayout.Numbering.version0, .version1])
  func everyDirectionIsInsideItsTract(_ numbering: RingsLayout.Numbering) throws {
    let map = try Self.rings(7, numbering: numbering)
    var random = SeededRandom(3)
    for _ in 0..<2000 {
      let direction = Self.randomDirection(&random)
      let tract = try map.findTract(direction)
      // The old numbering has no number for the first tract of the last ring, and its finder answers with the cap.
      if numbering == .version0, tract.id == map.tractCount - 1 { continue }
      #expect(tract.contains(direction))
      let patch = try tract.findPatch(direction)
      let pixel = try #require(try tract.wcs.skyToPixel(direction).pixel)
      #expect(patch.innerBox.contains(pixel) && patch.outerBox.contains(patch.innerBox))
      #expect(try tract.patch(patch.index) == patch)
      #expect(patch.index == tract.patchCounts.x * patch.row + patch.column)
    }
  }

  @Test func exactlyOneInnerRegionHoldsADirection() throws {
    let map = try Self.rings(5)
    let tracts = try (0..<map.tractCount).map(map.tract)
    var random = SeededRandom(4)
    for _ in 0..<500 {
      let direction = Self.randomDirection(&random)
      let owners = tracts.filter { $0.innerRegionContains(direction) }.map(\.id)
      #expect(owners == [try map.findTract(direction).id])
    }
    for pole in [-90.0, 90] {
      let direction = SpherePoint(raDegrees: 77, decDegrees: pole)
      #expect(tracts.filter { $0.innerRegionContains(direction) }.count == 1)
    }
  }

  @Test func neighboursOverlap() throws {
    let map = try Self.rings(3)
    let tract = try map.tract(10)
    guard case .cell(let center, let halfWidth, let low, let high) = tract.innerRegion else {
      Issue.record("a ring's tract has a cell")
      return
    }
    let border = SpherePoint(ra: center + halfWidth, dec: (low + high) / 2)
    let holders = try map.findTractPatchList([border]).map(\.tract.id)
    #expect(holders.contains(10) && holders.count >= 2)
  }

  @Test func patchesTileTheTract() throws {
    for layout in [PatchLayout.legacy(inner: 777, border: 33), .cells(cellInner: 50, cellsPerPatch: 9)] {
      let tract = try Self.rings(9, patches: layout).tract(40)
      #expect(tract.box.minX == 0 && tract.box.minY == 0)
      #expect(tract.patches.reduce(0) { $0 + $1.innerBox.area } == tract.box.area)
      for patch in tract.patches {
        #expect(tract.box.contains(patch.innerBox))
        let grown = patch.innerBox.grown(by: layout.border)
        if case .legacy = layout {
          #expect(patch.outerBox == grown.intersection(tract.box))
        } else {
          #expect(patch.outerBox == grown)
        }
      }
    }
  }

  @Test func discreteTractReachesItsRadiusAndOverlap() throws {
    let center = SpherePoint(raDegrees: 10, decDegrees: -30)
    let map = try SkyMap(
      SkyMapConfiguration(
        layout: .discrete([DiscreteTract(center: center, radius: .degrees(0.5))]),
        patches: .legacy(inner: 500, border: 20),
        tractOverlap: .degrees(0.1), pixelScale: .arcseconds(2), projection: "TAN"))
    let tract = try map.tract(0)
    for bearing in [0.0, 90, 180, 270] {
      #expect(tract.contains(center.offset(bearing: .degrees(bearing), distance: .degrees(0.599))))
    }
    #expect(tract.box.width % 500 == 0)
    #expect(tract.box.width >= Int(1.2 * 3600 / 2))
    #expect(tract.vertices.allSatisfy { tract.contains($0) })
    // Right ascension grows to the left.
    let east = try tract.wcs.skyToPixel(center.offset(bearing: .degrees(0), distance: .degrees(0.1)))
    #expect(east.x < tract.box.center.x - 100)
    let far = SpherePoint(raDegrees: 190, decDegrees: 30)
    #expect(throws: SkyMapError.outsideTract(raDegrees: far.ra.degrees, decDegrees: far.dec.degrees, tract: 0)) {
      try tract.findPatch(far)
    }
  }

  /// The exact overlap against the obvious way: which patches hold any of a fine grid of the detector's pixels.
  @Test func detectorOverlapIsExact() throws {
    var random = SeededRandom(11)
    for map in [
      try Self.rings(30, overlap: 0.05),
      try Self.rings(30, overlap: 0.05, patches: .cells(cellInner: 100, cellsPerPatch: 8)),
    ] {
      let tracts = try (0..<map.tractCount).map(map.tract)
      for trial in 0..<30 {
        // Also across right ascension 0 and near a pole.
        let reference =
          trial == 0
          ? SpherePoint(raDegrees: 0.01, decDegrees: 5)
          : trial == 1 ? SpherePoint(raDegrees: 40, decDegrees: 89.7) : Self.randomDirection(&random)
        let angle = Angle(degrees: random.uniform(0...360))
        let scale = 18.0 / 3600
        let wcs = try SkyWCS(
          referencePixel: Point2D(x: 200, y: 100), reference: reference,
          cd: AffineTransform(
            xx: -scale * cos(angle), xy: scale * sin(angle), yx: scale * sin(angle), yy: scale * cos(angle)))
        let detector = Box2I(width: 400, height: 200)
        let found = Set(try map.overlaps(with: SkyPolygon(box: detector, wcs: wcs)).map { "\($0.tract).\($0.index)" })

        let grid = stride(from: -0.5, through: 399.5, by: 4).flatMap { x in
          stride(from: -0.5, through: 199.5, by: 4).map { Point2D(x: x, y: $0) }
        }
        let sky = wcs.pixelToSky(grid)
        var obvious: Set<String> = []
        for tract in tracts where tract.center.separation(from: reference).degrees < 15 {
          for pixel in tract.wcs.skyToPixel(sky).compactMap(\.pixel) {
            for patch in tract.findPatchListHolding(pixel) { obvious.insert("\(tract.id).\(patch)") }
          }
        }
        // The grid may miss a sliver that the polygons share, never the other way round.
        #expect(obvious.subtracting(found).isEmpty, "trial \(trial): \(obvious.subtracting(found)) are missing")
        #expect(found.subtracting(obvious).count <= 2, "trial \(trial): \(found.subtracting(obvious)) are too many")
      }
    }
  }

  @Test func digestChangesWithEveryParameter() throws {
    let base = SkyMapConfiguration(layout: .rings(RingsLayout(numRings: 3)))
    var changed = [base]
    func change(_ body: (inout SkyMapConfiguration) -> Void) {
      var copy = base
      body(&copy)
      changed.append(copy)
    }
    change { $0.layout = .rings(RingsLayout(numRings: 4)) }
    change { $0.layout = .rings(RingsLayout(numRings: 3, raStart: .degrees(1))) }
    change { $0.layout = .rings(RingsLayout(numRings: 3, numbering: .version0)) }
    change {
      $0.layout = .discrete([DiscreteTract(center: SpherePoint(raDegrees: 1, decDegrees: 2), radius: .degrees(1))])
    }
    change { $0.patches = .legacy(inner: 3999) }
    change { $0.patches = .legacy(border: 99) }
    change { $0.patches = .cells() }
    change { $0.tractOverlap = .degrees(0.5) }
    change { $0.pixelScale = .arcseconds(0.2) }
    change { $0.projection = "TAN" }
    change { $0.rotation = .degrees(1) }
    let digests = try changed.map { try SkyMap($0).digest }
    #expect(Set(digests).count == digests.count)
    #expect(digests.allSatisfy { $0.count == 64 })
    #expect(try SkyMap(base).digest == digests[0])
  }

  @Test func positionsThatAreNotFiniteAreErrors() throws {
    let discrete = try SkyMap(
      SkyMapConfiguration(
        layout: .discrete([DiscreteTract(center: SpherePoint(raDegrees: 1, decDegrees: 2), radius: .degrees(1))])))
    for map in [try Self.rings(3), discrete] {
      for (ra, dec) in [(Double.nan, 0.0), (0, .nan), (.infinity, 0)] {
        let position = SpherePoint(raDegrees: ra, decDegrees: dec)
        #expect(throws: SkyMapError.undefinedPosition) { try map.findTract(position) }
        #expect(try map.findTractPatchList([position]).isEmpty)
      }
    }
  }

  @Test func noTractIsListedTwice() throws {
    for numbering in [RingsLayout.Numbering.version0, .version1] {
      let map = try Self.rings(7, numbering: numbering)
      for dec in [-89.0, -75, 75, 82, 89] {
        let found = try map.findTractPatchList([SpherePoint(raDegrees: 0.5, decDegrees: dec)]).map(\.tract.id)
        #expect(Set(found).count == found.count && !found.isEmpty)
      }
    }
  }

  @Test func badMapsAreTypedErrors() throws {
    func expectInvalid(_ field: String, _ configuration: SkyMapConfiguration) {
      let error = #expect(throws: SkyMapError.self) { try SkyMap(configuration) }
      if case .invalidConfiguration(let found, _, _) = error {
        #expect(found == field)
      } else {
        Issue.record("\(field): \(String(describing: error))")
      }
    }
    let rings = TractLayout.rings(RingsLayout(numRings: 3))
    expectInvalid("numRings", SkyMapConfiguration(layout: .rings(RingsLayout(numRings: 0))))
    expectInvalid("numRings", SkyMapConfiguration(layout: .rings(RingsLayout(numRings: .max))))
    expectInvalid("raList", SkyMapConfiguration(layout: .discrete([])))
    expectInvalid("pixelScale", SkyMapConfiguration(layout: rings, pixelScale: .arcseconds(0)))
    expectInvalid("pixelScale", SkyMapConfiguration(layout: rings, pixelScale: .arcseconds(.nan)))
    expectInvalid("tractOverlap", SkyMapConfiguration(layout: rings, tractOverlap: .degrees(-1)))
    expectInvalid("patchInnerDimensions", SkyMapConfiguration(layout: rings, patches: .legacy(inner: 0)))
    #expect(throws: SkyMapError.self) { try SkyMap(SkyMapConfiguration(layout: rings, projection: "QQQ")) }
    // One ring: its tracts are wider than a gnomonic projection can show.
    #expect(throws: SkyMapError.self) {
      try SkyMap(
        SkyMapConfiguration(
          layout: .discrete([DiscreteTract(center: SpherePoint(raDegrees: 0, decDegrees: 0), radius: .degrees(60))]),
          tractOverlap: .degrees(30), projection: "TAN"))
    }
    let map = try SkyMap(SkyMapConfiguration(layout: rings))
    #expect(throws: SkyMapError.noSuchTract(id: 26, count: 26)) { try map.tract(26) }
    #expect(throws: SkyMapError.noSuchTract(id: -1, count: 26)) { try map.tract(-1) }
    #expect(throws: SkyMapError.self) { try map.tract(0).patch(-1) }
  }
}

extension TractInfo {
  /// Indices of the patches whose outer box holds a pixel.
  fileprivate func findPatchListHolding(_ pixel: Point2I) -> [Int] {
    let side = layout.innerSide
    let columns = [pixel.x - layout.border, pixel.x + layout.border].map {
      Int((Double($0) / Double(side)).rounded(.down))
    }
    let rows = [pixel.y - layout.border, pixel.y + layout.border].map {
      Int((Double($0) / Double(side)).rounded(.down))
    }
    return (rows[0]...rows[1]).flatMap { row in
      (columns[0]...columns[1]).compactMap { column -> Int? in
        guard (0..<patchCounts.x).contains(column), (0..<patchCounts.y).contains(row) else { return nil }
        guard let patch = try? patch(row * patchCounts.x + column), patch.outerBox.contains(pixel) else { return nil }
        return patch.index
      }
    }
  }
}
