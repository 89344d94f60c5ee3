// SPDX-License-Identifier: GPL-3.0-or-later
// From detections to the catalog.

package import Catalogs
package import Imaging
package import Measurement
internal import SkyGeometry
internal import TaskFramework

extension DetectAndMeasureTask {
  /// Merges, numbers, measures and sifts what was detected (detection-measurement A.4.3).
  ///
  /// - Parameters:
  ///   - difference: with detection planes.
  ///   - sources: of ``schema``, with footprints and without IDs, the positive ones first.
  ///   - positiveFootprints, negativeFootprints: take the place of the sources' footprints, one each in their order.
  ///   - idFactory: no ID is drawn before detections are merged.
  /// - Throws: ``Measurement/MeasurementError``, ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func processResults(
    science: Exposure, matchedTemplate: Exposure, difference: Exposure, sources: Catalog,
    idFactory: IDFactory = IDFactory(), positiveFootprints: FootprintSet? = nil,
    negativeFootprints: FootprintSet? = nil, kernelSources: Catalog? = nil, exposureID: Int64 = 0
  ) throws -> DetectAndMeasureResult {
    var (difference, sources, ids) = (difference, sources, idFactory)
    var result = DetectAndMeasureResult(subtractedMeasuredExposure: difference)
    try replaceFootprints(of: &sources, positiveFootprints, negativeFootprints)
    try metadata.set("nUnmergedDiaSources", sources.rowCount)
    if config.doMerge { sources = merged(sources, psfSigma: psfSigma(of: difference)) }
    for row in 0..<sources.rowCount { sources[columns.id, row] = try ids.next() }
    try metadata.set("nMergedDiaSources", sources.rowCount)
    if config.doMaskStreaks { result.maskedStreaks = try markStreaks(on: &difference) }
    if config.doSkySources {
      try addSkySources(&sources, mask: difference.maskedImage.mask, seed: exposureID, idFactory: &ids)
    }
    var dropped = try DroppedSources()
    try measureDiaSources(
      &sources, science: science, difference: difference, matchedTemplate: matchedTemplate, exposureID: exposureID)
    // After measuring: the other children of a blend are measured without this one's light only while it is there.
    if config.doRejectBadMaskPlaneDetections {
      sources = try rejectBadMaskPlanes(sources, difference.maskedImage.mask, &dropped)
    }
    sources = try removeBadSources(sources, &dropped)
    if config.doFindGlints { result.glints = try flagGlints(&sources) }
    if config.doForcedMeasurement {
      try measureForcedSources(&sources, science: science, wcs: difference.wcs, exposureID: exposureID)
      try measureForcedSources(
        &sources, science: matchedTemplate, wcs: difference.wcs, template: true, exposureID: exposureID)
    }
    columns.primaryFlags.set(in: &sources, isSky: columns.skySource, blend: columns.deblend.blend)
    result.subtractedMeasuredExposure = difference
    (result.diaSources, result.droppedSources) = (sources, dropped.catalog)
    try calculateMetrics(difference)
    result.failure = try measureResiduals(science: science, difference: difference, sources, kernelSources)
    if result.failure == nil, config.raiseOnNoDiaSources, !sources.column(columns.skySource).contains(false) {
      result.failure = DetectAndMeasureError.noDiaSources
    }
    return result
  }

  private func replaceFootprints(
    of sources: inout Catalog, _ positive: FootprintSet?, _ negative: FootprintSet?
  ) throws {
    for (set, isNegative) in [(positive, false), (negative, true)] {
      guard let set else { continue }
      let rows = (0..<sources.rowCount).filter { sources[columns.isNegative, $0] == isNegative }
      guard rows.count == set.count else {
        throw CatalogError.lengthMismatch(
          what: "the number of \(isNegative ? "negative" : "positive") footprints", found: set.count,
          expected: rows.count)
      }
      for (row, footprint) in zip(rows, set.footprints) { sources.setFootprint(footprint, row: row) }
    }
  }

  /// Drops sources of which a peak lies on a bad pixel (A.4.3 step 6).
  private func rejectBadMaskPlanes(
    _ sources: Catalog, _ mask: Mask, _ dropped: inout DroppedSources
  ) throws -> Catalog {
    let pattern = mask.planes.bitMask(ofExisting: config.badMaskPlanes)
    var kept: [Int] = []
    for row in 0..<sources.rowCount {
      let bad = sources.footprint(row: row)?.peaks.first { peak in
        mask.box.contains(peak.pixel) && mask[peak.pixel.x, peak.pixel.y] & pattern != 0
      }
      guard let bad else {
        kept.append(row)
        continue
      }
      let bits = mask[bad.pixel.x, bad.pixel.y]
      let planes = config.badMaskPlanes.filter { mask.planes.bitMask(ofExisting: [$0]) & bits != 0 }
      dropped.append(
        sources, row: row, columns, at: bad.position, reason: "a peak is on a pixel \(planes.joined(separator: ", "))")
    }
    try metadata.set("nRejectedBadMaskPlanes", sources.rowCount - kept.count)
    return kept.count < sources.rowCount ? sources.selecting(kept) : sources
  }

  /// Drops sources with any of the bad flags (A.4.3 step 9).
  ///
  /// **Metadata.** `nRemovedBadFlaggedSources`, each source counted once.
  private func removeBadSources(_ sources: Catalog, _ dropped: inout DroppedSources) throws -> Catalog {
    let centroid = try? schema.centroidSlot()
    var kept: [Int] = []
    for row in 0..<sources.rowCount {
      let flags = badSourceFlags.filter { sources[$0.key, row] }.map(\.name)
      guard !flags.isEmpty else {
        kept.append(row)
        continue
      }
      let position = centroid.map { sources[$0.position, row] } ?? Point2D(x: .nan, y: .nan)
      dropped.append(sources, row: row, columns, at: position, reason: flags.joined(separator: ", "))
    }
    try metadata.set("nRemovedBadFlaggedSources", sources.rowCount - kept.count)
    return kept.count < sources.rowCount ? sources.selecting(kept) : sources
  }
}
