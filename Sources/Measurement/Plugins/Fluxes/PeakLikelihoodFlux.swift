// SPDX-License-Identifier: GPL-3.0-or-later
// The flux in the peak of a filtered image.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_PeakLikelihoodFlux`: the flux from the value at the centroid of an image that was convolved with its PSF
/// (detection-measurement B.11).
///
/// The value by Lanczos-4 interpolation, times the effective area (Σp)²/Σp² of the PSF p. On an image that was not filtered the
/// column is no flux. The error is that of the nearest pixel: between pixels a filtered image is as noisy as at them.
package struct PeakLikelihoodFluxConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package static let needsPSF = true
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    let plugin = PeakLikelihoodFlux(
      name: name,
      instFlux: try schema.addField(name + "_instFlux", unit: "count", doc: "flux from the peak of a filtered image"),
      instFluxErr: try schema.addField(name + "_instFluxErr", unit: "count", doc: "standard error of instFlux"),
      generalFlag: try schema.addFlag(name, doc: "the flux is not to be trusted"))
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
    return plugin
  }
}

private struct PeakLikelihoodFlux: MeasurementPlugin {
  private static let kernel = LanczosKernel(order: 4)

  let name: String
  let instFlux: Key<Double>
  let instFluxErr: Key<Double>
  let generalFlag: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    guard let pixel = position.pixel, image.box.contains(pixel) else { throw .other("the source is off the image") }
    let psf = try image.psfKernel(at: Point2D(pixel))
    let (sum, squares) = psf.pixels.reduce(into: (0.0, 0.0)) { sums, p in
      sums.0 += p
      sums.1 += p * p
    }
    let area = sum * sum / squares
    let flux = try value(of: image.image, at: position, near: pixel) * area
    let error = Double(image.variance[pixel.x, pixel.y]).squareRoot() * area
    guard flux.isFinite, error.isFinite else { throw .other("a pixel is not finite or its variance negative") }
    catalog[instFlux, row] = flux
    catalog[instFluxErr, row] = error
  }

  /// The image at a position, by interpolation.
  private func value(
    of plane: Image<Float>, at position: Point2D, near pixel: Point2I
  ) throws(MeasurementFailure) -> Double {
    // The pixel below the position: the nearest one or that before it.
    let low = Point2I(
      x: Double(pixel.x) > position.x ? pixel.x - 1 : pixel.x, y: Double(pixel.y) > position.y ? pixel.y - 1 : pixel.y)
    let box = Box2I(minX: low.x - 3, minY: low.y - 3, width: 8, height: 8)
    guard plane.box.contains(box) else { throw .other("the image ends too near to the source") }
    let across = Self.kernel.taps(at: position.x - Double(low.x))
    let up = Self.kernel.taps(at: position.y - Double(low.y))
    var value = 0.0
    let first = box.minX - plane.box.minX
    for j in 0..<8 {
      let pixels = plane.row(box.minY + j)
      // What does not count spreads no NaN.
      for i in 0..<8 where across[i] != 0 && up[j] != 0 { value += across[i] * up[j] * Double(pixels[first + i]) }
    }
    return value
  }
}
