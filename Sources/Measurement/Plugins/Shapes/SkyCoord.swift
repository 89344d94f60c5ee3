// SPDX-License-Identifier: GPL-3.0-or-later
// The centroid on the sky.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_SkyCoord`: the centroid on the sky, with its error (detection-measurement B.12).
///
/// Degrees, as all angles in files. Errors are along great circles: that of right ascension has the cosine of the declination in
/// it. Without a WCS or a centroid the columns stay empty; there is no flag.
package struct SkyCoordConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.shape
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    if !schema.contains("coord_ra") { _ = try CoordKey(adding: "coord", to: &schema, doc: "position on the sky") }
    return SkyCoord(
      name: name, coord: try CoordKey(in: schema),
      error: try CovarianceMatrixKey(
        adding: "coord", ["ra", "dec"], units: ["deg", "deg"], to: &schema, withCovariances: false,
        doc: "position on the sky, along great circles"),
      covariance: try schema.addField(
        "coord_ra_dec_Cov", unit: "deg^2", doc: "position on the sky, covariance of ra and dec, along great circles"))
  }
}

private struct SkyCoord: MeasurementPlugin {
  let name: String
  let coord: CoordKey
  let error: CovarianceMatrixKey
  let covariance: Key<Float>
  let flag: Key<Bool>? = nil

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let slot = image.slots.centroid, let wcs = image.exposure.wcs else { return }
    let position = catalog[slot.position, row]
    guard position.isFinite, let sky = try? wcs.pixelToSky(position) else { return }
    catalog[coord, row] = sky
    guard let pixelError = slot.error, let map = try? wcs.linearizePixelToSky(at: position) else { return }
    let pixel = pixelError.matrix(of: catalog, row: row)
    let (cxx, cyy, cxy) = (pixel[0][0], pixel[1][1], pixel[0][1])
    let degrees = (180 / Double.pi) * (180 / Double.pi)
    func combined(_ a: (Double, Double), _ b: (Double, Double)) -> Double {
      (a.0 * b.0 * cxx + (a.0 * b.1 + a.1 * b.0) * cxy + a.1 * b.1 * cyy) * degrees
    }
    let (east, north) = ((map.xx, map.xy), (map.yx, map.yy))
    catalog[error.errors[0], row] = Float(combined(east, east).squareRoot())
    catalog[error.errors[1], row] = Float(combined(north, north).squareRoot())
    catalog[covariance, row] = Float(combined(east, north))
  }
}
