// SPDX-License-Identifier: GPL-3.0-or-later
// Many objects among many sources, where the truth is known.

import Catalogs
import Foundation
import Imaging
import SkyGeometry
import SolarSystem
import TaskFramework
import TestSupport
import Testing

@Suite struct SurveyAssociationTests {
  /// A detector of 819″ a side, in pixels of 0.8″, with 5,000 sources that are no objects, 100 objects that are seen and 20 that are not.
  private struct Field {
    let exposure: Exposure
    let sources: Catalog
    let objects: Catalog
    /// By the object's ID, its source.
    var truth: [Int64: Int64] = [:]

    /// - Parameter positionError: of the predictions, arcseconds along each axis; sources have 0.02″ to 0.08″, as seeing of 0.8″ gives at S/N 17 to 4.
    init(ra: Double, dec: Double, positionError: Double, seed: UInt64) throws {
      var random = SeededRandom(seed)
      exposure = try makeExposure(ra: ra, dec: dec, side: 1024, scale: 0.8)
      let wcs = try #require(exposure.wcs)
      func anywhere() -> Point2D { Point2D(x: 1023 * random.uniform(), y: 1023 * random.uniform()) }
      var pixels = (0..<5000).map { _ in anywhere() }
      var errors = (0..<5000).map { _ in 0.02 + 0.06 * random.uniform() }
      let seen = (0..<120).map { _ in anywhere() }
      for (i, place) in seen.enumerated() where i < 100 {
        let error = 0.02 + 0.06 * random.uniform()
        pixels.append(place + Point2D(x: random.gaussian() * error / 0.8, y: random.gaussian() * error / 0.8))
        errors.append(error)
      }
      let predicted = seen.map {
        $0 + Point2D(x: random.gaussian() * positionError / 0.8, y: random.gaussian() * positionError / 0.8)
      }
      func sky(_ pixels: [Point2D]) -> [(ra: Double, dec: Double)] {
        wcs.pixelToSky(pixels).map { ($0.ra.wrapped.degrees, $0.dec.degrees) }
      }
      let (places, order) = (sky(pixels), pixels.indices.shuffled(using: &random))
      let ids = order.map { Int64($0) + 1 }
      sources = try makeSources(order.map { places[$0] }, ids: ids, errors: order.map { errors[$0] })
      let rows = seen.indices.shuffled(using: &random)
      let predictions = sky(predicted)
      objects = try makeObjects(
        rows.map { predictions[$0] }, ids: rows.map { Int64($0) + 1 },
        errors: rows.map { _ in positionError })
      for i in 0..<100 { truth[Int64(i) + 1] = 5001 + Int64(i) }
    }

