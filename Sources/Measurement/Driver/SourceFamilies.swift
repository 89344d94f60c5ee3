// SPDX-License-Identifier: GPL-3.0-or-later
// Which sources were deblended from which.

internal import Catalogs

/// Which sources of a catalog were deblended from which others of it, as its columns `id` and `parent` say.
struct SourceFamilies: Sendable {
  /// The row of each source's parent; `nil` for a source without one, or whose parent is not in the catalog.
  let parents: [Int?]

  init(_ catalog: Catalog) {
    let count = catalog.rowCount
    guard let id = try? catalog.schema.key("id", as: Int64.self),
      let parent = try? catalog.schema.key("parent", as: Int64.self)
    else {
      parents = Array(repeating: nil, count: count)
      return
    }
    var rows: [Int64: Int] = [:]
    for row in 0..<count where rows[catalog[id, row]] == nil { rows[catalog[id, row]] = row }
    parents = (0..<count).map { row in
      let its = catalog[parent, row]
      return its == 0 ? nil : rows[its]
    }
  }

  /// Whether every source's line of parents is in its catalog, up to one without a parent (detection-measurement C.7).
  ///
  /// - Throws: ``ForcedMeasurementError/missingParent(child:parent:)``, ``ForcedMeasurementError/circularParents(id:)``, of the first such row.
  static func check(_ catalog: Catalog) throws(ForcedMeasurementError) {
    guard let id = try? catalog.schema.key("id", as: Int64.self),
      let parent = try? catalog.schema.key("parent", as: Int64.self)
    else { return }
    let parents = SourceFamilies(catalog).parents
    for row in 0..<catalog.rowCount where catalog[parent, row] != 0 && parents[row] == nil {
      throw .missingParent(child: catalog[id, row], parent: catalog[parent, row])
    }
    // The row whose line each was first met in: a line that meets itself is a circle, and what another line was in is none.
    var visitors = [Int?](repeating: nil, count: catalog.rowCount)
    for start in 0..<catalog.rowCount {
      var next: Int? = start
      while let row = next {
        if visitors[row] == start { throw .circularParents(id: catalog[id, row]) }
        if visitors[row] != nil { break }
        visitors[row] = start
        next = parents[row]
      }
    }
  }
}
