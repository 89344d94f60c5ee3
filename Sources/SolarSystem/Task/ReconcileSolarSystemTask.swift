// SPDX-License-Identifier: GPL-3.0-or-later
// One object, one source a visit.

package import Catalogs
package import TaskFramework

/// How the detectors of a visit are reconciled.
package struct ReconcileSolarSystemConfig: Config {
  package var assignment = AssociationRule.optimal
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "assignment", \.assignment, doc: "as solarSystemAssociator.assignment of the detectors, which should be the same"),
    .connections("connections", \.connections),
  ]
}

/// What association found on a detector.
package struct DetectorAssociations: Sendable {
  /// As ``SolarSystemAssociationResult/candidates``.
  package let candidates: Catalog
  /// As ``SolarSystemAssociationResult/expectedSsObjects``.
  package let expected: Catalog
  /// As ``SolarSystemAssociationResult/diaSources``.
  package let sources: Catalog

  package init(candidates: Catalog, expected: Catalog, sources: Catalog) {
    self.candidates = candidates
    self.expected = expected
    self.sources = sources
  }
}

/// What a visit's detectors found together.
package struct VisitAssociations: Sendable {
  /// A row for each association, in the order of the sources' IDs.
  package let associatedSsSources: Catalog
  /// Each object that no detector has a source for, once.
  package let unassociatedSsObjects: Catalog
  /// The sources of each detector, in the order in which they were given, with the `ssObjectId` of the visit.
  package let sources: [Catalog]
}

