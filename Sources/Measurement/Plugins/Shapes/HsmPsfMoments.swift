// SPDX-License-Identifier: GPL-3.0-or-later
// Moments of the PSF at a source.

package import Catalogs
package import TaskFramework

/// `ext_shapeHSM_HsmPsfMoments`: moments of the PSF at a source, as `ext_shapeHSM_HsmSourceMoments` measures them
/// (detection-measurement B.9.3).
///
/// The first moments are those of the kernel image about its central pixel.
package struct HsmPsfMomentsConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.shape
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    HsmPsfMoments(name: name, keys: try HsmMomentsKeys(name, of: "the PSF at the source", addingTo: &schema))
  }
}

private struct HsmPsfMoments: MeasurementPlugin {
  let name: String
  let keys: HsmMomentsKeys
  var flag: Key<Bool>? { keys.flag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: keys.flag)
    let found: HSMMoments?
    do throws(MeasurementFailure) {
      found = try image.hsmMomentsOfPSF(at: position)
    } catch {
      catalog[keys.noPSF, row] = true
      throw error
    }
    try keys.write(found, row: row, to: &catalog)
  }
}
