// SPDX-License-Identifier: GPL-3.0-or-later
// From detections of each band to the families of a patch.

package import Catalogs
package import Imaging
internal import Measurement
package import SkyGeometry
package import TaskFramework

/// Merges the detections of all bands of a patch into families: what all bands are measured with (detection-measurement C.9).
///
/// **Families.** Footprints of all bands that share pixels, directly or by others between them, are one family; several may coalesce. Its peaks: ``DetectionFamily``.
///
/// **Rows.** A family is a row, and behind it a child for each peak where there are several (``FamilyColumns``). Families come in the order of their first pixels, by row, then column; IDs in the order of
/// the rows. Neither depends on the order in which catalogs, or rows in them, are given.
///
/// **Sky sources** come last: disks that keep away from all detections and from bad pixels.
package final class MergeDetectionsTask: Task {
  package static let defaultName: String? = "mergeDetections"
  package let node: TaskNode
  package let config: MergeDetectionsConfig
  /// Columns `id`, `coord_ra`, `coord_dec`, `parent` and those of ``FamilyColumns``.
  package let schema: Schema
  package let columns: FamilyColumns
  private let skySources: SkySourcesTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    skySources = try node.makeSubtask("skySources")
    var schema = try Schema.minimalSource()
    columns = try FamilyColumns(bands: config.priorityList, addingTo: &schema)
    self.schema = schema
  }

  /// By the name of the catalog's dataset type, as the configuration's connections have it.
  package func schemaCatalogs() -> [String: Catalog] {
    let names = config.connections.values
    return [names["outputCatalog"] ?? (names["coaddName"] ?? "deep") + "Coadd_mergeDet": Catalog(schema)]
  }

  /// Merges the detections of the bands of a patch.
  ///
  /// Rows without a footprint are passed over, and so are families without a peak. Bands without a source change nothing; without any catalog there is no image to measure, and no row, sky sources
  /// included.
  ///
  /// **Metadata.** `familyCount`, `blendCount`, `peakCount`, `droppedPeakCount` (too close to be new, too far to be the same), `nSkySources`.
  ///
  /// - Parameters:
  ///   - detections: a catalog a band, with footprints, in any order.
  ///   - wcs: of the pixels of all of them; distances in arcseconds become pixels by its scale at each family.
  ///   - box: the patch's pixels.
  ///   - idFactory: of parents, children and sky sources.
  ///   - skySeed: equal seeds give equal places of sky sources.
  ///   - mask: what any band has, for sky sources to avoid; `nil` for detections alone.
  /// - Throws: ``MergeDetectionsError``; ``SkyGeometry/WCSError`` for a position that the WCS does not have, ``Imaging/ImagingError``, ``Catalogs/CatalogError``.
  package func run(
    _ detections: [(band: String, sources: Catalog)], wcs: SkyWCS, box: Box2I, idFactory: IDFactory = IDFactory(),
    skySeed: Int64 = 0, mask: Mask? = nil
  ) throws -> Catalog {
    try timer("run") { () throws in
      let members = try members(of: detections)
      let families = try groupsOfOverlapping(members.map(\.footprint.spans)).map { group in
        try family(group.map { members[$0] }, wcs)
      }
      let places = detections.isEmpty ? [] : try skyFootprints(beside: families, box: box, mask: mask, seed: skySeed)
      try describe(families, skyCount: places.count)
      var ids = idFactory
      return try catalog(families.filter { !$0.peaks.isEmpty }, sky: places, wcs: wcs, box: box, ids: &ids)
    }
  }

  /// All footprints, those of the first band of the list first.
  private func members(of detections: [(band: String, sources: Catalog)]) throws -> [DetectionFamily.Member] {
    var given: [Catalog?] = config.priorityList.map { _ in nil }
    for (band, sources) in detections {
      guard let place = config.priorityList.firstIndex(of: band) else {
        throw MergeDetectionsError.unknownBand(band, priorityList: config.priorityList)
      }
      guard given[place] == nil else { throw MergeDetectionsError.bandGivenTwice(band) }
      given[place] = sources
    }
    return given.enumerated().flatMap { band, sources in
      (sources?.footprints ?? []).compactMap { $0 }.filter { !$0.spans.isEmpty }.map { (band, $0) }
    }
  }

  private func family(_ members: [DetectionFamily.Member], _ wcs: SkyWCS) throws -> DetectionFamily {
    let box = members.reduce(members[0].footprint.box) { $0.union($1.footprint.box) }
    let scale = try wcs.pixelScale(at: box.center).arcseconds
    return DetectionFamily(
      members, bandCount: config.priorityList.count, maxSamePeak: config.maxSamePeak / scale,
      minNewPeak: config.minNewPeak / scale)
  }

  private func skyFootprints(
    beside families: [DetectionFamily], box: Box2I, mask: Mask?, seed: Int64
  ) throws -> [Footprint] {
    guard config.doSkySources else { return [] }
    var avoided = mask?.cropped(to: box) ?? Mask(box: box)
    try avoided.addPlane("DETECTED")
    try avoided.set("DETECTED", on: families.map { Footprint($0.spans, region: box) })
    return try skySources.run(avoided, seed: seed)
  }

  private func describe(_ families: [DetectionFamily], skyCount: Int) throws {
    try metadata.set("familyCount", families.count { !$0.peaks.isEmpty })
    try metadata.set("blendCount", families.count { $0.peaks.count > 1 })
    try metadata.set("peakCount", families.reduce(0) { $0 + $1.peaks.count })
    try metadata.set("droppedPeakCount", families.reduce(0) { $0 + $1.droppedPeakCount })
    try metadata.set("nSkySources", skyCount)
  }
}
