// SPDX-License-Identifier: GPL-3.0-or-later
// The noise about a source.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_Variance`: the median of the variance plane about a source (detection-measurement B.14).
///
/// In the ellipse of the slot's shape, scaled, without the pixels of sources and bad ones.
package struct VarianceConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package static let requiredSlots: [Slot] = [.centroid, .shape]

  package var scale = 5.0
  package var mask = ["DETECTED", "DETECTED_NEGATIVE", "BAD", "SAT"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("scale", \.scale, in: 0.1...100, doc: "the ellipse is so many times that of the shape"),
    .field(
      "mask", \.mask, count: 0...32,
      doc: "pixels with these planes are left out; those that an image lacks are ignored"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    let plugin = Variance(
      name: name, config: self,
      value: try schema.addField(
        name + "_value", unit: "count^2", doc: "median variance of the pixels about the source"),
      generalFlag: try schema.addFlag(name, doc: "the variance is not to be trusted"),
      empty: try schema.addFlag(name, "emptyFootprint", doc: "there is no good pixel about the source"))
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
    try schema.aliasFlag(of: .shape, as: "badShape", for: name)
    return plugin
  }
}

private struct Variance: MeasurementPlugin {
  let name: String
  let config: VarianceConfig
  let value: Key<Double>
  let generalFlag: Key<Bool>
  let empty: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    let shape = try image.safeShape(row: row, of: &catalog, flag: generalFlag)
    let (plane, mask) = (image.variance, image.mask)
    let excluded = mask.planes.bitMask(ofExisting: config.mask)
    let ellipse = SpanSet(ellipseAt: position, moments: shape.columns, scale: config.scale) ?? .empty
    var values: [Float] = []
    for span in ellipse.clipped(to: plane.box).spans {
      let (variances, bits) = (plane.row(span.y), mask.bits.row(span.y))
      for i in span.x0 - plane.box.minX...span.x1 - plane.box.minX
      where bits[i] & excluded == 0 && !variances[i].isNaN { values.append(variances[i]) }
    }
    guard !values.isEmpty else { throw .flagged(empty) }
    catalog[value, row] = quantiles([0.5], of: values)[0]
  }
}
