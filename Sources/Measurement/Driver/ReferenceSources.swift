// SPDX-License-Identifier: GPL-3.0-or-later
// Where the positions of a forced measurement come from.

package import Catalogs
package import SkyGeometry

/// The sources whose positions a forced measurement takes: row i of the measured catalog is row i here.
package struct ReferenceSources: Sendable {
  package let catalog: Catalog
  /// Of the image that the reference was measured on; `nil` for the pixels that are measured now.
  package let wcs: SkyWCS?
  /// `nil` when the reference has no centroid slot.
  package let centroid: CentroidSlot?

  package init(_ catalog: Catalog, wcs: SkyWCS?) {
    self.catalog = catalog
    self.wcs = wcs
    centroid = try? catalog.schema.centroidSlot()
  }
}