/// Associates the sources of a whole visit: each object has one source at most, also where several detectors have one for it (framework F.5).
///
/// Near a gap an object may be expected on two detectors, each of which has a source for it; the candidates of all detectors are one assignment here.
package final class ReconcileSolarSystemTask: Task {
  package static let defaultName: String? = "reconcileSolarSystem"
  package let node: TaskNode
  package let config: ReconcileSolarSystemConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Reconciles the detectors of a visit.
  ///
  /// **Metadata.** `nExpectedSsObjects`, `nAssociatedSsObjects`, `nUnassociatedSsObjects`, `nOnSeveralDetectors` (objects with candidates on more than one detector).
  ///
  /// - Parameter detectors: at least one, in any order.
  /// - Throws: ``TaskFramework/NoWorkFound`` for none; ``SolarSystemError`` for tables that do not belong together or sources of one ID; ``Catalogs/CatalogError``.
  package func run(_ detectors: [DetectorAssociations]) throws -> VisitAssociations {
    guard let first = detectors.first else { throw NoWorkFound("no detector of the visit was associated") }
    var (candidates, expected) = (Catalog(first.candidates.schema), Catalog(first.expected.schema))
    var detectorOfPair: [Int] = []
    for (i, detector) in detectors.enumerated() {
      guard detector.candidates.schema == candidates.schema, detector.expected.schema == expected.schema else {
        throw SolarSystemError.tablesDiffer(
          "the detectors of the visit have tables with other columns: "
            + (detector.candidates.schema.differences(from: candidates.schema)
            + detector.expected.schema.differences(from: expected.schema)).prefix(3).joined(separator: "; "))
      }
      detectorOfPair += Array(repeating: i, count: detector.candidates.rowCount)
      try candidates.append(contentsOf: detector.candidates)
      try expected.append(contentsOf: detector.expected)
    }
    let chosen = try choose(candidates, detectorOfPair)
    let ids = try sourceIDs(candidates)
    let objects: [Int64] = try candidates.column("ssObjectId")
    try rank(&candidates)
    let associated = candidates.selecting(
      chosen.sorted { (ids[$0], objects[$0]) < (ids[$1], objects[$1]) })
    let missed = try missed(expected, found: Set(chosen.map { objects[$0] }))
    let all = Set(try expected.column("ssObjectId", as: Int64.self))
    let found = Set(chosen.map { objects[$0] })
    try metadata.set("nExpectedSsObjects", all.count)
    try metadata.set("nAssociatedSsObjects", found.count)
    try metadata.set("nUnassociatedSsObjects", missed.rowCount)
    let places = Dictionary(grouping: objects.indices, by: { objects[$0] })
    try metadata.set(
      "nOnSeveralDetectors", places.values.count { rows in Set(rows.map { detectorOfPair[$0] }).count > 1 })
    let owners = Dictionary(chosen.map { (ids[$0], objects[$0]) }) { first, _ in first }
    return VisitAssociations(
      associatedSsSources: associated, unassociatedSsObjects: missed,
      sources: try detectors.map { try marked($0.sources, owners) })
  }

  /// The table's IDs of sources; the column has one of two names.
  private func sourceIDs(_ table: Catalog) throws -> [Int64] {
    try table.column(table.schema.contains("diaSourceId") ? "diaSourceId" : "id")
  }

  /// A detector's sources with their objects.
  private func marked(_ sources: Catalog, _ owners: [Int64: Int64]) throws -> Catalog {
    var result = sources
    let key = try sources.schema.key("ssObjectId", as: Int64.self)
    for (row, id) in try sourceIDs(sources).enumerated() { result[key, row] = owners[id] ?? 0 }
    return result
  }

  /// Ranks each object's candidates on all detectors.
  private func rank(_ candidates: inout Catalog) throws {
    let objects: [Int64] = try candidates.column("ssObjectId")
    let separations: [Double] = try candidates.column("candidateSeparation")
    let key = try candidates.schema.key("diaDistanceRank", as: Int32.self)
    for rows in Dictionary(grouping: objects.indices, by: { objects[$0] }).values {
      for (place, row) in rows.sorted(by: { separations[$0] < separations[$1] }).enumerated() {
        candidates[key, row] = Int32(clamping: place + 1)
      }
    }
  }

  /// The rows of the pairs that hold.
  private func choose(_ candidates: Catalog, _ detectorOfPair: [Int]) throws -> [Int] {
    let (ids, objects) = (try sourceIDs(candidates), try candidates.column("ssObjectId", as: Int64.self))
    var detectorOfSource: [Int64: Int] = [:]
    for (row, id) in ids.enumerated() {
      if let other = detectorOfSource.updateValue(detectorOfPair[row], forKey: id), other != detectorOfPair[row] {
        throw SolarSystemError.tablesDiffer(
          "source \(id) is on two detectors of the visit; IDs must tell sources apart")
      }
    }
    let (allObjects, allSources) = (Set(objects).sorted(), Set(ids).sorted())
    let objectPlaces = Dictionary(uniqueKeysWithValues: allObjects.enumerated().map { ($1, $0) })
    let sourcePlaces = Dictionary(uniqueKeysWithValues: allSources.enumerated().map { ($1, $0) })
    let separations: [Double] = try candidates.column("candidateSeparation")
    let costs: [Double] = try candidates.column("candidateCost")
    let pairs = objects.indices.map { row in
      CandidatePair(
        object: objectPlaces[objects[row]] ?? 0, source: sourcePlaces[ids[row]] ?? 0, separation: separations[row],
        cost: min(0, costs[row].isNaN ? 0 : costs[row]))
    }
    return Assignment(rule: config.assignment, objectIDs: allObjects, sourceIDs: allSources).choose(pairs)
  }

  /// Each object that was not found, once, in the order of IDs: as a detector has it that it was expected on, if there is one.
  private func missed(_ expected: Catalog, found: Set<Int64>) throws -> Catalog {
    let ids: [Int64] = try expected.column("ssObjectId")
    let isOnDetector: [Bool] = try expected.column("isOnDetector")
    let detectors: [Int64] = try expected.column("detector")
    var best: [Int64: Int] = [:]
    for row in ids.indices where !found.contains(ids[row]) {
      guard let other = best[ids[row]] else {
        best[ids[row]] = row
        continue
      }
      if (isOnDetector[row] ? 0 : 1, detectors[row]) < (isOnDetector[other] ? 0 : 1, detectors[other]) {
        best[ids[row]] = row
      }
    }
    return expected.selecting(best.sorted { $0.key < $1.key }.map(\.value))
  }
}
