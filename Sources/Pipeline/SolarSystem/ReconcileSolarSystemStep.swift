// SPDX-License-Identifier: GPL-3.0-or-later
// Objects of the solar system in a visit, as a step of pipelines.

internal import Catalogs
internal import Repository
package import SolarSystem
package import TaskFramework

/// A quantum is a visit, with all of its detectors that there is something of.
extension ReconcileSolarSystemTask: PipelineTask {
  package static var precedingSteps: [any PipelineTask.Type] { [SsSingleFrameAssociationTask.self] }

  package static func connections(_ config: ReconcileSolarSystemConfig) throws -> Connections {
    let detector: Set<Dimension> = [.visit, .detector]
    return try Connections(
      dimensions: [.visit], visits: .science, templates: ["coaddName": "goodSeeing"],
      [
        Connection(
          "candidates", .input, "ssSingleFrameCandidates", .table, dimensions: detector, multiple: true, minimum: 0,
          doc: "pairs that could be one, by detector"),
        Connection(
          "expectedSsObjects", .input, "ssSingleFrameExpectedObjects", .table, dimensions: detector, multiple: true,
          minimum: 0,
          doc: "objects that may be on a detector"),
        Connection(
          "diaSourceTable", .input, "{coaddName}Diff_diaSrcTable", .table, dimensions: detector, multiple: true,
          minimum: 0, doc: "the sources with calibrated values, by detector"),
        Connection(
          "associatedSsSources", .output, "{coaddName}Diff_associatedSsSources", .table, dimensions: [.visit],
          doc: "sources of the visit that are objects of the solar system"),
        Connection(
          "unassociatedSsObjects", .output, "ssUnassociatedObjects", .table, dimensions: [.visit],
          doc: "objects that no source of the visit was found for"),
        Connection(
          "assocDiaSources", .output, "{coaddName}Diff_assocDiaSrc", .table, dimensions: detector, multiple: true,
          doc: "the sources with calibrated values and the visit's ssObjectId"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    func tables(_ argument: String) throws -> [Int64: Catalog] {
      var result: [Int64: Catalog] = [:]
      for (reference, table) in try context.getAll(argument, as: Catalog.self) {
        guard let detector = reference.dataID.number(.detector) else {
          throw TaskError("\(reference) is of no detector")
        }
        result[detector] = table
      }
      return result
    }
    let (candidates, expected) = (try tables("candidates"), try tables("expectedSsObjects"))
    let sources = try tables("diaSourceTable")
    // A detector has all or none of them: one quantum writes them.
    var detectors: [Int64] = []
    var associations: [DetectorAssociations] = []
    for detector in candidates.keys.sorted() {
      guard let pairs = candidates[detector], let known = expected[detector], let table = sources[detector] else {
        continue
      }
      detectors.append(detector)
      associations.append(DetectorAssociations(candidates: pairs, expected: known, sources: table))
    }
    let result = try run(associations)
    try context.put(result.associatedSsSources, argument: "associatedSsSources")
    try context.put(result.unassociatedSsObjects, argument: "unassociatedSsObjects")
    let marked = Dictionary(uniqueKeysWithValues: zip(detectors, result.sources))
    try context.putAll(
      (context.quantum.outputs["assocDiaSources"] ?? []).map { reference in
        reference.dataID.number(.detector).flatMap { marked[$0] }
      }, argument: "assocDiaSources")
  }
}
