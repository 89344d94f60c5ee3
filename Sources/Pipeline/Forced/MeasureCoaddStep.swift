// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring merged sources in a band, as a step of pipelines.

internal import Catalogs
package import ForcedPhotometry
internal import Imaging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is a patch and band.
extension MeasureMergedCoaddSourcesTask: PipelineTask {
  package static var precedingSteps: [any PipelineTask.Type] { [MergeDetectionsTask.self] }

  package static func connections(_ config: MeasureMergedCoaddSourcesConfig) throws -> Connections {
    let patch: Set<Dimension> = [.tract, .patch, .band]
    func deblended(_ argument: String, _ name: String, _ doc: String) -> Connection {
      Connection(
        argument, .output, "{coaddName}Coadd_\(name)", .sourceCatalog, dimensions: patch, doc: doc)
    }
    return try Connections(
      dimensions: patch, templates: ["coaddName": "deep"],
      [
        Connection(
          "inputSchema", .initInput, "{coaddName}Coadd_mergeDet_schema", .sourceCatalog,
          doc: "the columns of merged detections"),
        Connection(
          "exposure", .input, "{coaddName}Coadd_calexp", .exposure, dimensions: patch,
          doc: "the coadd to measure, nJy"),
        Connection(
          "families", .input, "{coaddName}Coadd_mergeDet", .sourceCatalog,
          dimensions: [.tract, .patch],
          doc: "the sources of the patch, merged from all bands"),
        .skyMap(),
        Connection(
          "outputSchema", .initOutput, "{coaddName}Coadd_meas_schema", .sourceCatalog,
          doc: "the columns of sources"),
        Connection(
          "outputSources", .output, "{coaddName}Coadd_meas", .sourceCatalog, dimensions: patch,
          doc: "the sources as this band has them, deblended"),
      ]
        + (config.doWriteDeblendedFlux
          ? [deblended("deblendedFlux", "deblendedFlux", "the pixels of each deblended source")]
          : [])
        + (config.doWriteDeblendedModel
          ? [deblended("deblendedModel", "deblendedModel", "the deblender's model of each source")]
          : [])
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let skyMap: SkyMap = try context.get("skyMap")
    let geometry = try PatchGeometry(context)
    let result = try run(
      try context.get("exposure"), families: try context.get("families"),
      isPatchInner: { position in position.pixel.map(geometry.patch.innerBox.contains) ?? false },
      // The tract's own cell of a map of rings; of discrete tracts the one whose centre is nearest.
      isTractInner: { position in (try? skyMap.findTractID(position)) == geometry.tract.id },
      exposureID: try PatchIDs(context).generator.seed)
    try context.put(result.sources, argument: "outputSources")
    if config.doWriteDeblendedFlux { try context.put(result.deblended, argument: "deblendedFlux") }
    if config.doWriteDeblendedModel { try context.put(result.models, argument: "deblendedModel") }
  }
}
