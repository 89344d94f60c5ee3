// SPDX-License-Identifier: GPL-3.0-or-later
// Positions of a reference on the pixels that are measured.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_TransformedCentroid`: the reference's centroid on the pixels that are measured (detection-measurement B.2.4).
///
/// Through both WCSs, or as it is where there is one only. No errors: the position is given, not measured.
package struct TransformedCentroidConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.centroid
  package static let requiredSlots: [Slot] = []
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    TransformedCentroid(
      name: name, position: try PointKey(adding: name, to: &schema, doc: "the reference's centroid"),
      generalFlag: try schema.addFlag(name, doc: "the reference's centroid is flagged or missing"))
  }
}

private struct TransformedCentroid: MeasurementPlugin {
  let name: String
  let position: PointKey
  let generalFlag: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let reference = image.reference else { throw .other("there is no reference") }
    if let bad = reference.centroid?.flag, row < reference.catalog.rowCount, reference.catalog[bad, row] {
      catalog[generalFlag, row] = true
    }
    catalog[position, row] = try reference.position(row: row)
  }
}
