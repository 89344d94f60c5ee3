// SPDX-License-Identifier: GPL-3.0-or-later
// Templates, as a step of pipelines.

package import ImageDifferencing
internal import Imaging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is an exposure that is subtracted from; a coadd that is not there costs the area that it would have covered.
extension GetTemplateTask: PipelineTask {
  package static func connections(_ config: GetTemplateConfig) throws -> Connections {
    try Connections(
      dimensions: [.visit, .detector], visits: .science, templates: ["coaddName": "goodSeeing"],
      [
        Connection(
          "exposure", .prerequisiteInput, "calexp", .exposure, dimensions: [.visit, .detector],
          doc: "the exposure whose pixels and calibration the template gets"),
        .skyMap(),
        // The job says which visits are in it, so it has to say something of them.
        Connection(
          "coaddExposures", .input, "{coaddName}Coadd", .exposure, dimensions: [.tract, .patch, .band], multiple: true,
          minimum: 0, deferLoad: true, visits: .template, margin: config.templateBorderSize,
          doc: "the coadds that the exposure and its border overlap"),
        Connection(
          "template", .output, "{coaddName}Diff_templateExp", .exposure, dimensions: [.visit, .detector],
          doc: "the coadds on the exposure's pixels, in its counts"),
      ]
    ).resolved(config.connections)
  }

  package static func adjustQuantum(_ quantum: Quantum, _ connections: Connections) throws -> Quantum {
    try requireCounts(quantum, connections)
    guard quantum.inputs["coaddExposures"]?.isEmpty == false else {
      let type = connections["coaddExposures"]?.datasetType ?? "coadd"
      throw NoWorkFound("\(quantum.label) of \(quantum.dataID): there is no \(type) where the exposure is")
    }
    return quantum
  }

  package func execute(_ context: any QuantumContext) throws {
    let exposure: Exposure = try context.get("exposure")
    guard let wcs = exposure.wcs else { throw TaskError("the exposure has no WCS, so nobody knows where it is") }
    guard let photoCalib = exposure.photoCalib else {
      throw TaskError("the exposure has no photometric calibration; ingest it with --zeropoint")
    }
    let skyMap: SkyMap = try context.get("skyMap")
    let patches = try (context.quantum.inputs["coaddExposures"] ?? []).map { reference in
      guard let tractID = reference.dataID.number(.tract).flatMap(Int.init(exactly:)),
        let index = reference.dataID.number(.patch).flatMap(Int.init(exactly:))
      else { throw TaskError("\(reference) is of no patch") }
      let tract = try skyMap.tract(tractID)
      return TemplatePatch(tract: tract, patch: try tract.patch(index)) {
        guard let file = try context.get(reference, as: DatasetFile.self) else { return nil }
        let header = try ExposureHeader(ofExposure: file.path)
        return TemplatePatch.Coadd(
          psf: header.psf, wcs: header.wcs, photoCalib: header.photoCalib, filter: header.filter
        ) { rows in try readRows(rows, ofExposure: file.path) }
      }
    }
    let template = try run(
      patches, box: exposure.box, wcs: wcs, photoCalib: photoCalib, checkCancellation: context.checkCancellation)
    try context.put(template, argument: "template")
  }
}
