// SPDX-License-Identifier: GPL-3.0-or-later
// The reference of a patch, as a step of pipelines.

internal import Catalogs
package import ForcedPhotometry
internal import Repository
package import TaskFramework

/// A quantum is a patch, with all of its bands.
extension MergeMeasurementsTask: PipelineTask {
  package static var precedingSteps: [any PipelineTask.Type] {
    [MergeDetectionsTask.self, MeasureMergedCoaddSourcesTask.self]
  }

  package static func connections(_ config: MergeMeasurementsConfig) throws -> Connections {
    try Connections(
      dimensions: [.tract, .patch], templates: ["coaddName": "deep"],
      [
        Connection(
          "inputSchema", .initInput, "{coaddName}Coadd_meas_schema", .sourceCatalog,
          doc: "the columns of sources"),
        Connection(
          "catalogs", .input, "{coaddName}Coadd_meas", .sourceCatalog,
          dimensions: [.tract, .patch, .band],
          multiple: true, doc: "the sources as each band has them"),
        Connection(
          "outputSchema", .initOutput, "{coaddName}Coadd_ref_schema", .sourceCatalog,
          doc: "the columns of the reference"),
        Connection(
          "mergedCatalog", .output, "{coaddName}Coadd_ref", .sourceCatalog,
          dimensions: [.tract, .patch],
          doc: "the sources of the patch, each as the band has it that knows it best"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let catalogs = try context.getAll("catalogs", as: Catalog.self)
    try context.put(
      try run(try catalogs.map { (band: try $0.band(), sources: $1) }), argument: "mergedCatalog")
  }
}
