// SPDX-License-Identifier: GPL-3.0-or-later
// The flux under a Gaussian of the source's shape.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_GaussianFlux`: the flux of a Gaussian of the slot's shape at the centroid (detection-measurement B.5).
///
/// Twice the sum of the pixels under the Gaussian, which is the whole flux of a source of this shape. The error is
/// 2√(πv√det M) with the variance v of the central pixel.
package struct GaussianFluxConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package static let requiredSlots: [Slot] = [.centroid, .shape]
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    let plugin = GaussianFlux(
      name: name,
      instFlux: try schema.addField(
        name + "_instFlux", unit: "count", doc: "flux under a Gaussian of the source's shape"),
      instFluxErr: try schema.addField(name + "_instFluxErr", unit: "count", doc: "standard error of instFlux"),
      generalFlag: try schema.addFlag(name, doc: "the flux is not to be trusted"))
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
    try schema.aliasFlag(of: .shape, as: "badShape", for: name)
    return plugin
  }
}

private struct GaussianFlux: MeasurementPlugin {
  let name: String
  let instFlux: Key<Double>
  let instFluxErr: Key<Double>
  let generalFlag: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    let shape = try image.safeShape(row: row, of: &catalog, flag: generalFlag)
    guard let pixel = position.pixel, image.box.contains(pixel) else { throw .other("the source is off the image") }
    guard let weight = shape.inverse else { throw .other("the shape is singular") }
    // A weight beyond √14 standard deviations is zero, so a huge shape costs no more than the image has pixels.
    let isFine = shape.xx < 0.25 || shape.yy < 0.25 || shape.determinant < 0.0625
    let sums = GaussianSums(
      of: image.image, at: position, weight: weight, isFine: isFine, in: rows(shape, pixel, image))
    guard sums.sum.isFinite else { throw .other("a pixel is not finite") }
    catalog[instFlux, row] = 2 * sums.sum
    let variance = Double(image.variance[pixel.x, pixel.y])
    catalog[instFluxErr, row] = 2 * (variance * .pi * shape.determinant.squareRoot()).squareRoot()
  }

  /// The rows that the weight can reach, over the whole width.
  private func rows(_ shape: SecondMoments, _ center: Point2I, _ image: MeasurementImage) -> Box2I {
    let reach = Int(min(4 * shape.yy.squareRoot() + 2, Double(image.box.height)))
    return Box2I(
      minX: image.box.minX, minY: center.y - reach, width: image.box.width, height: 2 * reach + 1
    ).intersection(image.box)
  }
}
