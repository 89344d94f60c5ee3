// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogs of a simulated survey, from its coadds to forced photometry.

import Catalogs
import ForcedPhotometry
import Imaging
import Measurement
import SkyGeometry
import TaskFramework

/// The whole chain, task after task, on all patches and bands of a survey.
struct SurveyCatalogs {
  struct Patch {
    let tract: TractInfo
    let info: PatchInfo
    let families: Catalog
    let reference: Catalog
    /// By band, as all that follow.
    let calexps: [Exposure]
    let measured: [Catalog]
    var forced: [Catalog] = []
  }

  let survey: ForcedSurvey
  private let packer: SkyMapPacker
  private(set) var patches: [Patch] = []

  init(_ survey: ForcedSurvey) throws {
    self.survey = survey
    packer = try SkyMapPacker(survey.skyMap)
    for patch in survey.patches {
      var made = try self.patch(patch)
      made.forced = try ForcedSurvey.bands.indices.map { try forced(made, band: $0, reference: made.reference) }
      patches.append(made)
    }
  }

  /// All but the forced catalogs.
  private func patch(_ patch: ForcedSurvey.Patch) throws -> Patch {
    let ids = try IDGenerator(packer, tract: Int64(patch.tract.id), patch: Int64(patch.info.index))
    let found = try patch.coadds.map { try DetectCoaddSourcesTask().run($0, idFactory: ids.makeFactory()) }
    let families = try MergeDetectionsTask().run(
      zip(ForcedSurvey.bands, found).map { ($0, $1.sources) }, wcs: patch.tract.wcs, box: patch.info.outerBox,
      idFactory: ids.makeFactory(), skySeed: ids.seed,
      mask: try Self.union(found.map(\.exposure.maskedImage.mask)))
    let measured = try found.map { band in
      try MeasureMergedCoaddSourcesTask().run(
        band.exposure, families: families, isPatchInner: { $0.pixel.map(patch.info.innerBox.contains) ?? false },
        isTractInner: { (try? survey.skyMap.findTractID($0)) == patch.tract.id }, exposureID: ids.seed
      ).sources
    }
    let reference = try MergeMeasurementsTask().run(zip(ForcedSurvey.bands, measured).map { ($0, $1) })
    return Patch(
      tract: patch.tract, info: patch.info, families: families, reference: reference,
      calexps: found.map(\.exposure), measured: measured)
  }

  /// What is bad, or a source, in any band.
  private static func union(_ masks: [Mask]) throws -> Mask {
    var result = masks[0]
    for mask in masks.dropFirst() {
      for plane in mask.planes.planeNames { try result.addPlane(plane) }
      result.unite(try mask.conformed(to: result.planes).bits, pattern: .max)
    }
    return result
  }

  /// Forced photometry of a patch and band.
  ///
  /// - Parameters:
  ///   - reference: of the patch, or the same sources at other positions.
  ///   - plugins: the measurements; those of the configuration when left out.
  func forced(_ patch: Patch, band: Int, reference: Catalog, plugins: [String]? = nil) throws -> Catalog {
    var config = ForcedPhotCoaddConfig()
    config.doJointForced = true
    try config.measurement.update(ForcedMeasurementConfig.self) { config in
      guard let plugins else { return }
      try? config.plugins.select(plugins)
      config.slots.shape = nil
    }
    let task = try ForcedPhotCoaddTask(refSchema: reference.schema, config: config)
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try DataID([
        .tract: .number(Int64(patch.tract.id)), .patch: .number(Int64(patch.info.index)),
        .band: .name(ForcedSurvey.bands[band]),
      ]),
      exposure: patch.calexps[band], refCat: reference, refCatInBand: patch.measured[band],
      refWcs: patch.tract.wcs, idPacker: packer)
    return try task.run(
      rows, exposure: patch.calexps[band], refCat: reference, refWcs: patch.tract.wcs, exposureID: id
    ).measCat
  }
}
