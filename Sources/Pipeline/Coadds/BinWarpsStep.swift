// SPDX-License-Identifier: GPL-3.0-or-later
// The comparison of a patch's warps, as a step of pipelines.

package import BackgroundMatching
internal import Imaging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is a patch and band. A visit whose warp failed is left out, not the patch.
extension BinWarpsTask: PipelineTask {
  package static func connections(_ config: BinWarpsConfig) throws -> Connections {
    try Connections(
      dimensions: [.tract, .patch, .band], templates: ["coaddName": "deep"],
      [
        Connection(
          "warps", .input, "{coaddName}Coadd_tempExp", .exposure, dimensions: [.tract, .patch, .visit, .band],
          multiple: true, minimum: 0, deferLoad: true, doc: "the visits' warps"),
        .skyMap(),
        Connection(
          "bins", .output, "{coaddName}Coadd_tempExp_bins", .table, dimensions: [.tract, .patch, .band],
          doc: "the visits' backgrounds in cells of the tract"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let geometry = try PatchGeometry(context)
    let part = geometry.patch.innerBox
    let warps = try (context.quantum.inputs["warps"] ?? []).compactMap { reference -> WarpToBin? in
      guard let file = try context.get(reference, as: DatasetFile.self) else { return nil }
      return WarpToBin(visit: try reference.visit()) { wanted in
        try readRows(wanted.minY..<wanted.endY, ofExposure: file.path)
      }
    }
    guard !warps.isEmpty else { throw NoWorkFound("no visit has a warp of this patch") }
    let grid = try TractGrid(tract: geometry.tract.box, binSize: config.binSize)
    let bins = try run(
      warps, grid: grid, part: part, memory: (context.resources.memory ?? 1 << 30) / 4,
      checkCancellation: context.checkCancellation)
    try context.put(try WarpBinTable.catalog(bins, grid), argument: "bins")
  }
}
