// SPDX-License-Identifier: GPL-3.0-or-later
// From families to rows.

internal import Catalogs
internal import SkyGeometry

extension MergeDetectionsTask {
  /// A row for each family and each child, then one for each sky source; peaks are numbered from 1 on over the whole catalog.
  ///
  /// - Parameter families: with a peak each.
  /// - Throws: ``SkyGeometry/WCSError/undefinedPosition(x:y:)``, ``Catalogs/CatalogError``.
  func catalog(
    _ families: [DetectionFamily], sky: [Footprint], wcs: SkyWCS, box: Box2I, ids: inout IDFactory
  ) throws -> Catalog {
    let rowCount = families.reduce(sky.count) { $0 + ($1.peaks.count > 1 ? 1 + $1.peaks.count : 1) }
    var result = Catalog(schema, rowCount: rowCount)
    var (row, nextPeak) = (0, Int64(1))
    for family in families {
      let footprint = family.footprint(numberingFrom: nextPeak, region: box)
      nextPeak += Int64(footprint.peaks.count)
      let parent = row
      try write(footprint, row: row, to: &result, &ids)
      result[columns.peakCount, row] = Int32(clamping: footprint.peaks.count)
      mark(family.isOfBand, columns.isInFootprint, row: row, of: &result)
      mark(family.peaks[0].isOfBand, columns.isAtPeak, row: row, of: &result)
      row += 1
      guard footprint.peaks.count > 1 else { continue }
      result[columns.childCount, parent] = Int32(clamping: footprint.peaks.count)
      for (peak, merged) in zip(footprint.peaks, family.peaks) {
        try write(Footprint(footprint.spans, peaks: [peak], region: box), row: row, to: &result, &ids)
        result[columns.parent, row] = result[columns.id, parent]
        result[columns.peakCount, row] = 1
        result[columns.parentPeakCount, row] = Int32(clamping: footprint.peaks.count)
        result[columns.peakID, row] = Int32(clamping: peak.id)
        mark(family.isOfBand, columns.isInFootprint, row: row, of: &result)
        mark(merged.isOfBand, columns.isAtPeak, row: row, of: &result)
        row += 1
      }
    }
    for place in sky {
      var footprint = place
      for i in footprint.peaks.indices { footprint.peaks[i].id = nextPeak + Int64(i) }
      nextPeak += Int64(footprint.peaks.count)
      try write(footprint, row: row, to: &result, &ids)
      result[columns.peakCount, row] = 1
      for flags in [columns.isInFootprint, columns.isAtPeak] {
        for (band, key) in flags where band == FamilyColumns.skyBand { result[key, row] = true }
      }
      row += 1
    }
    try setPositions(of: &result, wcs)
    return result
  }

  private func write(
    _ footprint: Footprint, row: Int, to catalog: inout Catalog, _ ids: inout IDFactory
  ) throws(CatalogError) {
    catalog[columns.id, row] = try ids.next()
    catalog.setFootprint(footprint, row: row)
    guard let peak = footprint.peaks.first else { return }
    catalog[columns.peakX, row] = Int32(clamping: peak.pixel.x)
    catalog[columns.peakY, row] = Int32(clamping: peak.pixel.y)
  }

  private func mark(
    _ isOfBand: [Bool], _ flags: [(band: String, key: Key<Bool>)], row: Int, of catalog: inout Catalog
  ) {
    // The columns of the sky come after those of the bands.
    for (isSet, flag) in zip(isOfBand, flags) { catalog[flag.key, row] = isSet }
  }

  /// Where the first peak of each row is on the sky.
  private func setPositions(of catalog: inout Catalog, _ wcs: SkyWCS) throws(WCSError) {
    let pixels = (0..<catalog.rowCount).map { row in
      catalog.footprint(row: row)?.peaks.first?.position ?? Point2D(x: .nan, y: .nan)
    }
    for (row, sky) in wcs.pixelToSky(pixels).enumerated() {
      guard sky.isFinite else { throw .undefinedPosition(x: pixels[row].x, y: pixels[row].y) }
      catalog[columns.coord, row] = sky
    }
  }
}
