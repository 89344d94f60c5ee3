// SPDX-License-Identifier: GPL-3.0-or-later
// Matching a tract's backgrounds, as a step of pipelines.

package import BackgroundMatching
internal import Catalogs
internal import Imaging
internal import Logging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A quantum is a tract and band; each visit gets one model for the whole tract, so that patches have no seams.
extension MatchBackgroundsTask: PipelineTask {
  package static var precedingSteps: [any PipelineTask.Type] { [BinWarpsTask.self] }

  package static func connections(_ config: MatchBackgroundsConfig) throws -> Connections {
    // A setting without effect would be believed to have one.
    let defaults = MatchBackgroundsConfig()
    for (path, own, _) in config.differences(from: defaults)
    where !path.hasPrefix("tract.") && !path.hasPrefix("connections") {
      throw ConnectionsError(
        "\(path) is \(own), but it is for lists of exposures; a pipeline's cells are set by binWarps and its models by "
          + "matchBackgrounds.tract")
    }
    return try Connections(
      dimensions: [.tract, .band], templates: ["coaddName": "deep"],
      [
        Connection(
          "bins", .input, "{coaddName}Coadd_tempExp_bins", .table, dimensions: [.tract, .patch, .band], multiple: true,
          minimum: 0, doc: "the visits' backgrounds in cells, by patch"),
        .skyMap(),
        Connection(
          "backgrounds", .output, "{coaddName}Coadd_tempExp_background", .background,
          dimensions: [.tract, .visit, .band], multiple: true, doc: "what is added to each visit's warps, nJy"),
      ]
    ).resolved(config.connections)
  }

  package func execute(_ context: any QuantumContext) throws {
    let references = context.quantum.inputs["bins"] ?? []
    func load(_ patch: Int) throws -> (bins: [WarpBin], cellSizes: Set<Int>) {
      guard let table = try context.get(references[patch], as: Catalog.self) else { return ([], []) }
      return try WarpBinTable.bins(table)
    }
    var size: Int?
    for patch in references.indices where size == nil { size = try load(patch).cellSizes.first }
    guard let size else { throw NoWorkFound("no patch of the tract has warps") }
    let grid = try TractGrid(tract: try tractInfo(context).box, binSize: size)
    let bins = try TractBins(grid: grid, patchCount: references.count) { patch in
      let (bins, sizes) = try load(patch)
      guard sizes.isSubset(of: [size]) else {
        throw TaskError("\(references[patch]) has cells of \(sizes.sorted()) pixels, other patches of \(size)")
      }
      return bins
    }
    let solution = try runTract(bins, checkCancellation: context.checkCancellation)
    let models = Dictionary(uniqueKeysWithValues: solution.models.map { ($0.visit, $0) })
    try context.putAll(
      try (context.quantum.outputs["backgrounds"] ?? []).map { reference in
        models[try reference.visit()]?.background.map { background in
          BackgroundList(
            [
              BackgroundModel(background, interpolation: .akimaSpline, undersample: .reduceInterpOrder)
            ], unit: .nanojansky)
        }
      }, argument: "backgrounds")
  }
}
