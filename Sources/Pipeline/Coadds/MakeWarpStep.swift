// SPDX-License-Identifier: GPL-3.0-or-later
// Warps, as a step of pipelines.

package import Coaddition
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// A quantum is a visit on a patch; all visits of a patch and band are one work unit, since what follows compares them.
extension MakeWarpTask: PipelineTask {
  package static func connections(_ config: MakeWarpConfig) throws -> Connections {
    try Connections(
      dimensions: [.tract, .patch, .visit, .band], templates: ["coaddName": "deep"],
      [
        Connection(
          "calExpList", .prerequisiteInput, "calexp", .exposure, dimensions: [.visit, .detector], multiple: true,
          doc: "the visit's exposures that overlap the patch"),
        .skyMap(),
        Connection(
          "warp", .output, "{coaddName}Coadd_tempExp", .exposure, dimensions: [.tract, .patch, .visit, .band],
          doc: "the visit on the patch's pixels, nJy"),
      ]
    ).resolved(config.connections)
  }

  package static func unitDimensions(_ connections: Connections) -> Set<Dimension> { [.tract, .patch, .band] }

  package func execute(_ context: any QuantumContext) throws {
    let geometry = try PatchGeometry(context)
    let inputs = try (context.quantum.inputs["calExpList"] ?? []).map { reference in
      guard let detector = reference.dataID.number(.detector) else { throw TaskError("\(reference) is of no detector") }
      return WarpInput(detector: detector) {
        guard let exposure = try context.get(reference, as: Exposure.self) else {
          throw QuantumContextError.missingInput("calExpList")
        }
        return exposure
      }
    }
    try context.put(
      try run(inputs, wcs: geometry.tract.wcs, box: geometry.patch.outerBox), argument: "warp")
  }
}
