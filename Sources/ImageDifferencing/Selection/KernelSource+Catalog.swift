// SPDX-License-Identifier: GPL-3.0-or-later
// Sources for a kernel from a catalog of measurements.

package import Catalogs
internal import SkyGeometry

extension KernelSource {
  /// The sources of a catalog that was measured on the science image, but its sky sources.
  ///
  /// Centroid and PSF flux are those of the slots; whether a source is a star is asked of `base_ClassificationSizeExtendedness_value`, else of
  /// `base_ClassificationExtendedness_value`; blends are known by `parent`, `deblend_nChild` and `detect_isIsolated`,
  /// primary sources by `detect_isPrimary`. Columns that are not there speak against no source.
  ///
  /// - Returns: each with its row; rows without a finite centroid are left out.
  /// - Throws: ``Catalogs/CatalogError`` without the slots.
  package static func all(of catalog: Catalog) throws(CatalogError) -> [(row: Int, source: KernelSource)] {
    let schema = catalog.schema
    let (centroid, flux) = (try schema.centroidSlot(), try schema.fluxSlot(.psfFlux))
    let id: Key<Int64>? = try? schema.key("id")
    let parent: Key<Int64>? = try? schema.key("parent")
    let children: Key<Int32>? = try? schema.key("deblend_nChild")
    let isolated: Key<Bool>? = try? schema.key("detect_isIsolated")
    let primary: Key<Bool>? = try? schema.key("detect_isPrimary")
    let sky: Key<Bool>? = try? schema.key("sky_source")
    let extendedness: Key<Double>? =
      (try? schema.key("base_ClassificationSizeExtendedness_value"))
      ?? (try? schema.key("base_ClassificationExtendedness_value"))
    var result: [(row: Int, source: KernelSource)] = []
    for row in 0..<catalog.rowCount where sky.map({ catalog[$0, row] }) != true {
      let position: Point2D = catalog[centroid.position, row]
      guard position.isFinite else { continue }
      let signs = [
        parent.map { catalog[$0, row] == 0 }, children.map { catalog[$0, row] == 0 }, isolated.map { catalog[$0, row] },
      ].compactMap { $0 }
      result.append(
        (
          row,
          KernelSource(
            id: id.map { catalog[$0, row] } ?? Int64(row + 1), position: position, flux: catalog[flux.instFlux, row],
            fluxError: catalog[flux.instFluxErr, row], extendedness: extendedness.map { catalog[$0, row] },
            isIsolated: signs.isEmpty ? nil : !signs.contains(false), isPrimary: primary.map { catalog[$0, row] })
        ))
    }
    return result
  }
}
