// SPDX-License-Identifier: GPL-3.0-or-later
// Exposures, tables of ephemerides and sources for tests.

import Catalogs
import Imaging
import SkyGeometry

/// An exposure of `side` pixels, `scale` arcseconds each, about a position.
func makeExposure(
  ra: Double = 45, dec: Double = 45, side: Int = 1000, scale: Double = 0.2, mjd: Double? = 60_000.5,
  band: String? = "r", zeroPoint: Double? = 31.4
) throws -> Exposure {
  var exposure = Exposure(MaskedImage(box: Box2I(width: side, height: side)))
  let step = scale / 3600
  exposure.wcs = try SkyWCS(
    referencePixel: Point2D(x: Double(side) / 2, y: Double(side) / 2),
    reference: SpherePoint(raDegrees: ra, decDegrees: dec), cd: AffineTransform(xx: -step, xy: 0, yx: 0, yy: step))
  var visit = VisitInfo()
  visit.id = 7
  visit.mjdTAI = mjd
  exposure.visitInfo = visit
  exposure.filter = band.map { FilterLabel(band: $0) }
  exposure.photoCalib = try zeroPoint.map { try PhotoCalib(zeroPoint: $0) }
  return exposure
}

/// A calibrated table of sources.
func makeSources(
  _ positions: [(ra: Double, dec: Double)], ids: [Int64]? = nil, errors: [Double]? = nil
) throws -> Catalog {
  var schema = Schema()
  let id = try schema.addField("diaSourceId", as: Int64.self, doc: "")
  let (ra, dec) = (
    try schema.addField("ra", as: Double.self, unit: "deg", doc: ""),
    try schema.addField("dec", as: Double.self, unit: "deg", doc: "")
  )
  let raErr = try schema.addField("raErr", as: Double.self, unit: "deg", doc: "")
  let decErr = try schema.addField("decErr", as: Double.self, unit: "deg", doc: "")
  let flux = try schema.addField("psfFlux", as: Double.self, unit: "nJy", doc: "")
  var catalog = Catalog(schema, rowCount: positions.count)
  for (row, position) in positions.enumerated() {
    catalog[id, row] = ids?[row] ?? Int64(row) + 1
    (catalog[ra, row], catalog[dec, row]) = (position.ra, position.dec)
    if let errors { (catalog[raErr, row], catalog[decErr, row]) = (errors[row] / 3600, errors[row] / 3600) }
    catalog[flux, row] = 1000 + Double(row)
  }
  return catalog
}

/// A table of positions.
func makeObjects(
  _ positions: [(ra: Double, dec: Double)], ids: [Int64]? = nil, errors: [Double]? = nil,
  rates: [(ra: Double, dec: Double)]? = nil, mjd: Double? = nil
) throws -> Catalog {
  var schema = Schema()
  let id = try schema.addField("ssObjectId", as: Int64.self, doc: "")
  let (ra, dec) = (
    try schema.addField("ra", as: Double.self, unit: "deg", doc: ""),
    try schema.addField("dec", as: Double.self, unit: "deg", doc: "")
  )
  let error = try errors.map { _ in try schema.addField("Err_arcsec", as: Double.self, doc: "") }
  let rate = try rates.map { _ in
    (
      try schema.addField("ephRateRa", as: Double.self, doc: ""),
      try schema.addField("ephRateDec", as: Double.self, doc: "")
    )
  }
  let time = try mjd.map { _ in try schema.addField("mjdTAI", as: Double.self, doc: "") }
  let name = try schema.addField("ObjID", .string(length: 16), as: String.self, doc: "")
  let orbit = try schema.addField("MPCORB_q", as: Double.self, unit: "AU", doc: "perihelion distance")
  var catalog = Catalog(schema, rowCount: positions.count)
  for (row, position) in positions.enumerated() {
    catalog[id, row] = ids?[row] ?? Int64(row) + 1001
    (catalog[ra, row], catalog[dec, row]) = (position.ra, position.dec)
    if let error, let errors { catalog[error, row] = errors[row] }
    if let rate, let rates { (catalog[rate.0, row], catalog[rate.1, row]) = (rates[row].ra, rates[row].dec) }
    if let time, let mjd { catalog[time, row] = mjd }
    catalog[name, row] = "object \(row)"
    catalog[orbit, row] = Double(row) + 0.5
  }
  return catalog
}

/// A table of Chebyshev series, a coefficient list for each of the six axes of each row.
func makeSeries(
  _ rows: [(name: String, id: Int64?, observer: [[Double]], object: [[Double]])], tmin: Double, tmax: Double,
  error: Double = 1
) throws -> Catalog {
  var schema = Schema()
  let name = try schema.addField("ObjID", .string(length: 8), as: String.self, doc: "")
  let id = try rows.contains { $0.id != nil } ? schema.addField("ssObjectId", as: Int64.self, doc: "") : nil
  let first = try schema.addField("tmin", as: Double.self, doc: "")
  let last = try schema.addField("tmax", as: Double.self, doc: "")
  let err = try schema.addField("Err_arcsec", as: Double.self, doc: "")
  let magnitude = try schema.addField("trailedSourceMagTrue", as: Float.self, doc: "")
  let count = rows.flatMap { $0.observer + $0.object }.map(\.count).max() ?? 1
  let keys = try ["obs", "obj"].map { prefix in
    try ["x", "y", "z"].map { axis in
      try schema.addField(
        "\(prefix)_\(axis)_poly", .float64Array(count: count), as: [Double].self, doc: "")
    }
  }
  var catalog = Catalog(schema, rowCount: rows.count)
  for (i, row) in rows.enumerated() {
    catalog[name, i] = row.name
    if let id { catalog[id, i] = row.id ?? 0 }
    (catalog[first, i], catalog[last, i], catalog[err, i]) = (tmin, tmax, error)
    catalog[magnitude, i] = 20.5
    for (part, series) in [row.observer, row.object].enumerated() {
      for axis in 0..<3 {
        catalog[keys[part][axis], i] =
          series[axis] + [Double](repeating: 0, count: count - series[axis].count)
      }
    }
  }
  return catalog
}

extension Catalog {
  func number(_ name: String, _ row: Int = 0) throws -> Double { self[try schema.key(name, as: Double.self), row] }
  func whole(_ name: String) throws -> [Int64] { try column(name, as: Int64.self) }
}
