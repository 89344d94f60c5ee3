// SPDX-License-Identifier: GPL-3.0-or-later
// The first version's columns.

internal import Catalogs

/// The columns that the first version of the reference's task had (framework B.7, V1).
enum FirstColumns {
  /// - Parameter associated: a table of ``AssociationColumns``.
  /// - Throws: ``Catalogs/CatalogError``.
  static func table(_ associated: Catalog) throws(CatalogError) -> Catalog {
    var schema = Schema()
    let id = try schema.addField("ssObjectId", as: Int64.self, doc: "ID of the object")
    func vector(_ name: String, _ doc: String) throws(CatalogError) -> [Key<Double>] {
      var keys: [Key<Double>] = []
      for axis in ["x", "y", "z"] {
        keys.append(
          try schema.addField("\(name)_\(axis)", unit: "AU", doc: "\(doc) as seen from the Sun, \(axis) (ICRS)"))
      }
      return keys
    }
    let observer = try vector("obs_position", "observer")
    let object = try vector("obj_position", "object")
    var copied: [(from: [Double], to: Key<Double>)] = []
    for (name, source, doc) in [
      ("ra", "ra", "right ascension of the source (ICRS)"), ("dec", "dec", "declination of the source (ICRS)"),
      ("expected_ra", "ephRa", "predicted right ascension (ICRS)"),
      ("expected_dec", "ephDec", "predicted declination (ICRS)"),
    ] {
      copied.append((try associated.column(source), try schema.addField(name, unit: "deg", doc: doc)))
    }
    let ids: [Int64] = try associated.column("ssObjectId")
    var result = Catalog(schema, rowCount: associated.rowCount)
    for (axis, name) in ["x", "y", "z"].enumerated() {
      let helio: [Double] = try associated.column("helio_\(name)")
      let topo: [Double] = try associated.column("topo_\(name)")
      for row in ids.indices {
        result[object[axis], row] = helio[row]
        result[observer[axis], row] = helio[row] - topo[row]
      }
    }
    for row in ids.indices {
      result[id, row] = ids[row]
      for (values, key) in copied { result[key, row] = values[row] }
    }
    return result
  }
}
