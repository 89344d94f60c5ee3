// SPDX-License-Identifier: GPL-3.0-or-later
// The first peak as a position.

package import Catalogs
package import TaskFramework

/// `base_PeakCentroid`: the position of the first peak, without errors (detection-measurement B.2.3).
package struct PeakCentroidConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.centroid
  package static let requiredSlots: [Slot] = []
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    PeakCentroid(
      name: name, position: try PointKey(adding: name, to: &schema, doc: "position of the first peak"),
      flag: try schema.addFlag(name, doc: "the source has no peak"))
  }
}

private struct PeakCentroid: MeasurementPlugin {
  let name: String
  let position: PointKey
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    catalog[position, row] = try image.firstPeak(row: row, of: catalog).position
  }
}