    func associate(_ change: (inout SolarSystemAssociationConfig) -> Void = { _ in }) throws -> [Int64: Int64] {
      var config = SsSingleFrameAssociationConfig()
      try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) { change(&$0) }
      let table = try SsSingleFrameAssociationTask(config: config).run(
        exposure: exposure, sourceTable: sources, band: "r", solarSystemObjectTable: objects
      ).associatedSsSources
      return Dictionary(
        uniqueKeysWithValues: zip(try table.whole("ssObjectId"), try table.whole("diaSourceId")))
    }
  }

  /// A hundred fields: 10,000 objects that were seen and 2,000 that were not, also at a pole and about right ascension 0.
  @Test func objectsAreTheirSources() throws {
    let places = [(150.0, 2.0), (0, 0), (0.0, 90), (359.99, -45), (30, -89.97)]
    var (found, wrong, spurious, total) = (0, 0, 0, 0)
    for i in 0..<100 {
      let place = places[i % places.count]
      let field = try Field(ra: place.0, dec: place.1, positionError: 0.05, seed: UInt64(i) + 100)
      let pairs = try field.associate { $0.doErrorEllipse = true }
      for (object, source) in pairs {
        switch field.truth[object] {
        case source: found += 1
        case nil: spurious += 1
        default: wrong += 1
        }
      }
      total += field.truth.count
    }
    #expect(Double(found) >= 0.995 * Double(total), "\(found) of \(total)")
    // 5,000 sources are 0.0075 a square arcsecond: chance brings one within 0.1″ of a prediction once in 4,000.
    #expect(Double(wrong) < 0.001 * Double(found), "\(wrong) wrong")
    // Within an ellipse of 0.35″ a source that is something else is there once in 350.
    #expect(spurious < 16, "\(spurious) of 2,000 that were not seen")
  }

  @Test func theRadiusAloneFindsThemToo() throws {
    var (found, wrong, total) = (0, 0, 0)
    for seed in 0..<100 {
      let field = try Field(ra: 150, dec: 2, positionError: 0.05, seed: 200 + UInt64(seed))
      for (object, source) in try field.associate() {
        guard let truth = field.truth[object] else { continue }
        if truth == source { found += 1 } else { wrong += 1 }
      }
      total += field.truth.count
    }
    #expect(Double(found) >= 0.995 * Double(total) && Double(wrong) < 0.001 * Double(total), "\(found), \(wrong)")
  }

  /// Equal rows whatever the order in which objects and sources are listed.
  @Test(arguments: AssociationRule.allCases)
  func theOrderOfRowsDoesNotMatter(rule: AssociationRule) throws {
    let field = try Field(ra: 0, dec: 60, positionError: 0.6, seed: 31)
    var config = SsSingleFrameAssociationConfig()
    try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) {
      $0.maxDistArcSeconds = 10
      $0.assignment = rule
    }
    let task = try SsSingleFrameAssociationTask(config: config)
    func run(_ sources: Catalog, _ objects: Catalog) throws -> SolarSystemAssociationResult {
      try task.run(exposure: field.exposure, sourceTable: sources, band: "r", solarSystemObjectTable: objects)
    }
    let first = try run(field.sources, field.objects)
    #expect(first.candidates.rowCount > 200)
    let second = try run(
      field.sources.selecting((0..<field.sources.rowCount).reversed()),
      field.objects.selecting((0..<field.objects.rowCount).reversed()))
    #expect(second.associatedSsSources == first.associatedSsSources)
    #expect(second.unassociatedSsObjects == first.unassociatedSsObjects)
    #expect(second.candidates == first.candidates)
    #expect(
      try Set(second.ssoAssocDiaSources.whole("diaSourceId")) == Set(first.ssoAssocDiaSources.whole("diaSourceId")))
  }

  /// Predictions of different errors: a poor one that happens to be nearer does not take a good one's source.
  @Test func theBetterPredictionHasTheSource() throws {
    let sources = try makeSources([(45, 45)], errors: [0.05])
    let objects = try makeObjects(
      [(45, 45 + 0.15 / 3600), (45, 45 - 0.12 / 3600)], ids: [1, 2], errors: [0.1, 0.8])
    func owner(_ doErrorEllipse: Bool) throws -> [Int64] {
      var config = SsSingleFrameAssociationConfig()
      try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) { $0.doErrorEllipse = doErrorEllipse }
      return try SsSingleFrameAssociationTask(config: config).run(
        exposure: try makeExposure(), sourceTable: sources, band: "r", solarSystemObjectTable: objects
      ).associatedSsSources.whole("ssObjectId")
    }
    #expect(try owner(true) == [1])
    #expect(try owner(false) == [2])
  }

  /// Errors far larger than the radius: every pair still counts, the nearest most.
  @Test func largeErrorsDoNotMakePairsEqual() throws {
    var config = SsSingleFrameAssociationConfig()
    try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) {
      $0.doErrorEllipse = true
      $0.maxErrorSigma = 1
    }
    let result = try SsSingleFrameAssociationTask(config: config).run(
      exposure: try makeExposure(), sourceTable: try makeSources([(45, 45 + 0.9 / 3600), (45, 45 - 0.1 / 3600)]),
      band: "r", solarSystemObjectTable: try makeObjects([(45, 45)], errors: [200]))
    #expect(try result.associatedSsSources.whole("diaSourceId") == [2])
    #expect(try result.candidates.column("candidateCost", as: Double.self).allSatisfy { $0 < 0 })
    #expect(try result.candidates.column("diaDistanceRank", as: Int32.self) == [2, 1])
  }

  /// Beyond the ellipse there is nothing, beyond the radius neither.
  @Test func bothGatesClose() throws {
    let sources = try makeSources([(45, 45)], errors: [0.03])
    for (offset, error, found) in [(0.4, 0.05, 0), (0.4, 0.1, 1), (0.9, 5, 1), (1.1, 5, 0)] {
      let objects = try makeObjects([(45, 45 + offset / 3600)], errors: [error])
      var config = SsSingleFrameAssociationConfig()
      try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) { $0.doErrorEllipse = true }
      let result = try SsSingleFrameAssociationTask(config: config).run(
        exposure: try makeExposure(), sourceTable: sources, band: "r", solarSystemObjectTable: objects)
      #expect(result.nAssociatedSsObjects == found, "\(offset)″ with errors of \(error)″")
    }
  }

  /// At right ascension 0 offsets are small, whichever side prediction and source are on.
  @Test func offsetsGoTheShortWay() throws {
    let result = try SsSingleFrameAssociationTask().run(
      exposure: try makeExposure(ra: 0, dec: 10), sourceTable: try makeSources([(0.00005, 10)]), band: "r",
      solarSystemObjectTable: try makeObjects([(359.9999, 10)], rates: [(1, 0)]))
    let table = result.associatedSsSources
    #expect(abs(try table.number("ephOffsetRa") - 0.54 * cos(10 * Double.pi / 180)) < 1e-6)
    #expect(abs(try table.number("ephOffset") - table.number("candidateSeparation")) < 1e-6)
  }
}
