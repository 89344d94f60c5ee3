// SPDX-License-Identifier: GPL-3.0-or-later
// Sources to measure, as a person lists them.

package import Catalogs
package import Imaging
package import Repository
package import SkyGeometry

/// Sources to measure on an exposure, as a person lists them: positions, IDs and whatever else is known of them.
package struct ReferenceList: Sendable {
  /// As the file has it.
  package let table: Catalog
  /// One a row, all different.
  package let ids: [Int64]
  /// Whether the file's are names, and these are numbers of rows.
  package let areNamed: Bool
  /// The columns that positions are from.
  package let positionColumns: [String]
  /// The columns that ``reference()`` says the same as.
  let ownColumns: Set<String>
  /// NaN where there is none on this exposure's pixels.
  package let pixels: [Point2D]
  package let sky: [SpherePoint]
  /// Whether the list gives a position, wherever that is.
  package let isGiven: [Bool]
  package let digest: FileDigest

  package var rowCount: Int { table.rowCount }

  /// Reads a list: CSV, a binary table of FITS, or a catalog of ours.
  ///
  /// - Parameters:
  ///   - pixelCount: asks for positions on pixels also where the list has some on the sky.
  ///   - exposureFile: the exposure's name, for messages.
  /// - Throws: ``IngestError``, ``Repository/CSVError`` for what the list lacks or says twice; and what reading throws.
  package init(_ path: String, on exposure: Exposure, exposureFile: String, pixelCount: PixelCount? = nil) throws {
    let file = try ListedTable(path)
    let positions = try ReferencePositions(
      file, on: exposure, exposureFile: exposureFile, pixelCount: pixelCount)
    let idColumn = file.name(of: "id")
    let numbers = try idColumn.flatMap { try Self.numbers($0, file) }
    (table, digest) = (file.catalog, file.digest)
    ids = numbers ?? (0..<file.catalog.rowCount).map { Int64($0) + 1 }
    areNamed = idColumn != nil && numbers == nil
    positionColumns = positions.names
    (pixels, sky, isGiven) = (positions.pixels, positions.sky, positions.isGiven)
    var own: Set<String> = numbers == nil ? [] : Set(idColumn.map { [$0] } ?? [])
    own.formUnion(positions.names.filter { $0 == "coord_ra" || $0 == "coord_dec" })
    ownColumns = own
  }

  /// IDs as numbers.
  ///
  /// - Returns: `nil` for names, which are checked all the same.
  private static func numbers(_ name: String, _ file: ListedTable) throws -> [Int64]? {
    let index = file.catalog.schema.index(of: name) ?? 0
    let column = file.catalog.storage(index)
    if case .string = file.catalog.schema.fields[index].type {
      if let row = column.strings.firstIndex(where: \.isEmpty) { throw file.failure(row: row, "it has no \(name)") }
      try requireDifferent(column.strings, name, file)
      return nil
    }
    var ids = column.int64s
    if ids.isEmpty {
      for (row, number) in try file.numbers(name).enumerated() {
        guard !number.isNaN else { throw file.failure(row: row, "it has no \(name)") }
        // From 2⁵³ on neighbours have one float64.
        guard abs(number) < 0x1p53, let id = Int64(exactly: number) else {
          throw file.failure(row: row, "\(name) is \(number); it must be a whole number")
        }
        ids.append(id)
      }
    }
    try requireDifferent(ids, name, file)
    return ids
  }

  private static func requireDifferent<ID: Hashable>(_ ids: [ID], _ name: String, _ file: ListedTable) throws {
    guard Set(ids).count < ids.count else { return }
    var rows: [ID: [Int]] = [:]
    for (row, id) in ids.enumerated() { rows[id, default: []].append(row) }
    // In the order of the list.
    let twice = ids.indices.filter { rows[ids[$0]].map { $0.count > 1 } == true && rows[ids[$0]]?.first == $0 }
    let shown = twice.prefix(5).map { row in
      let places = file.places(of: Array((rows[ids[row]] ?? []).prefix(4)))
      return "\(ids[row]) (\(places.joined(separator: ", ")))"
    }
    throw IngestError(
      file: file.file,
      reason: "column \(name) must tell rows apart, and several have "
        + shown.joined(separator: "; ") + (twice.count > 5 ? "; and \(twice.count - 5) more" : ""))
  }

  /// Whether the row's position is on an exposure's pixels.
  package func isOn(_ box: Box2I, row: Int) -> Bool { pixels[row].pixel.map(box.contains) ?? false }

  /// The columns of every reference.
  static func referenceSchema() throws(CatalogError) -> Schema {
    var schema = try Schema.minimalSource()
    _ = try PointKey(adding: "given", to: &schema, doc: "position as it is listed")
    try schema.addField("given_flag", as: Bool.self, doc: "there is no position on this exposure")
    try schema.setSlot(.centroid, to: "given")
    return schema
  }

  /// The list as a reference for a forced measurement: `id`, `coord_ra`, `coord_dec` and a centroid slot, flagged where there is no position.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  package func reference() throws(CatalogError) -> Catalog {
    let schema = try Self.referenceSchema()
    let id: Key<Int64> = try schema.key("id")
    let coord = try CoordKey(in: schema)
    let centroid = try PointKey("given", in: schema)
    let flag: Key<Bool> = try schema.key("given_flag")
    var result = Catalog(schema, rowCount: rowCount)
    for row in 0..<rowCount {
      result[id, row] = ids[row]
      result[coord, row] = sky[row]
      result[centroid, row] = pixels[row]
      result[flag, row] = !pixels[row].isFinite
    }
    return result
  }
}
