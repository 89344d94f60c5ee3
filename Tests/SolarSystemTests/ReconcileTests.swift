// SPDX-License-Identifier: GPL-3.0-or-later
// One object, one source a visit (framework F.5).

import Catalogs
import Imaging
import SkyGeometry
import SolarSystem
import TaskFramework
import Testing

@Suite struct ReconcileTests {
  /// Two detectors side by side, 1000 pixels of 0.2″ each, with a gap of 4 pixels between; the edges are at x = 999.5 and 1003.5.
  private struct TwoDetectors {
    let wcs: SkyWCS
    let exposures: [Exposure]

    init() throws {
      let first = try makeExposure()
      let wcs = try #require(first.wcs)
      self.wcs = wcs
      var second = try makeExposure()
      second.wcs = try wcs.shifted(by: Point2D(x: -1004, y: 0))
      second.detector = Detector(id: 1, name: "second", box: second.box)
      exposures = [first, second]
    }

    func sky(_ x: Double, _ y: Double = 500) throws -> (ra: Double, dec: Double) {
      let position = try wcs.pixelToSky(Point2D(x: x, y: y))
      return (position.ra.wrapped.degrees, position.dec.degrees)
    }

    func associate(
      _ detector: Int, sources: Catalog, objects: Catalog, reach: Double = 1
    ) throws -> SolarSystemAssociationResult {
      var config = SsSingleFrameAssociationConfig()
      try config.solarSystemAssociator.update(SolarSystemAssociationConfig.self) { $0.maxDistArcSeconds = reach }
      return try SsSingleFrameAssociationTask(config: config).run(
        exposure: exposures[detector], sourceTable: sources, band: "r", solarSystemObjectTable: objects)
    }
  }

  private func reconcile(_ results: [SolarSystemAssociationResult]) throws -> (
    VisitAssociations, ReconcileSolarSystemTask
  ) {
    let task = try ReconcileSolarSystemTask()
    let visit = try task.run(
      results.map {
        DetectorAssociations(candidates: $0.candidates, expected: $0.expectedSsObjects, sources: $0.diaSources)
      })
    return (visit, task)
  }

  /// An object predicted in the gap has a source on each side: it is the nearer one.
  @Test func anObjectOnAGapIsMatchedOnce() throws {
    let two = try TwoDetectors()
    let objects = try makeObjects([try two.sky(1001), try two.sky(700)], errors: [1, 1])
    let first = try two.associate(
      0, sources: try makeSources([try two.sky(999), try two.sky(700)], ids: [11, 12]), objects: objects)
    let second = try two.associate(1, sources: try makeSources([try two.sky(1004)], ids: [21]), objects: objects)
    // Each detector by itself takes it.
    #expect(try first.associatedSsSources.whole("ssObjectId") == [1001, 1002])
    #expect(try second.associatedSsSources.whole("ssObjectId") == [1001])
    let (visit, task) = try reconcile([first, second])
    #expect(try visit.associatedSsSources.whole("ssObjectId") == [1001, 1002])
    #expect(try visit.associatedSsSources.whole("diaSourceId") == [11, 12])
    #expect(visit.unassociatedSsObjects.isEmpty)
    // The other source of it is no object any more.
    #expect(try visit.sources.map { try $0.whole("ssObjectId") } == [[1001, 1002], [0]])
    #expect(try visit.associatedSsSources.column("diaDistanceRank", as: Int32.self) == [1, 1])
    #expect(try task.metadata.integer("nOnSeveralDetectors") == 1 && task.metadata.integer("nExpectedSsObjects") == 2)
    // The order of detectors does not matter.
    #expect(try reconcile([second, first]).0.associatedSsSources == visit.associatedSsSources)
  }

  /// What a detector's source is freed from may be another object's.
  @Test func aFreedSourceGoesToWhoNeedsIt() throws {
    let two = try TwoDetectors()
    let objects = try makeObjects([try two.sky(1001), try two.sky(1006)], errors: [1, 1])
    let first = try two.associate(0, sources: try makeSources([try two.sky(999.3)], ids: [11]), objects: objects)
    // On the second detector the first object is nearer to the only source.
    let second = try two.associate(1, sources: try makeSources([try two.sky(1003.4)], ids: [21]), objects: objects)
    #expect(try second.associatedSsSources.whole("ssObjectId") == [1001])
    #expect(try second.unassociatedSsObjects.whole("ssObjectId") == [1002])
    let (visit, _) = try reconcile([first, second])
    #expect(try visit.associatedSsSources.whole("ssObjectId") == [1001, 1002])
    #expect(try visit.associatedSsSources.whole("diaSourceId") == [11, 21])
    // The first object's candidates are 1.7 and 2.4 pixels away, the second one's 2.6 and no other.
    #expect(try visit.associatedSsSources.column("diaDistanceRank", as: Int32.self) == [1, 1])
    #expect(try visit.sources.map { try $0.whole("ssObjectId") } == [[1001], [1002]])
  }

  @Test func whatWasNotSeenStandsOnce() throws {
    let two = try TwoDetectors()
    let objects = try makeObjects([try two.sky(1001), try two.sky(300), try two.sky(1004.2)], errors: [1, 1, 1])
    let results = try (0..<2).map { try two.associate($0, sources: try makeSources([], ids: []), objects: objects) }
    let (visit, task) = try reconcile(results)
    #expect(try visit.unassociatedSsObjects.whole("ssObjectId") == [1001, 1002, 1003])
    // The first is in the gap; the third is in the first detector's margin and on the second.
    #expect(
      try visit.unassociatedSsObjects.column("isOnDetector", as: Bool.self) == [false, true, true])
    #expect(try task.metadata.integer("nUnassociatedSsObjects") == 3)
  }

  @Test func tablesThatDoNotBelongTogetherAreRefused() throws {
    let two = try TwoDetectors()
    let objects = try makeObjects([try two.sky(1001)], errors: [1])
    let first = try two.associate(0, sources: try makeSources([try two.sky(999)], ids: [11]), objects: objects)
    let twin = try two.associate(1, sources: try makeSources([try two.sky(1004)], ids: [11]), objects: objects)
    #expect(throws: SolarSystemError.self) { try reconcile([first, twin]) }
    let other = DetectorAssociations(
      candidates: first.candidates, expected: first.candidates, sources: first.diaSources)
    #expect(throws: SolarSystemError.self) {
      try ReconcileSolarSystemTask().run([
        DetectorAssociations(
          candidates: first.candidates, expected: first.expectedSsObjects, sources: first.diaSources), other,
      ])
    }
    #expect(throws: NoWorkFound.self) { try ReconcileSolarSystemTask().run([]) }
  }
}
