// SPDX-License-Identifier: GPL-3.0-or-later
// Fluxes in circles.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_CircularApertureFlux`: fluxes in circles about the centroid (detection-measurement B.6).
///
/// Radii up to `maxSincRadius` with weights for critically sampled images; larger ones with the exact area of each pixel in the circle, where the reference
/// takes pixels whose centres are in it (F.1.5). The error is √(Σw²v).
package struct CircularApertureFluxConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux

  package var radii: [Double] = [3, 4.5, 6, 9, 12, 17, 25, 35, 50, 70]
  package var maxSincRadius = 10.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "radii", \.radii, count: 1...100, doc: "of the circles, pixels", requirement: "0.1 to 1000 pixels",
      eachItem: { (0.1...1000).contains($0) }),
    .field(
      "maxSincRadius", \.maxSincRadius, in: 0...100,
      doc:
        "up to this radius the weights are those of a critically sampled image, beyond it the areas of pixels, pixels"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    try CircularApertureFlux(name, self, addingTo: &schema)
  }
}

private struct CircularApertureFlux: MeasurementPlugin {
  private struct Aperture {
    let radius: Double
    /// `nil` for exact areas.
    let sinc: SincAperture?
    let instFlux: Key<Double>
    let instFluxErr: Key<Double>
    let flag: Key<Bool>
    let truncated: Key<Bool>
    let sincTruncated: Key<Bool>?
  }

  let name: String
  private let apertures: [Aperture]
  private let generalFlag: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  init(_ name: String, _ config: CircularApertureFluxConfig, addingTo schema: inout Schema) throws(CatalogError) {
    self.name = name
    generalFlag = try schema.addFlag(name, doc: "there is no position to measure at")
    var apertures: [Aperture] = []
    for radius in config.radii {
      let column = "\(name)_" + Self.columnName(radius)
      let isSinc = radius <= config.maxSincRadius
      apertures.append(
        Aperture(
          radius: radius, sinc: isSinc ? SincAperture(radius: radius) : nil,
          instFlux: try schema.addField(column + "_instFlux", unit: "count", doc: "flux within \(radius) pixels"),
          instFluxErr: try schema.addField(
            column + "_instFluxErr", unit: "count", doc: "standard error of the flux within \(radius) pixels"),
          flag: try schema.addFlag(column, doc: "the flux is not to be trusted"),
          truncated: try schema.addFlag(column, "apertureTruncated", doc: "a part of the circle is beyond the image"),
          sincTruncated: isSinc
            ? try schema.addFlag(
              column, "sincCoeffsTruncated", doc: "weights beyond the circle are cut off at the image's edge") : nil))
    }
    self.apertures = apertures
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
  }

  /// `12_0` for 12, as the reference names its columns.
  private static func columnName(_ radius: Double) -> String {
    "\(radius)".split(separator: ".").joined(separator: "_")
  }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    let isFlagged = catalog[generalFlag, row]
    for aperture in apertures {
      catalog[aperture.flag, row] = isFlagged
      guard let sums = sums(aperture, at: position, row, &catalog, image), sums.products.isFinite,
        sums.variances.isFinite
      else {
        catalog[aperture.flag, row] = true
        continue
      }
      catalog[aperture.instFlux, row] = sums.products
      catalog[aperture.instFluxErr, row] = sums.variances.squareRoot()
    }
  }

  /// - Returns: `nil` where the image has not all of the circle.
  private func sums(
    _ aperture: Aperture, at position: Point2D, _ row: Int, _ catalog: inout Catalog, _ image: MeasurementImage
  ) -> StampSums? {
    guard let circle = CircleOverlap(center: position, radius: aperture.radius), image.box.contains(circle.box) else {
      catalog[aperture.truncated, row] = true
      if let key = aperture.sincTruncated { catalog[key, row] = true }
      return nil
    }
    if let sinc = aperture.sinc, let key = aperture.sincTruncated {
      guard let weights = sinc.weights(at: position), let table = sinc.table(at: position) else { return nil }
      if !image.box.contains(table) { catalog[key, row] = true }
      return StampSums(of: weights, on: image.exposure.maskedImage)
    }
    guard let weights = try? Image(box: circle.box, pixels: circle.areas()) else { return nil }
    return StampSums(of: weights, on: image.exposure.maskedImage)
  }
}
