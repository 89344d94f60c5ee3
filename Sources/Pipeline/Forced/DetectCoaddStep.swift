// SPDX-License-Identifier: GPL-3.0-or-later
// Detection on coadds, as a step of pipelines.

internal import Catalogs
package import ForcedPhotometry
internal import Imaging
internal import Repository
package import TaskFramework

/// A quantum is a patch and band.
extension DetectCoaddSourcesTask: PipelineTask {
  package static func connections(_ config: DetectCoaddSourcesConfig) throws -> Connections {
    let patch: Set<Dimension> = [.tract, .patch, .band]
    return try Connections(
      dimensions: patch, templates: ["coaddName": "deep"],
      [
        Connection(
          "coadd", .input, "{coaddName}Coadd", .exposure, dimensions: patch,
          doc: "the coadd of all visits, nJy"),
        .skyMap(),
        Connection(
          "outputSchema", .initOutput, "{coaddName}Coadd_det_schema", .sourceCatalog,
          doc: "the columns of detections"),
        Connection(
          "outputExposure", .output, "{coaddName}Coadd_calexp", .exposure, dimensions: patch,
          doc:
            "the coadd without background, its variance that of sources, with detection planes, nJy"
        ),
        Connection(
          "outputBackgrounds", .output, "{coaddName}Coadd_calexp_background", .background,
          dimensions: patch,
          doc: "what was subtracted, nJy"),
        Connection(
          "outputSources", .output, "{coaddName}Coadd_det", .sourceCatalog, dimensions: patch,
          doc: "the footprints and peaks of the band"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let result = try run(
      try context.get("coadd"), idFactory: try PatchIDs(context).generator.makeFactory())
    try context.put(result.exposure, argument: "outputExposure")
    try context.put(
      result.background.map { BackgroundList([$0], unit: .nanojansky) },
      argument: "outputBackgrounds")
    try context.put(result.sources, argument: "outputSources")
  }
}
