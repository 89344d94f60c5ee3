// SPDX-License-Identifier: GPL-3.0-or-later
// The centre of light of a few pixels.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_NaiveCentroid`: the centre of light of the 3×3 pixels about a source, without errors (detection-measurement B.2.2).
///
/// Biased toward the pixel's centre for any source that is wider than the pixels.
package struct NaiveCentroidConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.centroid
  package static let requiredSlots: [Slot] = []

  package var background = 0.0
  package var doFootprintCheck = true
  package var maxDistToPeak = -1.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "background", \.background, doc: "subtracted from each pixel, counts", requirement: "finite", where: \.isFinite),
    .field(
      "doFootprintCheck", \.doFootprintCheck, doc: "go back to the first peak when the centroid leaves the footprint"),
    .field(
      "maxDistToPeak", \.maxDistToPeak,
      doc: "go back to the first peak when it is farther away, pixels; not when negative"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    try NaiveCentroid(name, self, addingTo: &schema)
  }
}

private struct NaiveCentroid: MeasurementPlugin {
  let name: String
  let background: Double
  let position: PointKey
  let generalFlag: Key<Bool>
  let noCounts: Key<Bool>
  let edge: Key<Bool>
  let checker: CentroidChecker
  var flag: Key<Bool>? { generalFlag }

  init(_ name: String, _ config: NaiveCentroidConfig, addingTo schema: inout Schema) throws(CatalogError) {
    self.name = name
    background = config.background
    position = try PointKey(adding: name, to: &schema, doc: "centre of light of 3×3 pixels")
    generalFlag = try schema.addFlag(name, doc: "the centroid is not to be trusted")
    noCounts = try schema.addFlag(name, "noCounts", doc: "the pixels add up to nothing")
    edge = try schema.addFlag(name, "edge", doc: "too near to the image's edge to be measured")
    let resetToPeak = try schema.addFlag(
      name, "resetToPeak", doc: "the centroid left its source; it is the first peak now")
    checker = CentroidChecker(
      doFootprintCheck: config.doFootprintCheck, maxDistToPeak: config.maxDistToPeak, position: position, error: nil,
      flag: generalFlag, resetToPeak: resetToPeak, badError: generalFlag)
    try schema.aliasFlag(of: .centroid, as: "badInitialCentroid", for: name)
  }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let start = try image.startingPoint(row: row, of: catalog)
    catalog[position, row] = start
    let plane = image.image
    guard let pixel = start.pixel, plane.box.grown(by: -1).contains(pixel) else { throw .flagged(edge) }
    var (sum, sumX, sumY) = (0.0, 0.0, 0.0)
    for dy in -1...1 {
      for dx in -1...1 {
        let value = Double(plane[pixel.x + dx, pixel.y + dy]) - background
        sum += value
        sumX += value * Double(dx)
        sumY += value * Double(dy)
      }
    }
    guard sum != 0 else { throw .flagged(noCounts) }
    let (dx, dy) = (sumX / sum, sumY / sum)
    guard dx.isFinite, dy.isFinite else { throw .other("a pixel is not finite") }
    catalog[position, row] = Point2D(x: Double(pixel.x) + dx, y: Double(pixel.y) + dy)
    checker.check(row: row, of: &catalog)
  }
}
