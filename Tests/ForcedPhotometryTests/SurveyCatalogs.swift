// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogs of a simulated survey, from its coadds to forced photometry.

import Catalogs
import ForcedPhotometry
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework

/// The whole chain, task after task, on all patches and bands of a survey.
struct SurveyCatalogs {
  struct Patch {
    let tract: TractInfo
    let info: PatchInfo
    let ids: IDGenerator
    /// Of all of these, by band.
    var calexps: [Exposure] = []
    var measured: [Catalog] = []
    var forced: [Catalog] = []
    let families: Catalog
    let reference: Catalog
  }

  let survey: ForcedSurvey
  let packer: SkyMapPacker
  private(set) var patches: [Patch] = []

  init(_ survey: ForcedSurvey) throws {
    self.survey = survey
    packer = try SkyMapPacker(survey.skyMap)
    for patch in survey.patches {
      let ids = try IDGenerator(packer, tract: Int64(patch.tract.id), patch: Int64(patch.info.index))
      let found = try patch.coadds.map { try DetectCoaddSourcesTask().run($0, idFactory: ids.makeFactory()) }
      let families = try MergeDetectionsTask().run(
        zip(ForcedSurvey.bands, found).map { ($0, $1.sources) }, wcs: patch.tract.wcs, box: patch.info.outerBox,
        idFactory: ids.makeFactory(), skySeed: ids.seed,
        mask: try Self.unitedMask(found.map(\.exposure.maskedImage.mask)))
      let measured = try found.map { band in
        try MeasureMergedCoaddSourcesTask().run(
          band.exposure, families: families,
          isPatchInner: { $0.pixel.map(patch.info.innerBox.contains) ?? false },
          isTractInner: { (try? survey.skyMap.findTractID($0)) == patch.tract.id }, exposureID: ids.seed
        ).sources
      }
      let reference = try MergeMeasurementsTask().run(zip(ForcedSurvey.bands, measured).map { ($0, $1) })
      var content = Patch(
        tract: patch.tract, info: patch.info, ids: ids, calexps: found.map(\.exposure), measured: measured,
        families: families, reference: reference)
      content.forced = try ForcedSurvey.bands.indices.map { try forced(content, band: $0, reference: reference) }
      patches.append(content)
    }
  }

  /// What is bad or a source in any band.
  private static func unitedMask(_ masks: [Mask]) throws -> Mask {
    var result = masks[0]
    for mask in masks.dropFirst() {
      for plane in mask.planes.planeNames { try result.addPlane(plane) }
      result.unite(try mask.conformed(to: result.planes).bits, pattern: .max)
    }
    return result
  }

  /// Forced photometry of a patch and band.
  ///
  /// - Parameter reference: of the patch, or with other positions.
  func forced(_ patch: Patch, band: Int, reference: Catalog, plugins: [String]? = nil) throws -> Catalog {
    var config = ForcedPhotCoaddConfig()
    config.doJointForced = true
    if let plugins {
      try config.measurement.update(ForcedMeasurementConfig.self) {
        try? $0.plugins.select(plugins)
        $0.slots.shape = nil
      }
    }
    let task = try ForcedPhotCoaddTask(refSchema: reference.schema, config: config)
    let (rows, id) = try task.generateMeasCat(
      exposureDataId: try DataID([
        .tract: .number(Int64(patch.tract.id)), .patch: .number(Int64(patch.info.index)),
        .band: .name(ForcedSurvey.bands[band]),
      ]),
      exposure: patch.calexps[band], refCat: reference, refCatInBand: patch.measured[band], refWcs: patch.tract.wcs,
      idPacker: packer)
    return try task.run(
      rows, exposure: patch.calexps[band], refCat: reference, refWcs: patch.tract.wcs, exposureID: id
    ).measCat
  }
}
