// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes made those of a large aperture.

package import Catalogs
package import Imaging
internal import SkyGeometry
package import TaskFramework

/// Which fluxes are corrected.
package struct ApplyApCorrConfig: Config {
  package var ignoreList: [String] = []
  package var doFlagApCorrFailures = true
  package var proxies: [String] = []

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("ignoreList", \.ignoreList, count: 0...100, doc: "flux measurements that stay as they are"),
    .field(
      "doFlagApCorrFailures", \.doFlagApCorrFailures, doc: "a flux that could not be corrected gets its own flag, too"),
    .field(
      "proxies", \.proxies, count: 0...100,
      doc: "further fluxes, each `ours:theirs`: ours is corrected by what the map has for theirs",
      requirement: "two names with a colon between them",
      eachItem: { pair in
        let names = pair.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return names.count == 2 && names.allSatisfy(Field.isName)
      }),
  ]
}

/// Multiplies fluxes by the aperture correction at their sources (detection-measurement A.11).
///
/// What is corrected: `base_PsfFlux`, `base_GaussianFlux` and the configuration's proxies, where the catalog has them. Columns `…_apCorr`, `…_apCorrErr` and `…_flag_apCorr` tell by how
/// much. The error of a correction that the map does not know counts as 0.
package final class ApplyApCorrTask: Task {
  package static let defaultName: String? = "applyApCorr"
  /// The measurements whose fluxes depend on how much of a source they see.
  package static let correctable = ["base_GaussianFlux", "base_PsfFlux"]

  private struct Columns {
    /// What the map calls the flux.
    let model: String
    let instFlux: Key<Double>
    let instFluxErr: Key<Double>
    let flag: Key<Bool>
    let apCorr: Key<Double>
    let apCorrErr: Key<Double>
    let failed: Key<Bool>
  }

  package let node: TaskNode
  package let config: ApplyApCorrConfig
  private var columns: [Columns] = []

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Adds the columns for each flux of the schema that is corrected; those of another schema before are forgotten.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func addFields(to schema: inout Schema) throws(CatalogError) {
    columns = []
    let proxies = config.proxies.compactMap { pair -> (String, String)? in
      let names = pair.split(separator: ":").map(String.init)
      return names.count == 2 ? (names[0], names[1]) : nil
    }
    for (name, model) in Self.correctable.map({ ($0, $0) }) + proxies
    where schema.contains(name + "_instFlux") && !config.ignoreList.contains(name) {
      columns.append(
        Columns(
          model: model, instFlux: try schema.key(name + "_instFlux"),
          instFluxErr: try schema.key(name + "_instFluxErr"),
          flag: try schema.key(name + "_flag"),
          apCorr: try schema.addField(name + "_apCorr", doc: "aperture correction that the flux was multiplied by"),
          apCorrErr: try schema.addField(name + "_apCorrErr", doc: "standard error of the aperture correction"),
          failed: try schema.addFlag(name, "apCorr", doc: "the flux could not be corrected")))
    }
  }

  /// Corrects the fluxes of all rows at their centroid slots.
  ///
  /// Done once: a flux that is corrected twice is wrong.
  package func run(_ catalog: inout Catalog, _ map: ApCorrMap) {
    guard let centroid = try? catalog.schema.centroidSlot() else { return }
    for column in columns {
      let (model, errors) = (map[column.model + "_instFlux"], map[column.model + "_instFluxErr"])
      for row in 0..<catalog.rowCount {
        guard let model else {
          catalog[column.failed, row] = true
          continue
        }
        let position = catalog[centroid.position, row]
        let correction = position.isFinite ? model(position) : .nan
        guard correction > 0, correction.isFinite else {
          catalog[column.failed, row] = true
          if config.doFlagApCorrFailures { catalog[column.flag, row] = true }
          continue
        }
        let error = errors?(position) ?? 0
        catalog[column.apCorr, row] = correction
        catalog[column.apCorrErr, row] = error.isFinite ? error : 0
        catalog[column.instFlux, row] *= correction
        catalog[column.instFluxErr, row] *= correction
      }
    }
  }
}
