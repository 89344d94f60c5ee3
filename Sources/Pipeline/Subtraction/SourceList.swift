// SPDX-License-Identifier: GPL-3.0-or-later
// A catalog of stars as a person gives it.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// A catalog of stars as a person gives it: one with slots, as ours and those of the LSST Science Pipelines, or columns `x`, `y` (pixels) or
/// `ra`, `dec` (degrees) with `flux` and, if there is one, `fluxErr`.
struct SourceList {
  let catalog: Catalog

  /// - Parameter exposure: that the positions are of.
  /// - Throws: ``IngestError``, ``Catalogs/CatalogError``.
  init(_ given: Catalog, file: String, exposure: Exposure) throws {
    func check(_ positions: [Point2D]) throws {
      guard !positions.contains(where: { $0.pixel.map(exposure.box.contains) ?? false }) else { return }
      throw IngestError(
        file: file, reason: "none of its \(positions.count) positions is on the science image, \(exposure.box)")
    }
    if let centroid = try? given.schema.centroidSlot(), (try? given.schema.fluxSlot(.psfFlux)) != nil {
      try check((0..<given.rowCount).map { given[centroid.position, $0] })
      catalog = given
      return
    }
    func column(_ names: String...) -> [Double]? {
      for name in names {
        if let values: [Double] = try? given.column(name) { return values }
        if let values: [Float] = try? given.column(name) { return values.map(Double.init) }
        if let values: [Int64] = try? given.column(name) { return values.map(Double.init) }
      }
      return nil
    }
    let positions: [Point2D]
    if let x = column("x", "X"), let y = column("y", "Y") {
      positions = zip(x, y).map { Point2D(x: $0, y: $1) }
    } else if let ra = column("ra", "RA"), let dec = column("dec", "DEC") {
      guard let wcs = exposure.wcs else {
        throw IngestError(file: file, reason: "it has ra and dec, and the science image no WCS; give x and y")
      }
      positions = wcs.skyToPixel(zip(ra, dec).map { SpherePoint(raDegrees: $0, decDegrees: $1) })
    } else {
      throw IngestError(
        file: file,
        reason: "it has neither slots nor columns x and y (pixels from 0), nor ra and dec (degrees)")
    }
    try check(positions)
    guard let fluxes = column("flux", "FLUX", "instFlux") else {
      throw IngestError(file: file, reason: "it has no column flux: the brightest stars are tried first")
    }
    let errors = column("fluxErr", "flux_err", "FLUXERR", "instFluxErr")
    var schema = try Schema.minimalSource()
    let id: Key<Int64> = try schema.key("id")
    let centroid = try PointKey(adding: "given", to: &schema, doc: "position")
    let flux = try schema.addField("given_instFlux", as: Double.self, unit: "count", doc: "flux")
    let error = try schema.addField("given_instFluxErr", as: Double.self, unit: "count", doc: "its standard error")
    try schema.setSlot(.centroid, to: "given")
    try schema.setSlot(.psfFlux, to: "given")
    var result = Catalog(schema, rowCount: positions.count)
    for row in positions.indices {
      result[id, row] = Int64(row + 1)
      result[centroid, row] = positions[row]
      result[flux, row] = fluxes[row]
      // Without an error whoever gave the star vouches for it.
      result[error, row] = errors?[row] ?? abs(fluxes[row]) / 100
    }
    catalog = result
  }
}
