// SPDX-License-Identifier: GPL-3.0-or-later
// Forced photometry by itself, from and to datasets.

package import Catalogs
package import Imaging
internal import Logging
internal import TaskFramework

extension ForcedPhotCoaddTask {
  /// The coadd to measure; `nil` when there is none.
  package func getExposure(_ dataRef: any CoaddDataRef) throws -> Exposure? {
    try dataRef.exposure(dataPrefix + "calexp")
  }

  /// The sources of the reference that overlap the exposure: what the subtask `references` loads.
  ///
  /// - Parameter exposure: not used, as in the reference's interface.
  package func fetchReferences(_ dataRef: any CoaddDataRef, _ exposure: Exposure) throws -> Catalog {
    try references.fetchInPatches(dataRef)
  }

  /// Reads, measures and writes one patch and band (detection-measurement C.4).
  ///
  /// A coadd that does not exist is no work: `nil`, with a warning.
  ///
  /// - Parameter psfCache: for people who migrate: PSFs need no cache here, so it does nothing.
  /// - Throws: what reading, ``run(_:exposure:refCat:refWcs:exposureID:)`` and writing throw.
  @discardableResult
  package func runDataRef(_ dataRef: any CoaddDataRef, psfCache: Int? = nil) throws
    -> ForcedPhotCoaddResult?
  {
    guard let exposure = try getExposure(dataRef) else {
      log.warning("there is no \(dataPrefix)calexp of \(dataRef.dataID): nothing is measured")
      return nil
    }
    let reference = try fetchReferences(dataRef, exposure)
    guard let inBand = try dataRef.catalog(dataPrefix + "meas") else {
      throw ForcedPhotometryError.missingDataset(
        "there is no \(dataPrefix)meas of \(dataRef.dataID)")
    }
    let (catalog, exposureID) = try generateMeasCat(
      exposureDataId: dataRef.dataID, exposure: exposure, refCat: reference, refCatInBand: inBand,
      refWcs: references.wcs(dataRef), idPacker: dataRef.idPacker,
      footprintData: try footprintData(dataRef))
    let result = try run(
      catalog, exposure: exposure, refCat: reference, refWcs: references.wcs(dataRef),
      exposureID: exposureID)
    try writeOutput(dataRef, result.measCat)
    return result
  }

  private func footprintData(_ dataRef: any CoaddDataRef) throws -> FootprintData? {
    guard let dataset = config.footprintDatasetName else { return nil }
    let type = dataPrefix + dataset.suffix
    guard let catalog = try dataRef.catalog(type) else {
      throw ForcedPhotometryError.missingDataset("there is no \(type) of \(dataRef.dataID)")
    }
    return dataset.footprintData(catalog)
  }

  /// Writes a forced catalog, without the footprints of deblended sources unless `doStripFootprints` is off.
  package func writeOutput(_ dataRef: any CoaddDataRef, _ sources: Catalog) throws {
    try dataRef.put(strippingFootprints(sources), dataPrefix + "forced_src")
  }

  /// Writes what the task found out.
  package func writeMetadata(_ dataRef: any CoaddDataRef) throws {
    try dataRef.put(fullMetadata(), dataPrefix + "forced_metadata")
  }

  /// A catalog as it is written: with `doStripFootprints` parents alone keep theirs (detection-measurement C.8).
  package func strippingFootprints(_ sources: Catalog) -> Catalog {
    guard config.doStripFootprints, let parent: Key<Int64> = try? sources.schema.key("parent")
    else { return sources }
    var result = sources
    for row in 0..<result.rowCount where result[parent, row] != 0 {
      result.setFootprint(nil, row: row)
    }
    return result
  }
}
