// SPDX-License-Identifier: GPL-3.0-or-later
// The same sources in every band.

package import Catalogs
package import Imaging
package import Measurement
package import SkyGeometry
package import TaskFramework

/// Measures the coadd of one band where the reference of its patch has its sources, so that colours mean something (detection-measurement C).
///
/// Every band's catalog has the rows, IDs and order of the reference. A deblended source is measured on its own share of the band's pixels; fluxes on the pixels as they are stand beside them under
/// `undeblended_`, and those of all neighbours solved together under `joint_` (``JointForcedTask``).
///
/// **Limit.** A source that was not found in this band but was blended with some that were gets only the pixels that the deblender left it: its deblended flux is no good upper limit. The undeblended flux
/// is one, and the joint one better.
package final class ForcedPhotCoaddTask: Task {
  package static let defaultName: String? = "forcedPhotCoadd"
  /// What the names of the dataset types begin with that ``runDataRef(_:psfCache:)`` reads and writes.
  package var dataPrefix: String { config.coaddName + "Coadd_" }
  package let node: TaskNode
  package let config: ForcedPhotCoaddConfig
  package let measurement: ForcedMeasurementTask
  package let references: any ReferencesTask
  private let applyApCorr: ApplyApCorrTask
  private let jointForced: JointForcedTask
  private var prepared: (reference: Schema, own: Schema)?

  /// In a pipeline: the columns of the reference are those of the init-input `inputSchema`, or those of the reference that is read.
  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    measurement = try node.makeSubtask("measurement")
    references = try node.makeSubtask("references")
    applyApCorr = try node.makeSubtask("applyApCorr")
    jointForced = try node.makeSubtask("jointForced")
    if let input = node.initInputs.value("inputSchema", as: Catalog.self) {
      try prepare(input.schema)
    }
  }

  /// By itself: the columns of the reference are the first that is given of the init-input `inputSchema`, `refSchema`, and what the subtask `references` has from the butler.
  ///
  /// - Throws: ``ForcedPhotometryError/missingInput(_:)`` when none is; what making the task throws.
  package convenience init(
    butler: (any SchemaSource)? = nil, refSchema: Schema? = nil,
    initInputs: InitInputs = InitInputs(),
    config: (any Config)? = nil, context: TaskContext = TaskContext()
  ) throws {
    try self.init(config: config, name: nil, context: context, initInputs: initInputs)
    guard prepared == nil else { return }
    guard let schema = try refSchema ?? butler.flatMap({ try references.schema($0) }) else {
      throw ForcedPhotometryError.missingInput(
        "the columns of the reference are not known; give refSchema, a butler that has its schema, or the init-input "
          + "inputSchema")
    }
    try prepare(schema)
  }

  /// The columns of the catalog; `nil` while those of the reference are unknown.
  package var schema: Schema? { prepared?.own }

  /// By the name of the catalog's dataset type, as the configuration's connections have it.
  package func schemaCatalogs() -> [String: Catalog] {
    let names = config.connections.values
    let type = names["measCat"] ?? (names["outputCoaddName"] ?? config.coaddName) + "Coadd_forced_src"
    return prepared.map { [type: Catalog($0.own)] } ?? [:]
  }

  /// Measures the sources of a catalog on an exposure.
  ///
  /// **Metadata.** `sourceCount`; those of the subtasks.
  ///
  /// - Parameters:
  ///   - measCat: as ``generateMeasCat(exposureDataId:exposure:refCat:refCatInBand:refWcs:idPackerName:idPacker:footprintData:)`` makes it: a row for each of the reference's, with footprints.
  ///   - exposure: as it is; its pixels are not changed.
  ///   - refCat: the reference: positions and shapes.
  ///   - refWcs: of its pixels.
  ///   - exposureID: what the noise in the place of other sources depends on.
  /// - Returns: `measCat`, measured.
  /// - Throws: ``Measurement/MeasurementError``, for a child without its parent, an exposure without a PSF; ``Imaging/ImagingError``; ``Catalogs/CatalogError``.
  package func run(
    _ measCat: Catalog, exposure: Exposure, refCat: Catalog, refWcs: SkyWCS, exposureID: Int64 = 0
  ) throws -> ForcedPhotCoaddResult {
    try timer("run") { () throws in
      try prepare(refCat.schema)
      var image = exposure
      try image.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
        for plane in MeasureMergedCoaddSourcesConfig.coaddMaskPlanes { try mask.addPlane(plane) }
      }
      var result = ForcedPhotCoaddResult(measCat: measCat)
      try measurement.run(
        &result.measCat, on: image, reference: refCat, referenceWCS: refWcs, exposureID: exposureID)
      if config.doJointForced {
        let childCount: Key<Int32>? = try? result.measCat.schema.key("deblend_nChild")
        let rows = result.measCat
        result.fluxCovariance = try jointForced.run(&result.measCat, on: image) { row in
          childCount.map { rows[$0, row] == 0 } ?? true
        }
      }
      if config.doApCorr {
        if let map = exposure.apCorrMap { applyApCorr.run(&result.measCat, map) }
      }
      try metadata.set("sourceCount", result.measCat.rowCount)
      return result
    }
  }

  /// Makes the columns for a reference.
  ///
  /// - Throws: ``Catalogs/CatalogError`` for a reference without the columns to copy.
  @discardableResult
  func prepare(_ reference: Schema) throws -> Schema {
    if let prepared, prepared.reference == reference { return prepared.own }
    let schema = try measurement.prepare(reference) { schema in
      if config.doJointForced { try jointForced.addFields(to: &schema) }
      if config.doApCorr { try applyApCorr.addFields(to: &schema) }
    }
    try measurement.config.slots.check(schema)
    prepared = (reference, schema)
    return schema
  }
}

/// What forced photometry of a coadd gives.
package struct ForcedPhotCoaddResult: Sendable {
  /// Row by row as the reference.
  package var measCat: Catalog
  /// Of the joint fluxes; `nil` without them.
  package var fluxCovariance: FluxCovariance?
}
