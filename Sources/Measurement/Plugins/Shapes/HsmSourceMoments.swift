// SPDX-License-Identifier: GPL-3.0-or-later
// Moments of a source under a weight that follows it.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `ext_shapeHSM_HsmSourceMoments`: moments under a Gaussian weight that follows the source (detection-measurement B.9.2).
///
/// All pixels in the box of the footprint count, those of neighbours too. There are no errors.
package struct HsmSourceMomentsConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.shape

  package var badMaskPlanes = ["BAD", "SAT"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "badMaskPlanes", \.badMaskPlanes, count: 0...32,
      doc: "pixels with these planes count as zero; those that an image lacks are ignored")
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    HsmSourceMoments(
      name: name, badMaskPlanes: badMaskPlanes,
      keys: try HsmMomentsKeys(name, of: "source, PSF and pixel together", addingTo: &schema))
  }
}

private struct HsmSourceMoments: MeasurementPlugin {
  let name: String
  let badMaskPlanes: [String]
  let keys: HsmMomentsKeys
  var flag: Key<Bool>? { keys.flag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: keys.flag)
    let (plane, mask) = (image.image, image.mask)
    let box = catalog.footprint(row: row)?.box.intersection(plane.box)
    guard let box, !box.isEmpty else { throw .flagged(keys.noPixels) }
    guard let pixel = position.pixel, box.contains(pixel) else { throw .flagged(keys.notContained) }
    guard let psf = try? image.psfMoments(at: position), !psf.isBad else {
      catalog[keys.noPSF, row] = true
      throw .undefinedPSF
    }
    let found = hsmMoments(
      of: plane, mask: mask, leavingOut: mask.planes.bitMask(ofExisting: badMaskPlanes), in: box,
      startingAt: position, sigma: 2.5 * psf.traceRadius)
    try keys.write(found, row: row, to: &catalog)
  }
}
