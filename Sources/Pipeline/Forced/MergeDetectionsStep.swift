// SPDX-License-Identifier: GPL-3.0-or-later
// Merging detections of all bands, as a step of pipelines.

internal import Catalogs
package import ForcedPhotometry
internal import Imaging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is a patch, with all of its bands.
extension MergeDetectionsTask: PipelineTask {
  package static func connections(_ config: MergeDetectionsConfig) throws -> Connections {
    let band: Set<Dimension> = [.tract, .patch, .band]
    let exposures = Connection(
      "exposures", .input, "{coaddName}Coadd_calexp", .exposure, dimensions: band, multiple: true,
      deferLoad: true,
      doc: "the coadds, whose masks sky sources keep away from")
    return try Connections(
      dimensions: [.tract, .patch], templates: ["coaddName": "deep"],
      [
        Connection(
          "catalogs", .input, "{coaddName}Coadd_det", .sourceCatalog, dimensions: band,
          multiple: true,
          doc: "the detections of each band"),
        .skyMap(),
        Connection(
          "outputSchema", .initOutput, "{coaddName}Coadd_mergeDet_schema", .sourceCatalog,
          doc: "the columns of merged detections"),
        Connection(
          "outputCatalog", .output, "{coaddName}Coadd_mergeDet", .sourceCatalog,
          dimensions: [.tract, .patch],
          doc: "the sources of the patch, merged from all bands, with their IDs"),
      ] + (config.doSkySources ? [exposures] : [])
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let geometry = try PatchGeometry(context)
    let ids = try PatchIDs(context).generator
    let detections = try context.getAll("catalogs", as: Catalog.self).map { ($0, $1) }
    let mask = try unitedMask(context)
    let families = try run(
      try detections.map { (band: try $0.band(), sources: $1) }, wcs: geometry.tract.wcs,
      box: geometry.patch.outerBox,
      idFactory: ids.makeFactory(), skySeed: ids.seed, mask: mask)
    try context.put(families, argument: "outputCatalog")
  }

  /// What is bad or covered by a source in any band.
  private func unitedMask(_ context: any QuantumContext) throws -> Mask? {
    var result: Mask?
    // One after the other: together they would take the memory of all bands.
    for reference in context.quantum.inputs["exposures"] ?? [] {
      guard let mask = try context.get(reference, as: Exposure.self)?.maskedImage.mask else { continue }
      guard var united = result else {
        result = mask
        continue
      }
      guard mask.box == united.box else {
        throw TaskError("\(reference) has the pixels \(mask.box), other bands \(united.box)")
      }
      for plane in mask.planes.planeNames { try united.addPlane(plane) }
      united.unite(try mask.conformed(to: united.planes).bits, pattern: .max)
      result = united
    }
    return result
  }
}
