// SPDX-License-Identifier: GPL-3.0-or-later
// Covariances of fluxes as a table.

package import Catalogs

extension FluxCovariance {
  /// A row a pair of sources, by their IDs: columns `id`, `other`, `covariance`.
  ///
  /// Covariances are of the fluxes as the catalog has them, with their aperture corrections.
  ///
  /// - Parameter sources: the catalog whose rows were solved for.
  /// - Throws: ``Catalogs/CatalogError`` for a catalog without IDs.
  package func table(_ sources: Catalog) throws(CatalogError) -> Catalog {
    var schema = Schema()
    let (id, other): (Key<Int64>, Key<Int64>) = (
      try schema.addField("id", doc: "a source"), try schema.addField("other", doc: "a source whose stamp it touches")
    )
    let covariance: Key<Double> = try schema.addField(
      "covariance", unit: "count^2", doc: "covariance of the two's joint_PsfFlux_instFlux")
    let ids: [Int64] = try sources.column("id")
    let corrections: [Double]? = try? sources.column("joint_PsfFlux_apCorr")
    // A flux that could not be corrected stays as it was.
    func factor(_ row: Int) -> Double { corrections.map { $0[row].isFinite ? $0[row] : 1 } ?? 1 }
    var table = Catalog(schema, rowCount: pairs.count)
    for (row, pair) in pairs.enumerated() {
      (table[id, row], table[other, row]) = (ids[pair.first], ids[pair.second])
      table[covariance, row] = pair.covariance * factor(pair.first) * factor(pair.second)
    }
    return table
  }
}
