// SPDX-License-Identifier: GPL-3.0-or-later
// The flux of a fit of the PSF.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_PsfFlux`: the flux of a fit of the PSF at the centroid (detection-measurement B.4).
///
/// Σmd/Σm² with the PSF's image m of sum 1 and the pixels d; all pixels weigh the same, so that the flux of a star does not depend
/// on how its own noise was estimated. The error is √(Σm²v)/Σm². Pixels without data are left out; where they have half of Σm² or more, the flux is flagged.
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
    let excluded = image.mask.planes.bitMask(ofExisting: badMaskPlanes)
    var sums = StampSums(of: model, on: image.exposure.maskedImage, leavingOut: excluded)
    if !sums.products.isFinite || !sums.variances.isFinite {
      sums = withoutMissingPixels(of: model, on: image.exposure.maskedImage, leavingOut: excluded)
      let whole = model.pixels.reduce(0) { $0 + $1 * $1 }
      if sums.squares < Self.leastOfPSF * whole { catalog[generalFlag, row] = true }
    }
    guard sums.pixelCount > 0, sums.squares > 0 else { throw .flagged(noGoodPixels) }
    catalog[area, row] = Float(sums.model * sums.model / sums.squares)
    catalog[npixels, row] = Int32(clamping: sums.pixelCount)
    let (flux, error) = (sums.products / sums.squares, sums.variances.squareRoot() / sums.squares)
    guard flux.isFinite, error.isFinite else { throw .other("a pixel is not finite") }
    catalog[instFlux, row] = flux
    catalog[instFluxErr, row] = error
    catalog[chi2, row] = Float(sums.chi2(amplitude: flux))
  }

  /// A flux from less than so much of Σm² is flagged where pixels have no data.
  private static let leastOfPSF = 0.5

  /// The sums over pixels whose value and variance are numbers.
  private func withoutMissingPixels(
    of model: Image<Double>, on image: MaskedImage, leavingOut excluded: UInt32
  ) -> StampSums {
    var part = image.cropped(to: model.box)
    // A bit that the pixels of the copy do not need.
    let missing = UInt32(1) << 31
    try? part.updateInPlace { image, mask, variance in
      for y in image.box.minY..<image.box.endY {
        for x in image.box.minX..<image.box.endX {
          mask[x, y] = mask[x, y] & excluded != 0 || !image[x, y].isFinite || !variance[x, y].isFinite ? missing : 0
        }
      }
    }
    return StampSums(of: model, on: part, leavingOut: missing)
  }
}
