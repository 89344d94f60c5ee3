// SPDX-License-Identifier: GPL-3.0-or-later
// Shapes of a reference on the pixels that are measured.

package import Catalogs
internal import SkyGeometry
package import TaskFramework

/// `base_TransformedShape`: the reference's shape on the pixels that are measured (detection-measurement B.2.5).
///
/// LMLᵀ with the linear map L from the reference's pixels to the sky and back at its centroid, or M as it is where there is one WCS only or they are equal. No
/// errors: the shape is given, not measured.
package struct TransformedShapeConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.shape
  package static let requiredSlots: [Slot] = []
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    TransformedShape(
      name: name, moments: try QuadrupoleKey(adding: name, to: &schema, doc: "the reference's second moments"),
      generalFlag: try schema.addFlag(name, doc: "the reference's shape is flagged or missing"))
  }
}

private struct TransformedShape: MeasurementPlugin {
  let name: String
  let moments: QuadrupoleKey
  let generalFlag: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let reference = image.reference, let slot = reference.shape, row < reference.catalog.rowCount else {
      throw .other("there is no reference with a shape")
    }
    if let bad = slot.flag, reference.catalog[bad, row] { catalog[generalFlag, row] = true }
    let given = SecondMoments(reference.catalog[slot.moments, row])
    guard given.xx.isFinite, given.yy.isFinite, given.xy.isFinite else {
      throw .other("the reference's shape is missing")
    }
    let map = try reference.localMap(row: row)
    catalog[moments, row] = (map.map { given.transformed(by: $0) } ?? given).columns
  }
}

extension SecondMoments {
  /// LMLᵀ.
  fileprivate func transformed(by map: AffineTransform) -> SecondMoments {
    let (a, b, c, d) = (map.xx, map.xy, map.yx, map.yy)
    return SecondMoments(
      xx: a * a * xx + 2 * a * b * xy + b * b * yy, yy: c * c * xx + 2 * c * d * xy + d * d * yy,
      xy: a * c * xx + (a * d + b * c) * xy + b * d * yy)
  }
}
