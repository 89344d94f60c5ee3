// SPDX-License-Identifier: GPL-3.0-or-later
// Pairs of sources and objects of the solar system.

internal import Catalogs
package import Imaging
internal import Logging
internal import SkyGeometry
package import TaskFramework

/// Pairs the sources of an exposure and the objects of the solar system that may be on it (framework B.4–B.8).
package final class SolarSystemAssociationTask: Task {
  package static let defaultName: String? = "solarSystemAssociator"
  package let node: TaskNode
  package let config: SolarSystemAssociationConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Associates sources and objects.
  ///
  /// Objects are where their ephemerides have them at the exposure's midpoint; those in its footprint (``DetectorRegion``) are paired with the sources near them (``Candidates``), by the rule of the
  /// configuration (``AssociationRule``). Nothing depends on the order of rows but the order of the results' rows.
  ///
  /// Without objects, without sources, or without either, the tables are empty and have all columns.
  ///
  /// **Metadata.** `nExpectedSsObjects`, `nAssociatedSsObjects`, `nUnassociatedSsObjects`, `nCandidatePairs`.
  ///
  /// - Throws: ``SolarSystemError`` for an exposure without WCS or time and ephemerides of another time; ``SkyGeometry/WCSError``.
  package func run(
    _ sources: SourceTable, objects: SolarSystemObjects, exposure: Exposure
  ) throws -> SolarSystemAssociationResult {
    try timer("run") { () throws in
      let time = try midpoint(of: exposure)
      let ephemerides = try ephemerides(of: objects, at: time)
      let (expected, places) = try objectsInFootprint(objects, ephemerides, exposure)
      let candidates = Candidates(config: config, objects: objects, ephemerides: ephemerides, sources: sources)
      try warnOfSourcesElsewhere(sources, exposure, at: time)
      let pairs = try candidates.pairs(expected)
      let rule = Assignment(rule: config.assignment, objectIDs: objects.ids, sourceIDs: sources.ids)
      let chosen = rule.choose(pairs)
      return try result(
        sources, objects, ephemerides, expected, places, pairs: pairs, chosen: chosen, time: time)
    }
  }

  /// Warns of sources that cannot be this exposure's.
  private func warnOfSourcesElsewhere(_ sources: SourceTable, _ exposure: Exposure, at time: Double) throws {
    let positions = sources.positions
    if !positions.isEmpty, let wcs = exposure.wcs, !exposure.box.isEmpty,
      try DetectorRegion(box: exposure.box, wcs: wcs, margin: .arcseconds(10), limit: 100).indices(of: positions)
        .isEmpty
    {
      warn("none of the \(positions.count) sources is on the exposure")
    }
    if let own = sources.table.numbers("midpointMjdTai")?.first(where: { $0.isFinite }), abs(own - time) > 1.0 / 1440 {
      warn("the sources are of MJD \(own) (midpointMjdTai), the exposure of \(time)")
    }
  }

  private func midpoint(of exposure: Exposure) throws(SolarSystemError) -> Double {
    guard let time = exposure.visitInfo?.mjdTAI, time.isFinite else {
      throw .missingInput(
        "the exposure has no time of its midpoint (visitInfo.mjdTAI), so nobody knows where objects were")
    }
    return time
  }

  private func ephemerides(
    of objects: SolarSystemObjects, at time: Double
  ) throws(SolarSystemError) -> [ObjectEphemeris] {
    do {
      return try objects.ephemerides(at: time)
    } catch .outsideTimeRange(let exposure, let first, let last) where config.doExtrapolate {
      warn("the exposure's midpoint is MJD \(exposure) (TAI), the ephemerides hold from \(first) to \(last)")
      return try objects.ephemerides(at: time, extrapolates: true)
    }
  }

  /// The rows of the objects in the footprint, and where each is on the detector.
  private func objectsInFootprint(
    _ objects: SolarSystemObjects, _ ephemerides: [ObjectEphemeris], _ exposure: Exposure
  ) throws -> (rows: [Int], places: [Int: PredictedPlace]) {
    guard let wcs = exposure.wcs else {
      throw SolarSystemError.missingInput("the exposure has no WCS, so nobody knows where it points")
    }
    guard !exposure.box.isEmpty else { return ([], [:]) }
    let positions = ephemerides.map(\.position)
    let lost = positions.indices.filter { !positions[$0].isFinite }
    if !lost.isEmpty {
      try metadata.set("nObjectsWithoutPosition", lost.count)
      let shown = lost.prefix(5).map { "\(objects.ids[$0]) (row \($0 + 1))" }.joined(separator: ", ")
      warn(
        "\(lost.count) of \(objects.count) objects have no position at the exposure's midpoint and are left out: \(shown)"
          + (lost.count > 5 ? " and others" : ""))
    }
    let known = objects.largestError(missing: config.defaultPositionError)
    let region = try DetectorRegion(
      box: exposure.box, wcs: wcs, margin: .arcseconds(known), limit: config.maxPixelMargin,
      padsPixels: config.doPadFootprint)
    let rows = region.indices(of: positions)
    let pixels = wcs.skyToPixel(rows.map { positions[$0] })
    return (
      rows,
      Dictionary(uniqueKeysWithValues: zip(rows, pixels).map { ($0, PredictedPlace($1, on: exposure.maskedImage)) })
    )
  }

  private func result(
    _ sources: SourceTable, _ objects: SolarSystemObjects, _ ephemerides: [ObjectEphemeris], _ expected: [Int],
    _ places: [Int: PredictedPlace], pairs: [CandidatePair], chosen: [Int], time: Double
  ) throws -> SolarSystemAssociationResult {
    let columns = try AssociationColumns(objects.table.schema, sources)
    let order = pairs.indices.sorted { a, b in
      (sources.ids[pairs[a].source], objects.ids[pairs[a].object])
        < (sources.ids[pairs[b].source], objects.ids[pairs[b].object])
    }
    let candidates = try columns.table(order.map { pairs[$0] }, objects, ephemerides, sources)
    let isChosen = Set(chosen)
    let accepted = candidates.selecting(order.indices.filter { isChosen.contains(order[$0]) })
    var associated = sources
    try associated.associate(chosen.map { (pairs[$0].source, objects.ids[pairs[$0].object]) })
    let found = Set(chosen.map { pairs[$0].object })
    let known = try UnassociatedObjects.table(
      expected.sorted { objects.ids[$0] < objects.ids[$1] }, objects, ephemerides, places, detector: sources.detector,
      at: time)
    let foundIDs = Set(found.map { objects.ids[$0] })
    let ids = try known.column("ssObjectId", as: Int64.self)
    let taken = Set(chosen.map { pairs[$0].source })
    try metadata.set("nExpectedSsObjects", expected.count)
    try metadata.set("nAssociatedSsObjects", found.count)
    try metadata.set("nUnassociatedSsObjects", expected.count - found.count)
    try metadata.set("nCandidatePairs", pairs.count)
    log.info("associated \(found.count) of \(expected.count) objects")
    return SolarSystemAssociationResult(
      ssoAssocDiaSources: associated.table.filter { taken.contains($0) },
      unAssocDiaSources: associated.table.filter { !taken.contains($0) }, diaSources: associated.table,
      nTotalSsObjects: expected.count, nAssociatedSsObjects: found.count,
      associatedSsSources: config.columns == .v1 ? try FirstColumns.table(accepted) : accepted,
      unassociatedSsObjects: known.filter { !foundIDs.contains(ids[$0]) }, candidates: candidates,
      expectedSsObjects: known)
  }
}
