// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources are to be used.

package import Catalogs

/// Which sources are to be used when each piece of sky shall count once (detection-measurement A.8.1): columns `detect_…`.
package struct PrimaryFlags: Sendable {
  /// Whether something holds for a row of a catalog.
  package typealias Condition = (_ row: Int, _ catalog: Catalog) -> Bool

  private let isPrimary: Key<Bool>
  private let isDeblendedSource: Key<Bool>
  private let fromBlend: Key<Bool>
  private let isIsolated: Key<Bool>
  /// Of coadds alone.
  private let inner: (patch: Key<Bool>, tract: Key<Bool>)?
  private let parent: Key<Int64>
  private let childCount: Key<Int32>?

  /// Adds the columns.
  ///
  /// - Parameters:
  ///   - schema: with `parent`; with `deblend_nChild` where there is a deblender.
  ///   - inCoadds: also `detect_isPatchInner` and `detect_isTractInner`, which primary sources of overlapping coadds have.
  /// - Throws: ``Catalogs/CatalogError``.
  package init(addingTo schema: inout Schema, inCoadds: Bool = false) throws(CatalogError) {
    inner =
      inCoadds
      ? (
        try schema.addField(
          "detect_isPatchInner", doc: "in the inner part of its patch, which no other patch of the tract has"),
        try schema.addField(
          "detect_isTractInner", doc: "in the inner part of its tract, which no other tract has")
      ) : nil
    isPrimary = try schema.addField(
      "detect_isPrimary",
      doc: "a source without children that is no sky source"
        + (inCoadds ? ", in the inner part of patch and tract" : "")
        + ": the one to use")
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
    set(
      in: &catalog, isSky: { row, catalog in isSky.map { catalog[$0, row] } ?? false }, blend: blend,
      isPatchInner: { _, _ in true }, isTractInner: { _, _ in true })
  }

  /// Sets the flags of all rows of a coadd's catalog.
  ///
  /// - Parameters:
  ///   - isSky: whether a source was placed, and found in no band.
  ///   - blend: above 0 for sources whose parents are not in the catalog any more.
  ///   - isPatchInner: whether a source is in its patch's inner part; one without a position is not.
  ///   - isTractInner: whether it is in its tract's.
  package func set(
    in catalog: inout Catalog, isSky: Condition, blend: Key<Int32>? = nil, isPatchInner: Condition,
    isTractInner: Condition
  ) {
    for row in 0..<catalog.rowCount {
      let hasChildren = childCount.map { catalog[$0, row] > 0 } ?? false
      let isChild = catalog[parent, row] != 0 || blend.map { catalog[$0, row] > 0 } ?? false
      let (inPatch, inTract) = (isPatchInner(row, catalog), isTractInner(row, catalog))
      if let inner { (catalog[inner.patch, row], catalog[inner.tract, row]) = (inPatch, inTract) }
      catalog[isDeblendedSource, row] = !hasChildren
      catalog[fromBlend, row] = isChild
      catalog[isIsolated, row] = !hasChildren && !isChild
      catalog[isPrimary, row] = !hasChildren && !isSky(row, catalog) && inPatch && inTract
    }
  }
}
