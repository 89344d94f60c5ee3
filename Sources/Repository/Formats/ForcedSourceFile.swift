// SPDX-License-Identifier: GPL-3.0-or-later
// Forced sources in files.

package import Catalogs
package import HDF5

/// Sources of a forced measurement: a catalog, and how the fluxes of neighbours depend on each other.
///
/// The file is that of a catalog, and whoever reads catalogs can read it. Beside it is `/fluxCovariance`, a table with a row a pair of sources.
package struct ForcedSourceCatalog: Sendable, Hashable {
  package var sources: Catalog
  /// `nil` where fluxes were not solved for together.
  package var fluxCovariance: Catalog?

  package init(_ sources: Catalog, fluxCovariance: Catalog? = nil) {
    self.sources = sources
    self.fluxCovariance = fluxCovariance
  }
}

extension ForcedSourceCatalog: DatasetContent {
  package static let formatName = Catalog.formatName
  package static let formatVersion = Catalog.formatVersion
  private static let tableName = "fluxCovariance"

  package func write(to root: HDF5Group) throws {
    try sources.write(to: root)
    if let fluxCovariance { try fluxCovariance.writeTable(to: root, Self.tableName) }
  }

  package static func read(from root: HDF5Group) throws -> ForcedSourceCatalog {
    ForcedSourceCatalog(
      try Catalog.read(from: root),
      fluxCovariance: root.contains(tableName)
        ? try Catalog(reading: tableName, in: root, withFootprints: false) : nil)
  }
}
