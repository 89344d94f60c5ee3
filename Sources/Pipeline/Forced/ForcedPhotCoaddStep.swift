// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry on coadds, as a step of pipelines.

internal import Catalogs
package import ForcedPhotometry
internal import Imaging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is a patch and band.
extension ForcedPhotCoaddTask: PipelineTask {
  package static func connections(_ config: ForcedPhotCoaddConfig) throws -> Connections {
    // A setting without effect would be believed to have one.
    let defaults = ForcedPhotCoaddConfig()
    for (path, own, _) in config.differences(from: defaults)
    where path == "coaddName" || path.hasPrefix("references") {
      throw ConnectionsError(
        "\(path) is \(own), but it is for runDataRef; a pipeline reads what connections.inputCoaddName and connections.refCat name"
      )
    }
    let patch: Set<Dimension> = [.tract, .patch, .band]
    let footprints = config.footprintDatasetName.map { dataset in
      Connection(
        "footprintCatInBand", .input, "{inputCoaddName}Coadd_\(dataset.suffix)", .sourceCatalog, dimensions: patch,
        doc: "the pixels of deblended sources in the band")
    }
    return try Connections(
      dimensions: patch, templates: ["inputCoaddName": "deep", "outputCoaddName": "deep"],
      [
        Connection(
          "inputSchema", .initInput, "{inputCoaddName}Coadd_ref_schema", .sourceCatalog,
          doc: "the columns of the reference"),
        Connection(
          "exposure", .input, "{inputCoaddName}Coadd_calexp", .exposure, dimensions: patch,
          doc: "the coadd to measure, nJy"),
        Connection(
          "refCat", .input, "{inputCoaddName}Coadd_ref", .sourceCatalog,
          dimensions: [.tract, .patch],
          doc: "positions and shapes, the same for all bands"),
        Connection(
          "refCatInBand", .input, "{inputCoaddName}Coadd_meas", .sourceCatalog, dimensions: patch,
          doc: "the sources as this band has them, with their pixels"),
        .skyMap(),
        Connection(
          "outputSchema", .initOutput, "{outputCoaddName}Coadd_forced_src_schema", .sourceCatalog,
          doc: "the columns of forced sources"),
        Connection(
          "measCat", .output, "{outputCoaddName}Coadd_forced_src", .sourceCatalog,
          dimensions: patch,
          doc: "the reference's sources, measured in this band"),
      ] + (footprints.map { [$0] } ?? [])
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let exposure: Exposure = try context.get("exposure")
    let reference: Catalog = try context.get("refCat")
    // Patches of a tract share its WCS.
    let wcs = try PatchGeometry(context).tract.wcs
    let footprintData = try config.footprintDatasetName.map { dataset in
      dataset.footprintData(try context.get("footprintCatInBand"))
    }
    let (catalog, exposureID) = try generateMeasCat(
      exposureDataId: context.quantum.dataID, exposure: exposure, refCat: reference,
      refCatInBand: try context.get("refCatInBand"), refWcs: wcs,
      idPacker: try PatchIDs(context).packer,
      footprintData: footprintData)
    let result = try run(
      catalog, exposure: exposure, refCat: reference, refWcs: wcs, exposureID: exposureID)
    let sources = strippingFootprints(result.measCat)
    try context.put(
      ForcedSourceCatalog(
        sources, fluxCovariance: try result.fluxCovariance.map { try $0.table(sources) }),
      argument: "measCat")
  }
}
