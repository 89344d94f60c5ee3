// SPDX-License-Identifier: GPL-3.0-or-later
// The flux of a fit of the PSF.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_PsfFlux`: the flux of a fit of the PSF at the centroid (detection-measurement B.4).
///
/// Σmd/Σm² with the PSF's image m of sum 1 and the pixels d; all pixels weigh the same, so that the flux of a star does not depend
/// on how its own noise was estimated. The error is √(Σm²v)/Σm².
package struct PsfFluxConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package static let needsPSF = true

  package var badMaskPlanes: [String] = []

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels with these planes are left out; those that an image lacks are ignored")
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    try PsfFlux(name, self, addingTo: &schema)
  }
}

private struct PsfFlux: MeasurementPlugin {
  let name: String
  let badMaskPlanes: [String]
  let instFlux: Key<Double>
  let instFluxErr: Key<Double>
  let area: Key<Float>
  let chi2: Key<Float>
  let npixels: Key<Int32>
  let generalFlag: Key<Bool>
  let noGoodPixels: Key<Bool>
  let edge: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  init(_ name: String, _ config: PsfFluxConfig, addingTo schema: inout Schema) throws(CatalogError) {
    self.name = name
    badMaskPlanes = config.badMaskPlanes
    instFlux = try schema.addField(name + "_instFlux", unit: "count", doc: "flux of a fit of the PSF")
    instFluxErr = try schema.addField(name + "_instFluxErr", unit: "count", doc: "standard error of instFlux")
    area = try schema.addField(name + "_area", unit: "pixel", doc: "effective area of the PSF, of the pixels used")
    chi2 = try schema.addField(name + "_chi2", doc: "chi squared of the fit")
    npixels = try schema.addField(name + "_npixels", doc: "number of pixels used")
    generalFlag = try schema.addFlag(name, doc: "the flux is not to be trusted")
    noGoodPixels = try schema.addFlag(name, "noGoodPixels", doc: "there is no good pixel under the PSF")
    edge = try schema.addFlag(name, "edge", doc: "a part of the PSF lies beyond the image; the rest was fitted")
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
  }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    let model = try image.psfImage(at: position)
    if !image.box.contains(model.box) {
      catalog[edge, row] = true
      catalog[generalFlag, row] = true
    }
    let fit = PsfFit(model, image, leavingOut: image.mask.planes.bitMask(ofExisting: badMaskPlanes))
    guard fit.pixelCount > 0, fit.sumOfSquares > 0 else { throw .flagged(noGoodPixels) }
    catalog[area, row] = Float(fit.area)
    catalog[npixels, row] = Int32(clamping: fit.pixelCount)
    guard fit.flux.isFinite, fit.fluxError.isFinite else { throw .other("a pixel is not finite") }
    catalog[instFlux, row] = fit.flux
    catalog[instFluxErr, row] = fit.fluxError
    catalog[chi2, row] = Float(fit.chi2(model, image))
  }
}

/// The fit of one number, the flux.
private struct PsfFit {
  private(set) var pixelCount = 0
  private(set) var sumOfSquares = 0.0
  private var sumOfModel = 0.0
  private var sumOfProducts = 0.0
  private var sumOfVariances = 0.0
  private let excluded: UInt32
  private let box: Box2I

  init(_ model: Image<Double>, _ image: MeasurementImage, leavingOut excluded: UInt32) {
    self.excluded = excluded
    box = model.box.intersection(image.box)
    guard !box.isEmpty else { return }
    let (shift, first) = (model.box.minX - image.box.minX, box.minX - model.box.minX)
    let (plane, variancePlane, maskPlane) = (image.image, image.variance, image.mask.bits)
    for y in box.minY..<box.endY {
      let weights = model.row(y)
      let pixels = plane.row(y)
      let variances = variancePlane.row(y)
      let bits = maskPlane.row(y)
      for i in first..<first + box.width where bits[i + shift] & excluded == 0 {
        let weight = weights[i]
        pixelCount += 1
        sumOfModel += weight
        sumOfSquares += weight * weight
        sumOfProducts += weight * Double(pixels[i + shift])
        sumOfVariances += weight * weight * Double(variances[i + shift])
      }
    }
  }

  var flux: Double { sumOfProducts / sumOfSquares }
  var fluxError: Double { sumOfVariances.squareRoot() / sumOfSquares }
  var area: Double { sumOfModel * sumOfModel / sumOfSquares }

  func chi2(_ model: Image<Double>, _ image: MeasurementImage) -> Double {
    let (shift, first) = (model.box.minX - image.box.minX, box.minX - model.box.minX)
    let flux = flux
    var sum = 0.0
    let (plane, variancePlane, maskPlane) = (image.image, image.variance, image.mask.bits)
    for y in box.minY..<box.endY {
      let weights = model.row(y)
      let pixels = plane.row(y)
      let variances = variancePlane.row(y)
      let bits = maskPlane.row(y)
      for i in first..<first + box.width where bits[i + shift] & excluded == 0 {
        let rest = Double(pixels[i + shift]) - flux * weights[i]
        sum += rest * rest / Double(variances[i + shift])
      }
    }
    return sum
  }
}
