// SPDX-License-Identifier: GPL-3.0-or-later
// The catalog that a characterised image gets.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry

/// The columns of a characterised image's catalog, and its rows before they are measured.
struct SourceTable {
  private(set) var schema: Schema
  private let isIsolated: Key<Bool>
  private let isUsed: Key<Bool>

  /// - Throws: what the plugins' columns throw.
  init(_ detection: SourceDetectionTask, _ measurement: SingleFrameMeasurementTask) throws {
    schema = try Schema.minimalSource()
    try detection.addFields(to: &schema)
    isIsolated = try schema.addField("detect_isIsolated", doc: "no other source is near that matters")
    isUsed = try schema.addField("calib_psf_used", doc: "the PSF model is from this star, among others")
    try measurement.addFields(to: &schema)
  }

  /// A row for each of the brightest peaks.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  func catalog(
    of footprints: [Footprint], _ peaks: [Peak], fwhm: Double, box: Box2I, stars: [Point2D], ids: inout IDFactory,
    limit: Int
  ) throws(CatalogError) -> Catalog {
    let search = NeighbourSearch(peaks, over: box)
    var owners: [Int64: Int] = [:]
    for (i, footprint) in footprints.enumerated() { for peak in footprint.peaks { owners[peak.id] = i } }
    var result = Catalog(schema, rowCount: min(limit, peaks.count))
    let id: Key<Int64> = try schema.key("id")
    let reach = Int(exactly: min(max(2.5 * fwhm, 2), 1000).rounded(.up)) ?? 5
    for (row, peak) in peaks.prefix(limit).enumerated() {
      result[id, row] = try ids.next()
      result[isIsolated, row] = search.isIsolated(peak, fwhm: fwhm)
      result[isUsed, row] = stars.contains { $0.distance(to: Point2D(peak.pixel)) < 1.5 }
      guard let owner = owners[peak.id] else { continue }
      let whole = footprints[owner]
      let near = Box2I(
        minX: peak.pixel.x - reach, minY: peak.pixel.y - reach, width: 2 * reach + 1, height: 2 * reach + 1)
      result.setFootprint(
        whole.peaks.count == 1 ? whole : Footprint(whole.spans.clipped(to: near), peaks: [peak], region: whole.region),
        row: row)
    }
    return result
  }
}
