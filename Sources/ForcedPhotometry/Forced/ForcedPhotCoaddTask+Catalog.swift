// SPDX-License-Identifier: GPL-3.0-or-later
// The rows that forced photometry fills.

package import Catalogs
package import Imaging
internal import Measurement
package import SkyGeometry
package import TaskFramework

/// Where the pixels of deblended sources come from.
package enum FootprintData: Sendable {
  /// A catalog with the reference's IDs whose heavy footprints are the deblender's models.
  case models(Catalog)
  /// A catalog with the reference's IDs whose heavy footprints are shares of the band's pixels.
  case deblended(Catalog)
}

extension ForcedPhotCoaddTask {
  /// Makes the catalog to measure: a row for each of the reference's, in its order, with the footprint of this band (detection-measurement C.5).
  ///
  /// - Parameters:
  ///   - exposureDataId: with tract, patch and, where the exposure knows its own, band.
  ///   - refCatInBand: the sources of the patch in this band; their footprints are taken where `footprintData` is `nil`.
  ///   - refWcs: of the reference's pixels.
  ///   - idPackerName: `tract_patch`, without the band: all bands of a patch share their IDs.
  ///   - idPacker: how tracts and patches become IDs.
  /// - Returns: the catalog, and the exposure's ID, from which random numbers start.
  /// - Throws: ``ForcedPhotometryError``: a reference with a source that the band's catalog does not have, an unknown packer, another band; ``Catalogs/CatalogError``.
  package func generateMeasCat(
    exposureDataId: DataID, exposure: Exposure, refCat: Catalog, refCatInBand: Catalog,
    refWcs: SkyWCS,
    idPackerName: String = "tract_patch", idPacker: SkyMapPacker,
    footprintData: FootprintData? = nil
  ) throws -> (measCat: Catalog, exposureID: Int64) {
    guard idPackerName == "tract_patch" else {
      throw ForcedPhotometryError.unknownPacker(idPackerName)
    }
    if let found = exposure.filter?.band, let expected = exposureDataId.name(.band),
      found != expected
    {
      throw ForcedPhotometryError.wrongBand(found: found, expected: expected)
    }
    try prepare(refCat.schema)
    let ids = try idGenerator(exposureDataId, idPacker)
    var catalog = try measurement.generateMeasCat(refCat, idFactory: ids.makeFactory())
    try attachFootprints(
      &catalog, refCat: refCat, refCatInBand: refCatInBand, exposure: exposure, refWcs: refWcs,
      footprintData: footprintData)
    return (catalog, ids.seed)
  }

  /// What gives sources of a patch their IDs (detection-measurement C.5.2).
  ///
  /// They are those of the reference in the end, as long as `copyColumns` copies its IDs.
  ///
  /// - Throws: ``Catalogs/CatalogError`` for a data ID that the sky map does not have.
  package func makeIdFactory(_ dataRef: any CoaddDataRef) throws -> IDFactory {
    try idGenerator(dataRef.dataID, dataRef.idPacker).makeFactory()
  }

  func idGenerator(_ dataID: DataID, _ packer: SkyMapPacker) throws -> IDGenerator {
    guard let tract = dataID.number(.tract), let patch = dataID.number(.patch) else {
      throw ForcedPhotometryError.missingInput("\(dataID) has no tract and patch to make IDs from")
    }
    return try IDGenerator(packer, tract: tract, patch: patch)
  }
}
