// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources are to be used.

package import Catalogs

/// Which sources are to be used when each piece of sky shall count once (detection-measurement A.8.1): columns `detect_…`.
package struct PrimaryFlags: Sendable {
  private let isPrimary: Key<Bool>
  private let isDeblendedSource: Key<Bool>
  private let fromBlend: Key<Bool>
  private let isIsolated: Key<Bool>
  private let parent: Key<Int64>
  private let childCount: Key<Int32>?

  /// Adds the columns.
  ///
  /// - Parameter schema: with `parent`; with `deblend_nChild` where there is a deblender.
  /// - Throws: ``Catalogs/CatalogError``.
  package init(addingTo schema: inout Schema) throws(CatalogError) {
    isPrimary = try schema.addField(
      "detect_isPrimary", doc: "a source without children that is no sky source: the one to use")
    isDeblendedSource = try schema.addField("detect_isDeblendedSource", doc: "a source without children")
    fromBlend = try schema.addField("detect_fromBlend", doc: "deblended from a source with several peaks")
    isIsolated = try schema.addField("detect_isIsolated", doc: "a source of one peak that was never blended")
    parent = try schema.key("parent")
    childCount = try? schema.key("deblend_nChild")
  }

  /// Sets the flags of all rows.
  ///
  /// - Parameters:
  ///   - isSky: the flag of sky sources.
  ///   - blend: above 0 for sources whose parents are not in the catalog any more.
  package func set(in catalog: inout Catalog, isSky: Key<Bool>? = nil, blend: Key<Int32>? = nil) {
    for row in 0..<catalog.rowCount {
      let hasChildren = childCount.map { catalog[$0, row] > 0 } ?? false
      let isChild = catalog[parent, row] != 0 || blend.map { catalog[$0, row] > 0 } ?? false
      catalog[isDeblendedSource, row] = !hasChildren
      catalog[fromBlend, row] = isChild
      catalog[isIsolated, row] = !hasChildren && !isChild
      catalog[isPrimary, row] = !hasChildren && !(isSky.map { catalog[$0, row] } ?? false)
    }
  }
}
