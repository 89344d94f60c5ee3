// SPDX-License-Identifier: GPL-3.0-or-later
// Association of one exposure's sources.

package import Catalogs
package import Imaging
package import TaskFramework

/// Associates the sources of one exposure with known objects of the solar system (framework B.2; the seed's methods).
package final class SsSingleFrameAssociationTask: Task {
  package static let defaultName: String? = "ssSingleFrameAssociation"
  package let node: TaskNode
  package let config: SsSingleFrameAssociationConfig
  package let solarSystemAssociator: SolarSystemAssociationTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    solarSystemAssociator = try node.makeSubtask("solarSystemAssociator")
  }

  /// Associates the sources of an exposure.
  ///
  /// - Parameters:
  ///   - exposure: with its WCS, the time of its midpoint, and a photometric calibration if fluxes are to be in nJy.
  ///   - sourceTable: sources of the exposure or of its difference, as measured or calibrated (``SourceTable``).
  ///   - band: in which the sources were found; must be the exposure's, when that has one.
  ///   - solarSystemObjectTable: ephemerides (``SolarSystemObjects``).
  /// - Throws: ``TaskFramework/NoWorkFound`` without ephemerides; ``SolarSystemError`` for IDs that stand twice, a band that is not the exposure's and what the tables or the exposure lack.
  package func run(
    exposure: Exposure, sourceTable: Catalog, band: String?, solarSystemObjectTable: Catalog? = nil
  ) throws -> SolarSystemAssociationResult {
    guard let solarSystemObjectTable else { throw NoWorkFound("no ephemerides were preloaded for the exposure") }
    if let band, let own = exposure.filter?.band, own != band {
      throw SolarSystemError.wrongBand(found: own, expected: band)
    }
    let sources = try SourceTable(sourceTable, exposure: exposure, band: band)
    if exposure.photoCalib == nil, sourceTable.schema.contains("coord_ra"),
      !sourceTable.schema.contains("base_LocalPhotoCalib")
    {
      warn("the exposure has no photometric calibration, so fluxes in nJy are NaN")
    }
    if sourceTable.schema.contains("coord_ra"), !sources.table.schema.contains("psfFlux") {
      warn("the sources have no PSF flux (slot_PsfFlux or base_PsfFlux), so the tables have none either")
    }
    return try solarSystemAssociator.run(
      sources, objects: try SolarSystemObjects(solarSystemObjectTable), exposure: exposure)
  }

  /// The table of associated sources alone.
  ///
  /// - Throws: as ``run(exposure:sourceTable:band:solarSystemObjectTable:)``.
  package func associateSources(
    sourceTable: Catalog, solarSystemObjectTable: Catalog, exposure: Exposure
  ) throws -> Catalog {
    try run(
      exposure: exposure, sourceTable: sourceTable, band: exposure.filter?.band,
      solarSystemObjectTable: solarSystemObjectTable
    ).associatedSsSources
  }
}
