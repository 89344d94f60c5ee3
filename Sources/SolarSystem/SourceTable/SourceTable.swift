// SPDX-License-Identifier: GPL-3.0-or-later
// Sources with calibrated values.

package import Catalogs
package import Imaging
internal import SkyGeometry

/// Sources with calibrated values: positions in degrees, fluxes in nJy, flags under the names of the DiaSource table.
///
/// A catalog of measured sources (`coord_ra`, `coord_dec`), of a single frame or a difference, is transformed by ``SourceColumn/all``, and `base_PixelFlags_flag_X` becomes `pixelFlags_X`. A table
/// that has `ra` and `dec` in degrees is taken for calibrated and kept as it is. Each gets `midpointMjdTai`, `band` and `ssObjectId`.
package struct SourceTable: Sendable {
  /// One row a source, in the order given; `ssObjectId` is 0.
  package private(set) var table: Catalog
  /// The name of the ID's column: `diaSourceId`, else `id`.
  package let idColumn: String
  package let ids: [Int64]
  /// On which they were found; -1 when nobody knows.
  let detector: Int64
  let ra: [Double]
  let dec: [Double]
  /// Standard errors along right ascension and declination, arcseconds; 0 where there are none.
  let errors: [(ra: Double, dec: Double)]

  static let name = "sources"

  /// - Throws: ``SolarSystemError`` for a column that is missing or an ID that stands twice; ``Catalogs/CatalogError``.
  package init(_ sources: Catalog, exposure: Exposure, band: String?) throws {
    let isMeasured = sources.schema.contains("coord_ra") && sources.schema.contains("coord_dec")
    // Who is who is about to be found out; what a table says of it may be of any type.
    var table = try (isMeasured ? Self.transformed(sources, exposure) : sources).removing("ssObjectId")
    var schema = table.schema
    var idColumn = table.firstColumn(of: ["diaSourceId", "id", "sourceId"])
    let isNumbered = idColumn == nil
    if isNumbered {
      try schema.addField("id", as: Int64.self, doc: "number of the row in the list")
      idColumn = "id"
    }
    let name = idColumn ?? "id"
    let (time, filter) = (exposure.visitInfo?.mjdTAI, band ?? exposure.filter?.band ?? "")
    func isMissing(_ name: String) -> Bool { table.firstColumn(of: [name]) == nil }
    for (name, doc) in [("visit", "number of the visit"), ("detector", "number of the detector")] where isMissing(name)
    {
      try schema.addField(name, as: Int64.self, doc: doc + "; -1 when nobody knows")
    }
    if isMissing("midpointMjdTai") {
      try schema.addField("midpointMjdTai", as: Double.self, unit: "d", doc: "midpoint of the exposure, MJD (TAI)")
    }
    detector = exposure.detector.map { Int64($0.id) } ?? -1
    let filterLength = max(8, filter.utf8.count)
    if isMissing("band") {
      try schema.addField("band", .string(length: filterLength), as: String.self, doc: "band of the exposure")
    }
    try schema.addField(
      "ssObjectId", as: Int64.self, doc: "ID of the object of the solar system that this is; 0 for none")
    let added = Set(schema.fields.map(\.name)).subtracting(table.schema.fields.map(\.name))
    table = try table.widened(to: schema)
    if isNumbered {
      let key = try schema.key(name, as: Int64.self)
      for row in 0..<table.rowCount { table[key, row] = Int64(row) + 1 }
    }
    let numbers = [("visit", exposure.visitInfo?.id ?? -1), ("detector", detector)]
    for (name, number) in numbers where added.contains(name) {
      let key = try schema.key(name, as: Int64.self)
      for row in 0..<table.rowCount { table[key, row] = number }
    }
    if added.contains("midpointMjdTai"), let time {
      let key = try schema.key("midpointMjdTai", as: Double.self)
      for row in 0..<table.rowCount { table[key, row] = time }
    }
    if added.contains("band") {
      let key = try schema.key("band", as: String.self)
      for row in 0..<table.rowCount { table[key, row] = filter }
    }
    let ids = try table.ids(name, table: Self.name)
    try requireDifferent(ids, column: name, table: Self.name)
    func degrees(_ names: [String]) throws -> [Double] {
      guard let column = table.firstColumn(of: names),
        let values = try table.quantity(column, .degrees, table: Self.name)
      else {
        throw SolarSystemError.missingColumn(
          names[0], table: Self.name,
          remedy: "positions are coord_ra and coord_dec of a catalog, or ra and dec in degrees")
      }
      return values
    }
    let (ra, dec) = (try degrees(["ra"]), try degrees(["dec", "decl"]))
    try table.checkSky(ra, dec, table: Self.name)
    if let own = try? table.column("band", as: String.self).first(where: { !$0.isEmpty }), !filter.isEmpty,
      own != filter
    {
      throw SolarSystemError.wrongBand(found: filter, expected: own)
    }
    self.idColumn = name
    self.ids = ids
    (self.ra, self.dec) = (ra, dec)
    let (raErr, decErr) = (table.numbers("raErr"), table.numbers("decErr"))
    errors = ids.indices.map { row in
      func arcseconds(_ values: [Double]?) -> Double {
        values.map { $0[row] > 0 && $0[row].isFinite ? $0[row] * 3600 : 0 } ?? 0
      }
      return (arcseconds(raErr), arcseconds(decErr))
    }
    self.table = table
  }

  var positions: [SpherePoint] { ids.indices.map { SpherePoint(raDegrees: ra[$0], decDegrees: dec[$0]) } }

  /// Whether a row may be an object: not what was placed on empty sky, no blend that was split, no hole, and at a place.
  ///
  /// - Parameter flags: rows with any of these flags may not be; those that the table lacks are ignored.
  /// - Throws: ``SolarSystemError/missingColumn(_:table:remedy:)`` for one that is there and is no flag.
  func candidates(without flags: [String]) throws(SolarSystemError) -> [Int] {
    var isExcluded = ids.indices.map { !(ra[$0].isFinite && dec[$0].isFinite) }
    for name in flags where table.schema.contains(name) {
      for (row, isSet) in try flag(name).enumerated() where isSet { isExcluded[row] = true }
    }
    if let children = table.numbers("nChild") {
      for row in ids.indices where children[row] > 0 { isExcluded[row] = true }
    }
    return ids.indices.filter { !isExcluded[$0] }
  }

  /// A column of flags, or of numbers that are 0 or not.
  private func flag(_ name: String) throws(SolarSystemError) -> [Bool] {
    if let key = try? table.schema.key(name, as: Bool.self) { return table.column(key) }
    guard let numbers = table.numbers(name) else {
      throw .missingColumn(
        name, table: Self.name, remedy: "it is there and holds neither true and false nor numbers (excludedFlags)")
    }
    return numbers.map { $0.isFinite && $0 != 0 }
  }

  /// Writes which object each source is.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  mutating func associate(_ objects: [(row: Int, ssObjectID: Int64)]) throws(CatalogError) {
    let key = try table.schema.key("ssObjectId", as: Int64.self)
    for (row, id) in objects { table[key, row] = id }
  }

  // MARK: - Calibration

  private static func transformed(_ sources: Catalog, _ exposure: Exposure) throws -> Catalog {
    let calibration = FluxCalibration(sources, exposure)
    var schema = Schema()
    var columns: [ColumnStorage] = []
    func add(_ name: String, _ type: FieldType, unit: String = "", doc: String, _ column: ColumnStorage) throws {
      try schema.add(try Field(name, type, unit: unit, doc: doc))
      columns.append(column)
    }
    func numbers(_ values: [Double]) -> ColumnStorage {
      var column = ColumnStorage()
      column.set(doubles: values)
      return column
    }
    // Sources of differences have IDs of their own kind.
    let id = sources.schema.contains("is_negative") ? "diaSourceId" : "id"
    guard let index = sources.schema.index(of: "id") else {
      throw SolarSystemError.missingColumn("id", table: name, remedy: "a catalog of sources begins with it")
    }
    try add(id, sources.schema.fields[index].type, doc: "unique ID of the source", sources.storage(index))
    for (name, input) in [("ra", "coord_ra"), ("dec", "coord_dec")] {
      guard let index = sources.schema.index(of: input), let values = sources.numbers(input) else {
        throw SolarSystemError.missingColumn(input, table: Self.name, remedy: "it is there and holds no numbers")
      }
      let factor = sources.schema.fields[index].unit == "rad" ? 180 / Double.pi : 1
      try add(name, .float64, unit: "deg", doc: "position (ICRS)", numbers(values.map { $0 * factor }))
    }
    for column in SourceColumn.all {
      guard let input = column.inputs.first(where: { sources.schema.contains($0) }),
        let index = sources.schema.index(of: input)
      else { continue }
      switch column.origin {
      case .same:
        let field = sources.schema.fields[index]
        guard column.unit == "deg", field.unit == "rad", let values = sources.numbers(input) else {
          try add(column.name, field.type, unit: field.unit, doc: column.doc, sources.storage(index))
          continue
        }
        try add(column.name, .float64, unit: "deg", doc: column.doc, numbers(values.map { $0 * 180 / .pi }))
      case .nanojansky:
        guard let values = sources.numbers(input) else { continue }
        try add(
          column.name, .float64, unit: column.unit, doc: column.doc,
          numbers(values.indices.map { values[$0] * calibration.factor(row: $0) }))
      case .signalToNoise:
        guard let values = sources.numbers(input), let errors = sources.numbers(input + "Err") else { continue }
        try add(
          column.name, .float64, unit: column.unit, doc: column.doc, numbers(zip(values, errors).map { abs($0) / $1 }))
      }
    }
    let prefix = "base_PixelFlags_flag_"
    for (i, field) in sources.schema.fields.enumerated() where field.name.hasPrefix(prefix) && field.type == .flag {
      try add(
        "pixelFlags_" + field.name.dropFirst(prefix.count), .flag, doc: field.doc, sources.storage(i))
    }
    return try Catalog(schema, rowCount: sources.rowCount, columns: columns)
  }
}

