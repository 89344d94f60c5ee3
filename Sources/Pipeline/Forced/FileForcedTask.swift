// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring listed sources.

package import Catalogs
internal import ForcedPhotometry
package import Imaging
internal import Measurement
internal import SkyGeometry
package import TaskFramework

/// What was measured at the positions of a list.
package struct FileForcedResult: Sendable {
  /// A row a source of the list, in its order.
  package let sources: Catalog
  /// Columns `id`, `other`, `covariance` (count²) of joint fluxes; `nil` when there are none.
  package let covariance: Catalog?
}

/// Measures an exposure at the positions of a list.
package final class FileForcedTask: Task {
  package static let defaultName: String? = "forced"
  package let node: TaskNode
  package let config: FileForcedConfig
  /// A tree of its own: its settings are this task's.
  let measurement: ForcedMeasurementTask
  private let joint: JointForcedTask
  private let applyApCorr: ApplyApCorrTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    measurement = try ForcedMeasurementTask(config: config.measurement, context: node.context)
    joint = try node.makeSubtask("joint")
    applyApCorr = try node.makeSubtask("applyApCorr")
    // Settings that contradict each other show before any file is read.
    _ = try prepare(hasApCorr: true).centroidSlot()
  }

  /// Measures every source of a list, in its order.
  ///
  /// A source without a position, or with one off the image, has flags. Columns: `id`, `coord_ra`, `coord_dec`, `parent`; those of the list, with `ref_` before a
  /// name that is taken; the measurements; joint fluxes; with aperture corrections theirs; with a photometric calibration fluxes and magnitudes (``FluxCalibration``).
  ///
  /// - Parameter exposure: without sky, with a PSF where there is a row to measure.
  /// - Throws: ``Measurement/MeasurementError``, ``Catalogs/CatalogError``, ``Imaging/ImagingError``.
  package func run(_ list: ReferenceList, on exposure: Exposure) throws -> FileForcedResult {
    try timer("run") { () throws in
      let map = config.doApCorr ? exposure.apCorrMap : nil
      let schema = try prepare(hasApCorr: map != nil)
      // Nothing to measure needs no PSF.
      var measured = list.rowCount > 0 ? try measure(list, exposure) : Catalog(schema)
      var covariance: FluxCovariance?
      if config.doJoint, list.rowCount > 0 {
        // A parent of a catalog of ours is where its children are: their light is not to be counted twice.
        let childCounts: [Int32]? = try? list.table.column("deblend_nChild")
        covariance = try joint.run(&measured, on: exposure) { row in childCounts.map { $0[row] == 0 } ?? true }
      }
      if let map { applyApCorr.run(&measured, map) }
      let table = try covariance.map { try $0.table(measured) }
      if let photoCalib = exposure.photoCalib {
        measured = try FluxCalibration(photoCalib, limitSigma: config.limitSigma).calibrated(measured)
      }
      return FileForcedResult(sources: try joined(measured, list), covariance: table)
    }
  }

  private func prepare(hasApCorr: Bool) throws -> Schema {
    try measurement.prepare(ReferenceList.referenceSchema()) { schema in
      if config.doJoint { try joint.addFields(to: &schema) }
      if hasApCorr { try applyApCorr.addFields(to: &schema) }
    }
  }

  private func measure(_ list: ReferenceList, _ exposure: Exposure) throws -> Catalog {
    var reference = try list.reference()
    let image = MeasurementImage(exposure, slots: MeasurementSlots(reference.schema))
    for row in 0..<list.rowCount where list.isOn(exposure.box, row: row) {
      reference.setFootprint(footprint(at: list.pixels[row], image), row: row)
    }
    var measured = try measurement.run(reference, on: exposure, exposureID: exposure.visitInfo?.id ?? 0)
    let (id, coord) = (try measured.schema.key("id", as: Int64.self), try CoordKey(in: measured.schema))
    for row in 0..<list.rowCount {
      measured[id, row] = list.ids[row]
      measured[coord, row] = list.sky[row]
    }
    return measured
  }

  /// The PSF's ellipse about a position, clipped to the image (detection-measurement C.5.5); `nil` where the PSF has no shape.
  private func footprint(at position: Point2D, _ image: MeasurementImage) -> Footprint? {
    guard let psf = try? image.psfMoments(at: position), !psf.isBad, let pixel = position.pixel,
      let spans = SpanSet(ellipseAt: position, moments: psf.moments.columns, scale: config.footprintScale)
    else { return nil }
    let peak = Peak(id: 1, position: position, pixel: pixel, value: image.image[pixel.x, pixel.y])
    return Footprint(spans.clipped(to: image.box), peaks: [peak], region: image.box)
  }

  /// The list's columns between those that every catalog begins with and the measured ones.
  private func joined(_ measured: Catalog, _ list: ReferenceList) throws -> Catalog {
    let first = try Schema.minimalSource().fields.count
    var (fields, columns): ([Field], [ColumnStorage]) = ([], [])
    func take(_ range: Range<Int>) {
      fields += measured.schema.fields[range]
      columns += range.map { measured.storage($0) }
    }
    take(0..<first)
    var names = Set(measured.schema.fields.map(\.name))
    for (index, field) in list.table.schema.fields.enumerated()
    where !list.ownColumns.contains(field.name) && keeps(field.name) {
      var name = field.name
      while !names.insert(name).inserted { name = "ref_" + name }
      fields.append(
        try Field(name, field.type, unit: field.unit, doc: field.doc.isEmpty ? "as it is listed" : field.doc))
      columns.append(list.table.storage(index))
    }
    take(first..<measured.schema.fields.count)
    var schema = try Schema(fields)
    for (alias, target) in measured.schema.aliases.sorted(by: { $0.key < $1.key }) {
      try schema.setAlias(alias, to: target)
    }
    return try Catalog(schema, rowCount: measured.rowCount, columns: columns)
  }

  private func keeps(_ name: String) -> Bool { config.keepColumns.contains("*") || config.keepColumns.contains(name) }
}
