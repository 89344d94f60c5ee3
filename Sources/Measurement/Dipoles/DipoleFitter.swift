// SPDX-License-Identifier: GPL-3.0-or-later
// Dipoles of a catalog.

package import Catalogs
internal import Imaging
internal import SkyGeometry

/// Fits the sources of a catalog that could be dipoles, and says which of them are (detection-measurement A.15).
///
/// It is no plugin of the measurement driver: it needs three exposures.
package struct DipoleFitter: Sendable {
  package let name: String
  package let config: DipoleFitConfig
  private let keys: DipoleFitKeys
  private let centroid: PointKey
  private let centroidError: CovarianceMatrixKey?
  private let centroidFlag: Key<Bool>?

  /// Adds the columns.
  ///
  /// - Parameter centroid: a measurement in the schema, whose position a source has that is no dipole.
  /// - Throws: ``Catalogs/CatalogError``.
  package init(
    _ name: String = "ip_diffim_DipoleFit", _ config: DipoleFitConfig = .init(),
    centroid: String = "base_SdssCentroid", addingTo schema: inout Schema
  ) throws(CatalogError) {
    self.name = name
    self.config = config
    self.centroid = try PointKey(centroid, in: schema)
    centroidError = try? CovarianceMatrixKey(centroid, ["x", "y"], in: schema)
    centroidFlag = try? schema.key(centroid + "_flag", as: Bool.self)
    keys = try DipoleFitKeys(name, addingTo: &schema)
  }

  /// Fits the source of a row when its footprint has peaks of both signs; else it keeps its centroid.
  ///
  /// A fit that fails leaves the centroid, too, and sets the flag.
  ///
  /// - Parameters:
  ///   - catalog: of the schema that has the columns, or one that continues it.
  ///   - science: with the positive lobes; `nil` when there is no such image.
  ///   - template: with the negative lobes, matched to the science image.
  package func measure(
    row: Int, of catalog: inout Catalog, difference: MeasurementImage, science: MeasurementImage?,
    template: MeasurementImage?
  ) {
    guard let footprint = catalog.footprint(row: row) else {
      keepCentroid(row: row, of: &catalog)
      catalog[keys.flag, row] = true
      return
    }
    guard config.fitAllDiaSources || footprint.hasPeaksOfBothSigns else {
      keepCentroid(row: row, of: &catalog)
      return
    }
    do throws(DipoleFitFailure) {
      let fit = try DipoleFit(footprint, difference: difference, science: science, template: template, config)
      keys.write(fit, row: row, to: &catalog)
    } catch {
      keepCentroid(row: row, of: &catalog)
      catalog[keys.flag, row] = true
      if error == .edge { catalog[keys.edge, row] = true }
    }
  }

  /// Copies the centroid with its errors and its flag.
  private func keepCentroid(row: Int, of catalog: inout Catalog) {
    catalog[keys.center.position, row] = catalog[centroid, row]
    for (i, key) in (centroidError?.errors ?? []).enumerated() {
      catalog[keys.center.error.errors[i], row] = catalog[key, row]
    }
    if let centroidFlag { catalog[keys.flag, row] = catalog[centroidFlag, row] }
  }
}

extension Footprint {
  fileprivate var hasPeaksOfBothSigns: Bool {
    peaks.contains(where: \.isFromPositive) && peaks.contains(where: \.isFromNegative)
  }
}
