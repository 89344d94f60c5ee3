// SPDX-License-Identifier: GPL-3.0-or-later
// The photometric calibration at a source.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_LocalPhotoCalib`: nanojansky a count at the centroid (detection-measurement B.12).
///
/// The error is that of the calibration of the whole image.
package struct LocalPhotoCalibConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    LocalPhotoCalib(
      name: name, value: try schema.addField(name, unit: "nJy/count", doc: "flux of a count at the source"),
      error: try schema.addField(
        name + "Err", unit: "nJy/count", doc: "standard error of the flux of a count, averaged over the image"),
      flag: try schema.addFlag(name, doc: "there is no photometric calibration at the source"))
  }
}

private struct LocalPhotoCalib: MeasurementPlugin {
  let name: String
  let value: Key<Double>
  let error: Key<Double>
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let slot = image.slots.centroid, let photoCalib = image.exposure.photoCalib else {
      throw .other("there is no photometric calibration")
    }
    let position = catalog[slot.position, row]
    guard position.isFinite else { throw .other("the centroid is not finite") }
    let calibration = photoCalib.calibration(at: position)
    guard calibration.isFinite else { throw .other("there is no photometric calibration at the source") }
    catalog[value, row] = calibration
    catalog[error, row] = photoCalib.error
  }
}
