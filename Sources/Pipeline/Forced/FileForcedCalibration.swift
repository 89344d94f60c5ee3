// SPDX-License-Identifier: GPL-3.0-or-later
// Measured counts as fluxes and magnitudes.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Puts fluxes and magnitudes beside measured counts.
///
/// For each `NAME_instFlux` with an error: `NAME_flux` and `NAME_fluxErr` in nJy, `NAME_mag` and `NAME_magErr` (AB; NaN for a flux that is not above 0), by the calibration at the
/// centroid; for point sources also `NAME_magLimit`, the magnitude of `limitSigma` standard errors. Names are those of LSST's PhotoCalib. The error of the calibration is in
/// none: all sources of the image have it in common. A local background is the level of a pixel, and stays in counts.
struct FluxCalibration {
  private struct Columns {
    let instFlux: Key<Double>
    let instFluxErr: Key<Double>
    let flux: Key<Double>
    let fluxErr: Key<Double>
    let mag: Key<Double>
    let magErr: Key<Double>
    let magLimit: Key<Double>?
  }

  private let photoCalib: PhotoCalib
  private let limitSigma: Double

  init(_ photoCalib: PhotoCalib, limitSigma: Double) {
    self.photoCalib = photoCalib
    self.limitSigma = limitSigma
  }

  /// - Throws: ``Catalogs/CatalogError``.
  func calibrated(_ catalog: Catalog) throws -> Catalog {
    var schema = catalog.schema
    let centroid = try schema.centroidSlot()
    var fluxes: [Columns] = []
    for field in catalog.schema.fields {
      if let flux = try columns(of: field.name, &schema) { fluxes.append(flux) }
    }
    var result = try catalog.widened(to: schema)
    for row in 0..<result.rowCount {
      let position = result[centroid.position, row]
      guard position.isFinite else { continue }
      for flux in fluxes { calibrate(row, of: &result, flux, at: position) }
    }
    return result
  }

  private func columns(of field: String, _ schema: inout Schema) throws(CatalogError) -> Columns? {
    let suffix = "_instFlux"
    guard field.hasSuffix(suffix), !field.hasPrefix("base_LocalBackground"),
      let instFlux = try? schema.key(field, as: Double.self),
      let instFluxErr = try? schema.key(field + "Err", as: Double.self)
    else { return nil }
    let name = String(field.dropLast(suffix.count))
    func add(_ column: String, _ unit: String, _ doc: String) throws(CatalogError) -> Key<Double> {
      try schema.addField("\(name)_\(column)", unit: unit, doc: doc)
    }
    return Columns(
      instFlux: instFlux, instFluxErr: instFluxErr, flux: try add("flux", "nJy", "\(field), calibrated"),
      fluxErr: try add("fluxErr", "nJy", "standard error of the flux, without that of the calibration"),
      mag: try add("mag", "mag", "AB magnitude of the flux; none for a flux that is not above 0"),
      magErr: try add("magErr", "mag", "standard error of the magnitude, first order"),
      magLimit: limitSigma > 0 && name.hasSuffix("PsfFlux")
        ? try add("magLimit", "mag", "AB magnitude of \(limitSigma) standard errors of the flux") : nil)
  }

  private func calibrate(_ row: Int, of catalog: inout Catalog, _ column: Columns, at position: Point2D) {
    let (counts, error) = (catalog[column.instFlux, row], catalog[column.instFluxErr, row])
    catalog[column.flux, row] = photoCalib.nanojansky(instFlux: counts, at: position)
    catalog[column.fluxErr, row] = photoCalib.nanojanskyError(instFluxErr: error, at: position)
    if counts > 0 {
      catalog[column.mag, row] = photoCalib.magnitude(instFlux: counts, at: position)
      catalog[column.magErr, row] = photoCalib.magnitudeError(instFlux: counts, instFluxErr: error)
    }
    if let limit = column.magLimit {
      catalog[limit, row] = photoCalib.magnitude(instFlux: limitSigma * error, at: position)
    }
  }
}