/// What counts of a source are worth.
private struct FluxCalibration {
  private let photoCalib: PhotoCalib?
  private let local: [Double]?
  private let (x, y): ([Double]?, [Double]?)

  init(_ sources: Catalog, _ exposure: Exposure) {
    photoCalib = exposure.photoCalib
    local = sources.numbers("base_LocalPhotoCalib")
    let names = ["slot_Centroid", "base_SdssCentroid"]
    x = names.lazy.compactMap { sources.numbers($0 + "_x") }.first
    y = names.lazy.compactMap { sources.numbers($0 + "_y") }.first
  }

  /// nJy a count at a source's place; NaN when nobody knows.
  func factor(row: Int) -> Double {
    guard let photoCalib else { return local?[row] ?? .nan }
    guard let x, let y, x[row].isFinite, y[row].isFinite else { return photoCalib.mean }
    return photoCalib.calibration(at: Point2D(x: x[row], y: y[row]))
  }
}

extension Catalog {
  /// The table without a column, if it has that.
  fileprivate func removing(_ name: String) throws(CatalogError) -> Catalog {
    guard let index = firstColumn(of: [name]).flatMap({ schema.index(of: $0) }) else { return self }
    var fields = schema.fields
    fields.remove(at: index)
    return try Catalog(
      try Schema(fields), rowCount: rowCount, columns: schema.fields.indices.filter { $0 != index }.map { storage($0) })
  }
}
