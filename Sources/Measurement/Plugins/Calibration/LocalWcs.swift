// SPDX-License-Identifier: GPL-3.0-or-later
// The scale of the sky at a source.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_LocalWcs`: how far a pixel goes on the sky at the centroid (detection-measurement B.12).
///
/// The matrix from pixels to offsets toward east (first row) and north on the plane that touches the sky at the source. In
/// radians, for those who know these columns.
package struct LocalWcsConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    var elements: [Key<Double>] = []
    for (row, toward) in [(1, "east"), (2, "north")] {
      for (column, along) in [(1, "x"), (2, "y")] {
        elements.append(
          try schema.addField(
            "\(name)_CDMatrix_\(row)_\(column)", unit: "rad", doc: "offset toward \(toward) of a pixel along \(along)"))
      }
    }
    return LocalWcs(
      name: name, elements: elements, flag: try schema.addFlag(name, doc: "there is no WCS at the source"))
  }
}

private struct LocalWcs: MeasurementPlugin {
  let name: String
  /// Row by row.
  let elements: [Key<Double>]
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let slot = image.slots.centroid, let wcs = image.exposure.wcs else { throw .other("there is no WCS") }
    let position = catalog[slot.position, row]
    guard position.isFinite, let map = try? wcs.linearizePixelToSky(at: position) else {
      throw .other("the source is not on the sky")
    }
    for (key, value) in zip(elements, [map.xx, map.xy, map.yx, map.yy]) { catalog[key, row] = value }
  }
}
