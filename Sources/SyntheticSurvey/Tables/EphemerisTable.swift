// SPDX-License-Identifier: GPL-3.0-or-later
// Where objects of the solar system are in a visit, as a table.

internal import Catalogs
internal import SkyGeometry

/// The table `preloaded_SsObjects` of a visit, in the layout of MPSky (framework B.3).
///
/// Positions of observer and object are Chebyshev series in raw days since `tmin`, the start of the visit's day (MJD, TAI), which all rows
/// share. The column that MPSky calls `Err(arcsec)`, which is no name that a catalog can have, is `Err_arcsec`.
enum EphemerisTable {
  /// Terms of a series less one; beyond the sixth a day's motion of the Earth has no digit left.
  private static let order = 6

  /// - Throws: ``Catalogs/CatalogError``.
  static func catalog(_ survey: SyntheticSurvey, _ visit: SurveyVisit) throws(CatalogError) -> Catalog {
    var schema = Schema()
    let name = try schema.addField("ObjID", .string(length: 8), as: String.self, doc: "packed provisional designation")
    let id = try schema.addField("ssObjectId", as: Int64.self, doc: "ID of the object, from its designation")
    let ra = try schema.addField(
      "ra", as: Double.self, unit: "deg", doc: "right ascension (ICRS) at mid-exposure, seen from the observer")
    let dec = try schema.addField("dec", as: Double.self, unit: "deg", doc: "declination (ICRS) at mid-exposure")
    let tmin = try schema.addField("tmin", as: Double.self, unit: "d", doc: "start of the series' time, MJD (TAI)")
    let tmax = try schema.addField("tmax", as: Double.self, unit: "d", doc: "end of the series' time, MJD (TAI)")
    let magnitude = try schema.addField(
      "trailedSourceMagTrue", as: Float.self, unit: "mag", doc: "V magnitude")
    func series(_ name: String, _ doc: String) throws(CatalogError) -> [Key<[Double]>] {
      var keys: [Key<[Double]>] = []
      for axis in ["x", "y", "z"] {
        keys.append(
          try schema.addField(
            "\(name)_\(axis)_poly", .float64Array(count: order + 1), as: [Double].self, unit: "AU",
            doc: "\(doc), heliocentric equatorial \(axis): Chebyshev coefficients in days since tmin"))
      }
      return keys
    }
    let observer = try series("obs", "observer")
    let object = try series("obj", "object")
    let error = try schema.addField(
      "Err_arcsec", as: Double.self, unit: "arcsec", doc: "standard error of the position")
    let flux = try schema.addField("flux", as: Double.self, unit: "nJy", doc: "flux in the visit's band")
    let objectID = try schema.addField("objectId", as: Int64.self, doc: "number of the object, as in truth_objects")
    let designation = try schema.addField(
      "MPCORB_unpacked_primary_provisional_designation", .string(length: 12), as: String.self,
      doc: "provisional designation")
    var catalog = Catalog(schema)
    let start = visit.mjd.rounded(.down)
    let path = coefficients(Observer.series(from: start, order: order))
    let radius = survey.config.solarSystem.preloadRadius * survey.tracts.reach
    for one in survey.objects {
      guard case .orbit(let planet) = one.behaviour else { continue }
      let sky = planet.trajectory.position(mjd: visit.mjd)
      guard sky.isFinite, sky.separation(from: visit.boresight).degrees <= radius else { continue }
      let row = catalog.addRow()
      catalog[name, row] = planet.designation.packed
      catalog[id, row] = planet.designation.ssObjectID
      catalog[ra, row] = sky.ra.wrapped.degrees
      catalog[dec, row] = sky.dec.degrees
      catalog[tmin, row] = start
      catalog[tmax, row] = start + 1
      catalog[magnitude, row] = Float(planet.magnitude)
      for (key, values) in zip(observer, path) { catalog[key, row] = values }
      for (key, values) in zip(object, coefficients(planet.trajectory.series(from: start))) {
        catalog[key, row] = values
      }
      catalog[error, row] = survey.config.solarSystem.positionError
      catalog[flux, row] = one.flux(band: visit.bandIndex, mjd: visit.mjd)
      catalog[objectID, row] = one.id
      catalog[designation, row] = planet.designation.unpacked
    }
    return catalog
  }

  /// The Chebyshev coefficients of the three axes of a power series, all of one length.
  private static func coefficients(_ series: [SIMD3<Double>]) -> [[Double]] {
    (0..<3).map { axis in
      let values = ChebyshevSeries(powers: series.map { $0[axis] }).coefficients
      return values + [Double](repeating: 0, count: max(0, order + 1 - values.count))
    }
  }
}
