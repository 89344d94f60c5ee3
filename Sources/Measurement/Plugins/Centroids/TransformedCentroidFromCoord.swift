// SPDX-License-Identifier: GPL-3.0-or-later
// Coordinates of a reference on the pixels that are measured.

package import Catalogs
package import TaskFramework

/// `base_TransformedCentroidFromCoord`: the place of the reference's coordinates on the pixels that are measured (detection-measurement B.2.4).
///
/// For references without a centroid, such as lists of positions. No errors: the position is given, not measured.
package struct TransformedCentroidFromCoordConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.centroid
  package static let requiredSlots: [Slot] = []
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    TransformedCentroidFromCoord(
      name: name, position: try PointKey(adding: name, to: &schema, doc: "the place of the reference's coordinates"),
      flag: try schema.addFlag(name, doc: "the reference's coordinates are missing, or not on the image's sky"))
  }
}

private struct TransformedCentroidFromCoord: MeasurementPlugin {
  let name: String
  let position: PointKey
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let reference = image.reference else { throw .other("there is no reference") }
    catalog[position, row] = try reference.positionOfCoord(row: row)
  }
}
