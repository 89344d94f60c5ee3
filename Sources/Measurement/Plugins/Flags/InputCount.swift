// SPDX-License-Identifier: GPL-3.0-or-later
// How many images a coadd is made of.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_InputCount`: how many images contribute to a coadd at the centroid (detection-measurement B.14).
///
/// Those in whose outline it is, as the coadd's PSF knows them; whether their pixels there are masked does not count.
package struct InputCountConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    let plugin = InputCount(
      name: name,
      value: try schema.addField(name + "_value", doc: "number of images that contribute at the centroid"),
      generalFlag: try schema.addFlag(name, doc: "the number is not to be trusted"),
      noInputs: try schema.addFlag(name, "noInputs", doc: "no image contributes, or the image is no coadd"))
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
    return plugin
  }
}

private struct InputCount: MeasurementPlugin {
  let name: String
  let value: Key<Int32>
  let generalFlag: Key<Bool>
  let noInputs: Key<Bool>
  var flag: Key<Bool>? { generalFlag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: generalFlag)
    let count = (image.exposure.psf as? CoaddPSF)?.inputCount(at: position) ?? 0
    guard count > 0 else { throw .flagged(noInputs) }
    catalog[value, row] = Int32(clamping: count)
  }
}
