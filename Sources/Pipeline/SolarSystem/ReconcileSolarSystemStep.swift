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
          "candidates", .input, "ssSingleFrameCandidates", .table, dimensions: detector, multiple: true,
          doc: "pairs that could be one, by detector"),
        Connection(
          "expectedSsObjects", .input, "ssSingleFrameExpectedObjects", .table, dimensions: detector, multiple: true,
          doc: "objects that may be on a detector"),
        Connection(
          "associatedSsSources", .output, "{coaddName}Diff_associatedSsSources", .table, dimensions: [.visit],
          doc: "sources of the visit that are objects of the solar system"),
        Connection(
          "unassociatedSsObjects", .output, "ssUnassociatedObjects", .table, dimensions: [.visit],
          doc: "objects that no source of the visit was found for"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    func tables(_ argument: String) throws -> [Int64: Catalog] {
      var result: [Int64: Catalog] = [:]
      for (reference, table) in try context.getAll(argument, as: Catalog.self) {
        guard let detector = reference.dataID.number(.detector) else { throw TaskError("\(reference) is of no detector") }
        result[detector] = table
      }
      return result
    }
    let (candidates, expected) = (try tables("candidates"), try tables("expectedSsObjects"))
    // A detector has both or neither: one quantum writes them.
    let detectors = candidates.sorted { $0.key < $1.key }.compactMap { detector, pairs in
      expected[detector].map { DetectorAssociations(candidates: pairs, expected: $0) }
    }
    let result = try run(detectors)
    try context.put(result.associatedSsSources, argument: "associatedSsSources")
    try context.put(result.unassociatedSsObjects, argument: "unassociatedSsObjects")
  }
}
