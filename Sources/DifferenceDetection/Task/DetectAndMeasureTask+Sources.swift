// SPDX-License-Identifier: GPL-3.0-or-later
// From footprints to rows.

package import Catalogs
package import Imaging
internal import Measurement
internal import SkyGeometry
internal import TaskFramework

extension DetectAndMeasureTask {
  /// A row for each detection, the positive ones first; blends are separated.
  ///
  /// No row has an ID yet.
  func catalog(of found: DetectedFootprints, on difference: Exposure) throws -> Catalog {
    var deblender: Deblender?
    if config.doDeblend, let psf = difference.psf {
      deblender = Deblender(config: config.deblend, image: difference.maskedImage, psf: psf)
    }
    let all = (found.positive?.footprints ?? []) + (found.negative?.footprints ?? [])
    var sources = Catalog(schema)
    var blendCount: Int32 = 0
    for footprint in all {
      let detections = deblender?.sources(of: footprint) ?? [Detection(footprint: footprint)]
      if detections.count > 1 { blendCount += 1 }
      for detection in detections {
        let row = sources.addRow()
        write(detection.footprint, row: row, to: &sources, found.null)
        columns.deblend.write(detection, blend: blendCount, row: row, to: &sources)
      }
    }
    return sources
  }

  private func write(_ footprint: Footprint, row: Int, to sources: inout Catalog, _ null: NullDistribution?) {
    sources.setFootprint(footprint, row: row)
    let isPositive = footprint.peaks.contains(where: \.isFromPositive)
    let isNegative = footprint.peaks.contains(where: \.isFromNegative)
    sources[columns.isNegative, row] = isNegative && !isPositive
    sources[columns.fromPositive, row] = isPositive
    sources[columns.fromNegative, row] = isNegative
    let strongest = footprint.peaks.max { ($0.significance.isNaN ? -1 : $0.significance) < $1.significance }
    guard let strongest else { return }
    sources[columns.significance, row] = strongest.significance
    sources[columns.calibratedSignificance, row] =
      null?.calibrated(strongest.significance, isNegative: strongest.isFromNegative) ?? .nan
  }

  /// The sources, of those above and those below zero that are near each other one (detection-measurement A.9.3).
  ///
  /// Rows that are united lose what the deblender said of them.
  ///
  /// - Parameter psfSigma: of the difference, pixels.
  func merged(_ sources: Catalog, psfSigma: Double) -> Catalog {
    var rows: (positive: [Int], negative: [Int]) = ([], [])
    for row in 0..<sources.rowCount {
      if sources[columns.isNegative, row] { rows.negative.append(row) } else { rows.positive.append(row) }
    }
    // A source without a footprint meets no other.
    let none = Footprint(.empty, region: Box2I(width: 0, height: 0))
    let footprints = (0..<sources.rowCount).map { sources.footprint(row: $0) ?? none }
    func members(_ rows: [Int]) -> [Footprint] { rows.map { footprints[$0] } }
    // What two footprints grow by lies between them.
    let merge = PolarityMerge(
      members(rows.positive), members(rows.negative), reach: 2 * config.growFootprint,
      separation: config.maxMergeSeparation.map { $0 * psfSigma } ?? .infinity)
    let groups = merge.groups.map { group in
      group.positive.map { rows.positive[$0] } + group.negative.map { rows.negative[$0] }
    }
    var result = sources.selecting(groups.map { $0[0] })
    for (row, group) in groups.enumerated() {
      let parts = members(group)
      guard group.count > 1 else {
        result.setFootprint(PolarityMerge.footprint(of: parts, region: parts[0].region), row: row)
        continue
      }
      let strongest = group.max { sources[columns.significance, $0] < sources[columns.significance, $1] } ?? group[0]
      let footprint = PolarityMerge.footprint(of: parts, region: parts[0].region)
      result.setFootprint(footprint, row: row)
      columns.deblend.write(Detection(footprint: footprint), blend: 0, row: row, to: &result)
      result[columns.deblend.blend, row] = group.map { sources[columns.deblend.blend, $0] }.max() ?? 0
      result[columns.isNegative, row] = false
      (result[columns.fromPositive, row], result[columns.fromNegative, row]) = (true, true)
      result[columns.significance, row] = sources[columns.significance, strongest]
      result[columns.calibratedSignificance, row] = sources[columns.calibratedSignificance, strongest]
    }
    return result
  }

  /// Adds sources where the mask has nothing (A.8.3).
  ///
  /// **Metadata.** `nSkySources`, `n_skySources`.
  ///
  /// - Parameter seed: equal seeds give equal places.
  /// - Throws: ``Catalogs/CatalogError`` when there are no IDs left.
  package func addSkySources(
    _ diaSources: inout Catalog, mask: Mask, seed: Int64, idFactory: inout IDFactory
  ) throws {
    let footprints = try skySources.run(mask, seed: seed)
    for footprint in footprints {
      let id = try idFactory.next()
      let row = diaSources.addRow()
      diaSources[columns.id, row] = id
      diaSources[columns.skySource, row] = true
      diaSources.setFootprint(footprint, row: row)
    }
    try metadata.set("nSkySources", footprints.count)
    try metadata.set("n_skySources", footprints.count)
  }
}
