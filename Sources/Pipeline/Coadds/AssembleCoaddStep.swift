// SPDX-License-Identifier: GPL-3.0-or-later
// Coadds, as a step of pipelines.

package import Coaddition
internal import Imaging
internal import Logging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is a patch and band; it makes the coadd of all visits and the one of the template's, from one pass over the warps.
extension AssembleCoaddTask: PipelineTask {
  package static func connections(_ config: AssembleCoaddConfig) throws -> Connections {
    let patch: Set<Dimension> = [.tract, .patch, .band]
    let warp: Set<Dimension> = [.tract, .patch, .visit, .band]
    var connections = [
      Connection(
        "warps", .input, "{coaddName}Coadd_tempExp", .exposure, dimensions: warp, multiple: true, minimum: 0,
        deferLoad: true, visits: config.doDeepCoadd ? .all : .template, doc: "the visits' warps"),
      .skyMap(),
    ]
    if config.doMatchBackgrounds {
      connections.append(
        Connection(
          "backgrounds", .input, "{coaddName}Coadd_tempExp_background", .background,
          dimensions: [.tract, .visit, .band], multiple: true,
          doc: "what matchBackgrounds found for each visit; not needed with doMatchBackgrounds: false"))
    }
    if config.doTemplateCoadd {
      connections += [
        Connection(
          "templateWarps", .input, "{coaddName}Coadd_tempExp", .exposure, dimensions: warp, multiple: true, minimum: 0,
          deferLoad: true, visits: .template, doc: "which of the warps the template is made of"),
        Connection(
          "templateCoadd", .output, "{templateCoaddName}Coadd", .exposure, dimensions: patch,
          doc: "the coadd of the template's visits, nJy"),
        Connection(
          "templateInputCount", .output, "{templateCoaddName}Coadd_nImage", .image, dimensions: patch,
          doc: "how many visits each of its pixels is made of"),
      ]
    }
    if config.doDeepCoadd {
      connections += [
        Connection(
          "coadd", .output, "{coaddName}Coadd", .exposure, dimensions: patch, doc: "the coadd of all visits, nJy"),
        Connection(
          "inputCount", .output, "{coaddName}Coadd_nImage", .image, dimensions: patch,
          doc: "how many visits each of its pixels is made of"),
      ]
    }
    return try Connections(
      dimensions: patch, templates: ["coaddName": "deep", "templateCoaddName": "goodSeeing"], connections
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let geometry = try PatchGeometry(context)
    let (warps, references) = try readWarps(context)
    guard !warps.isEmpty else { throw NoWorkFound("no visit has a warp of this patch") }
    let templates = Set(context.quantum.inputs["templateWarps"] ?? [])
    var selections: [(selection: CoaddSelection, coadd: String, count: String)] = []
    if config.doDeepCoadd {
      selections.append((CoaddSelection(name: "coadd", members: Array(warps.indices)), "coadd", "inputCount"))
    }
    if config.doTemplateCoadd {
      let members = references.indices.filter { templates.contains(references[$0]) }
      selections.append(
        (CoaddSelection(name: "templateCoadd", members: members), "templateCoadd", "templateInputCount"))
    }
    let coadds = try run(
      warps, selections.map(\.selection), box: geometry.patch.outerBox, wcs: geometry.tract.wcs,
      band: context.quantum.dataID.name(.band), memory: (context.resources.memory ?? 1 << 30) / 4,
      checkCancellation: context.checkCancellation)
    for (coadd, (_, output, count)) in zip(coadds, selections) {
      try context.put(coadd?.exposure, argument: output)
      try context.put(coadd?.inputCount, argument: count)
    }
  }

  /// The visits that have all that a coadd needs.
  private func readWarps(_ context: any QuantumContext) throws -> ([WarpedVisit], [DatasetRef]) {
    var backgrounds: [Int64: BackgroundModel] = [:]
    for (reference, list) in try context.getAll("backgrounds", as: BackgroundList.self) {
      guard list.models.count == 1, let model = list.models.first else {
        throw TaskError("\(reference) has \(list.models.count) models where one is expected")
      }
      backgrounds[try reference.visit()] = model
    }
    var (warps, references): ([WarpedVisit], [DatasetRef]) = ([], [])
    var unmatched: [Int64] = []
    for reference in context.quantum.inputs["warps"] ?? [] {
      guard let file = try context.get(reference, as: DatasetFile.self) else { continue }
      let visit = try reference.visit()
      guard !config.doMatchBackgrounds || backgrounds[visit] != nil else {
        unmatched.append(visit)
        continue
      }
      let header = try ExposureHeader(ofExposure: file.path)
      warps.append(
        WarpedVisit(
          visit: visit, psf: header.psf as? CoaddPSF, meanVariance: try meanVariance(header, reference),
          planes: header.planes, background: backgrounds[visit]
        ) { rows in try readRows(rows, ofExposure: file.path) })
      references.append(reference)
    }
    if !unmatched.isEmpty {
      log.warning(
        "visits \(unmatched.map { "\($0)" }.joined(separator: ", ")) have no background model and are left out")
    }
    try metadata.set("unmatchedVisits", unmatched.map { .integer($0) })
    return (warps, references)
  }

  /// What makeWarp found.
  private func meanVariance(_ header: ExposureHeader, _ reference: DatasetRef) throws -> Double {
    // Under whatever label the task ran.
    let values = header.metadata.nodes.compactMap { try? $0.1.double("meanVariance") }
    guard let value = values.first, value > 0, value.isFinite else {
      throw TaskError("\(reference) does not say how large its variance is, so it has no weight")
    }
    return value
  }
}
