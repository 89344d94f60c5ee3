// SPDX-License-Identifier: GPL-3.0-or-later
// Finding out which sources are known objects.

import Catalogs
import Foundation
import Imaging
import Scheduling
import SkyGeometry
import SolarSystem
import TaskFramework

/// 10,000 objects among 10,000 sources on a detector, half of which are each other; and four times as many on four times the area.
struct AssociationStages {
  let side: Int

  static let names = [
    "associate, ephemerides", "associate, pairs", "associate, four times as many pairs", "associate, all",
  ]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    guard Self.names.contains(where: isWanted) else { return [] }
    let scene = try AssociationScene(count: 10_000)
    let large = try AssociationScene(count: 40_000)
    let objects = try SolarSystemObjects(scene.objects)
    let task = try SsSingleFrameAssociationTask()
    return [
      try measure(Self.names[0], side: side) { keep(try objects.ephemerides(at: AssociationScene.midpoint)) },
      measure(Self.names[1], side: side) { keep(scene.choose()) },
      measure(Self.names[2], side: side) { keep(large.choose()) },
      try measure(Self.names[3], side: side) {
        task.emptyMetadata()
        keep(
          try task.run(
            exposure: scene.exposure, sourceTable: scene.sources, band: "r", solarSystemObjectTable: scene.objects))
      },
    ]
  }
}

/// Objects and sources scattered over a square of 819″ for each 10,000.
struct AssociationScene {
  static let midpoint = 60_000.25
  /// Arcseconds.
  static let radius = 1.0

  let exposure: Exposure
  let objects: Catalog
  let sources: Catalog
  private let objectPositions: [SpherePoint]
  private let sourcePositions: [SpherePoint]

  init(count: Int) throws {
    var random = SeededGenerator(seed: 7)
    let pixels = 1024 * Int((Double(count) / 10_000).squareRoot().rounded())
    let wcs = try SkyWCS(
      referencePixel: Point2D(x: Double(pixels) / 2, y: Double(pixels) / 2),
      reference: SpherePoint(raDegrees: 150, decDegrees: 2),
      cd: AffineTransform(xx: -0.8 / 3600, yy: 0.8 / 3600))
    func uniform(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
    let edge = Double(pixels - 1)
    func anywhere() -> Point2D { Point2D(x: uniform(0...edge), y: uniform(0...edge)) }
    let places = (0..<count).map { _ in anywhere() }
    let found = (0..<count).map { i in
      i % 2 == 0 ? places[i] + Point2D(x: uniform(-0.15...0.15), y: uniform(-0.15...0.15)) : anywhere()
    }
    (objectPositions, sourcePositions) = (wcs.pixelToSky(places), wcs.pixelToSky(found))
    var visit = VisitInfo()
    visit.mjdTAI = Self.midpoint
    exposure = Exposure(
      MaskedImage(box: Box2I(width: pixels, height: pixels)), wcs: wcs, photoCalib: try PhotoCalib(zeroPoint: 31.4),
      visitInfo: visit, filter: FilterLabel(band: "r"))
    sources = try Self.sourceTable(sourcePositions)
    objects = try Self.objectTable(objectPositions)
  }

  /// What the choice of pairs alone costs, from right ascensions and declinations on.
  func choose() -> [Int] {
    let search = CandidateSearch(sourcePositions.map(\.unitVector), radius: Angle(arcseconds: Self.radius).radians)
    var pairs: [CandidatePair] = []
    for (object, position) in objectPositions.enumerated() {
      search.near(position.unitVector) { source, separation in
        let part = separation / Angle(arcseconds: Self.radius).radians
        pairs.append(CandidatePair(object: object, source: source, separation: separation, cost: part * part - 1))
      }
    }
    let ids = objectPositions.indices.map { Int64($0) }
    return Assignment(rule: .optimal, objectIDs: ids, sourceIDs: ids).choose(pairs)
  }

  /// What other programs are given: right ascensions and declinations of objects, then of sources, degrees.
  var positions: [Double] {
    (objectPositions + sourcePositions).flatMap { [$0.ra.degrees, $0.dec.degrees] }
  }

  private static func sourceTable(_ positions: [SpherePoint]) throws -> Catalog {
    var schema = Schema()
    let id = try schema.addField("diaSourceId", as: Int64.self, doc: "ID")
    let (ra, dec) = (
      try schema.addField("ra", as: Double.self, unit: "deg", doc: "right ascension"),
      try schema.addField("dec", as: Double.self, unit: "deg", doc: "declination")
    )
    var table = Catalog(schema, rowCount: positions.count)
    for (row, position) in positions.enumerated() {
      table[id, row] = Int64(row) + 1
      (table[ra, row], table[dec, row]) = (position.ra.wrapped.degrees, position.dec.degrees)
    }
    return table
  }

  /// Series of 7 coefficients, as a service sends them for a night; the objects are 2 AU away.
  private static func objectTable(_ positions: [SpherePoint]) throws -> Catalog {
    var schema = Schema()
    let id = try schema.addField("ssObjectId", as: Int64.self, doc: "ID")
    let first = try schema.addField("tmin", as: Double.self, doc: "start")
    let last = try schema.addField("tmax", as: Double.self, doc: "end")
    var keys: [Key<[Double]>] = []
    for name in ["obs", "obj"] {
      for axis in ["x", "y", "z"] {
        keys.append(
          try schema.addField("\(name)_\(axis)_poly", .float64Array(count: 7), as: [Double].self, doc: "series"))
      }
    }
    var table = Catalog(schema, rowCount: positions.count)
    let day = midpoint.rounded(.down)
    for (row, position) in positions.enumerated() {
      table[id, row] = Int64(row) + 1
      (table[first, row], table[last, row]) = (day, day + 1)
      let vector = position.unitVector * 2
      for axis in 0..<3 {
        table[keys[axis], row] = [0.1 * Double(axis), 0.01, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12]
        // As far as the observer moves by the midpoint, the object does, too.
        table[keys[3 + axis], row] = [0.1 * Double(axis) + vector[axis], 0.01, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12]
      }
    }
    return table
  }
}
