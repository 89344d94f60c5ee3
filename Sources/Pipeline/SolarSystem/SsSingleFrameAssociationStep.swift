// SPDX-License-Identifier: GPL-3.0-or-later
// Association with objects of the solar system, as a step of pipelines.

internal import Catalogs
internal import Imaging
internal import Repository
package import SolarSystem
package import TaskFramework

/// A quantum is a detector of a visit: the sources of its difference, and the ephemerides of the visit.
extension SsSingleFrameAssociationTask: PipelineTask {
  package static func connections(_ config: SsSingleFrameAssociationConfig) throws -> Connections {
    let detector: Set<Dimension> = [.visit, .detector]
    return try Connections(
      dimensions: detector, visits: .science, templates: ["coaddName": "goodSeeing"],
      [
        Connection(
          "exposure", .input, "{coaddName}Diff_differenceExp", .exposure, dimensions: detector,
          doc: "what the sources were found on: where it points, when, and what counts are worth"),
        Connection(
          "sourceTable", .input, "{coaddName}Diff_diaSrc", .sourceCatalog, dimensions: detector,
          doc: "sources of the difference"),
        Connection(
          "solarSystemObjectTable", .prerequisiteInput, "preloaded_SsObjects", .table, dimensions: [.visit], minimum: 0,
          doc: "ephemerides of what may be in the visit"),
        Connection(
          "associatedSsSources", .output, "ssSingleFrameAssociatedSources", .table, dimensions: detector,
          doc: "sources that are objects of the solar system"),
        Connection(
          "unassociatedSsObjects", .output, "ssSingleFrameUnassociatedObjects", .table, dimensions: detector,
          doc: "objects that no source was found for"),
        Connection(
          "candidates", .output, "ssSingleFrameCandidates", .table, dimensions: detector,
          doc: "pairs that could have been one"),
        Connection(
          "expectedSsObjects", .output, "ssSingleFrameExpectedObjects", .table, dimensions: detector,
          doc: "objects that may be on the detector"),
        Connection(
          "diaSourceTable", .output, "{coaddName}Diff_diaSrcTable", .table, dimensions: detector,
          doc: "all sources of the difference with calibrated values"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let ephemerides = try context.quantum.inputs["solarSystemObjectTable"]?.first.flatMap {
      try context.get($0, as: Catalog.self)
    }
    let exposure: Exposure = try context.get("exposure")
    let sources = try context.get("sourceTable", as: DiaSourceCatalog.self).sources
    // Calibrated values need no ephemerides.
    if ephemerides == nil {
      let table = try SourceTable(sources, exposure: exposure, band: exposure.filter?.band).table
      try context.put(table, argument: "diaSourceTable")
    }
    let result = try run(
      exposure: exposure, sourceTable: sources, band: exposure.filter?.band, solarSystemObjectTable: ephemerides)
    try context.put(result.associatedSsSources, argument: "associatedSsSources")
    try context.put(result.unassociatedSsObjects, argument: "unassociatedSsObjects")
    try context.put(result.candidates, argument: "candidates")
    try context.put(result.expectedSsObjects, argument: "expectedSsObjects")
    try context.put(result.diaSources, argument: "diaSourceTable")
  }
}
