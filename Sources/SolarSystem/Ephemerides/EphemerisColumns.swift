// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of a table of ephemerides.

internal import Catalogs

/// The columns of a table of ephemerides, by the names that tables have for them.
struct EphemerisColumns {
  private let table: Catalog

  init(_ table: Catalog) { self.table = table }

  var rowCount: Int { table.rowCount }

  func has(_ name: String) -> Bool { table.firstColumn(of: [name]) != nil }

  /// The first of some columns that is there, in the unit that is wanted.
  ///
  /// - Throws: ``SolarSystemError`` when it holds no numbers.
  func numbers(_ names: [String], _ quantity: TableQuantity = .number) throws(SolarSystemError) -> [Double]? {
    guard let name = table.firstColumn(of: names) else { return nil }
    return try table.quantity(name, quantity, table: SolarSystemObjects.tableName)
  }

  /// Right ascension and declination, degrees.
  ///
  /// - Throws: ``SolarSystemError`` when there are none, or no places on the sky among them.
  func sky(_ ra: [String], _ dec: [String]) throws(SolarSystemError) -> (ra: [Double], dec: [Double]) {
    let result = (try requiredNumbers(ra, .degrees), try requiredNumbers(dec, .degrees))
    try table.checkSky(result.0, result.1, table: SolarSystemObjects.tableName)
    return result
  }

  /// - Throws: ``SolarSystemError/missingColumn(_:table:remedy:)``.
  func requiredNumbers(_ names: [String], _ quantity: TableQuantity = .number) throws(SolarSystemError) -> [Double] {
    guard let values = try numbers(names, quantity) else {
      throw .missingColumn(
        names[0], table: SolarSystemObjects.tableName,
        remedy:
          "positions are ra and dec in degrees, series obs_x_poly … obj_z_poly with tmin and tmax, states RATrue_deg and DecTrue_deg"
      )
    }
    return values
  }

  /// Three columns of numbers, `PREFIX` x, y, z `SUFFIX`; `nil` unless all are there.
  func vectors(_ prefix: String, _ suffix: String) throws(SolarSystemError) -> [SIMD3<Double>]? {
    guard let x = try numbers([prefix + "x" + suffix]), let y = try numbers([prefix + "y" + suffix]),
      let z = try numbers([prefix + "z" + suffix])
    else { return nil }
    return (0..<rowCount).map { SIMD3(x[$0], y[$0], z[$0]) }
  }

  /// Three columns of series.
  ///
  /// Text files have a column a coefficient: `obs_x_poly_0`, `obs_x_poly_1` and so on.
  ///
  /// - Throws: ``SolarSystemError/missingColumn(_:table:remedy:)``.
  func motion(_ prefix: String) throws(SolarSystemError) -> ChebyshevMotion {
    ChebyshevMotion(
      x: try series("\(prefix)_x_poly"), y: try series("\(prefix)_y_poly"), z: try series("\(prefix)_z_poly"))
  }

  private func series(_ name: String) throws(SolarSystemError) -> ChebyshevColumn {
    if let index = table.schema.index(of: name) {
      let (column, field) = (table.storage(index), table.schema.fields[index])
      let (count, factor) = (field.type.elementCount, TableQuantity.distance.factor(from: field.unit))
      switch field.type {
      case .float64Array where count > 0:
        return ChebyshevColumn(coefficients: column.doubles.map { $0 * factor }, count: count)
      case .float32Array where count > 0:
        return ChebyshevColumn(coefficients: column.floats.map { Double($0) * factor }, count: count)
      // A series of one coefficient.
      case .float32, .float64, .int32, .int64:
        return ChebyshevColumn(coefficients: (table.numbers(name) ?? []).map { $0 * factor }, count: 1)
      default:
        throw .missingColumn(
          name, table: SolarSystemObjects.tableName, remedy: "it is there and holds no arrays of float64 numbers")
      }
    }
    var terms: [[Double]] = []
    while let term = try numbers(["\(name)_\(terms.count)"], .distance) { terms.append(term) }
    guard !terms.isEmpty else {
      throw .missingColumn(
        name, table: SolarSystemObjects.tableName,
        remedy:
          "series have obs_x_poly, obs_y_poly, obs_z_poly, obj_x_poly, obj_y_poly and obj_z_poly, each an array of coefficients"
      )
    }
    return ChebyshevColumn(
      coefficients: (0..<rowCount).flatMap { row in terms.map { $0[row] } }, count: terms.count)
  }

  /// The first text of each row among some columns; `nil` when none of them holds text.
  private func text(_ names: [String]) -> [String]? {
    let columns = names.compactMap { table.firstColumn(of: [$0]) }.compactMap { name -> [String]? in
      guard let index = table.schema.index(of: name) else { return nil }
      if case .string = table.schema.fields[index].type {
        return table.storage(index).strings.map(\.withoutOuterBlanks)
      }
      return table.integers(name)?.map { "\($0)" }
    }
    guard !columns.isEmpty else { return nil }
    return (0..<rowCount).map { row in columns.lazy.map { $0[row] }.first { !$0.isEmpty } ?? "" }
  }

  private static let packed = ["packed_desig", "ObjID", "designation", "Name"]

  /// - Throws: ``SolarSystemError``.
  func ids() throws(SolarSystemError) -> [Int64] {
    var ids: [Int64] = []
    if let name = table.firstColumn(of: ["ssObjectId"]) {
      ids = try table.ids(name, table: SolarSystemObjects.tableName)
    } else {
      guard let names = text(Self.packed) else {
        throw .missingColumn(
          "ssObjectId", table: SolarSystemObjects.tableName,
          remedy: "give it, or designations in ObjID, packed_desig or Name")
      }
      for (row, name) in names.enumerated() {
        do throws(SolarSystemError) {
          ids.append(try PackedDesignation(name).ssObjectID())
        } catch {
          throw .invalidRow(table: SolarSystemObjects.tableName, row: row, reason: "\(error)")
        }
      }
    }
    if let row = ids.firstIndex(where: { $0 <= 0 }) {
      throw .invalidRow(
        table: SolarSystemObjects.tableName, row: row, reason: "ssObjectId is \(ids[row]); IDs of objects are positive")
    }
    try requireDifferent(ids, column: "ssObjectId", table: SolarSystemObjects.tableName)
    return ids
  }

  func designations(_ layout: SolarSystemObjects.Layout) -> [String] {
    let unpacked = "MPCORB_unpacked_primary_provisional_designation"
    let names = layout == .states ? ["ObjID", unpacked, "packed_desig"] : [unpacked, "ObjID", "designation", "Name"]
    return text(names) ?? Array(repeating: "", count: rowCount)
  }
}

/// - Throws: ``SolarSystemError/duplicates(table:column:ids:rows:)`` with all IDs that stand in several rows.
func requireDifferent(_ ids: [Int64], column: String, table: String) throws(SolarSystemError) {
  guard Set(ids).count < ids.count else { return }
  var rows: [Int64: [Int]] = [:]
  for (row, id) in ids.enumerated() { rows[id, default: []].append(row) }
  let twice = rows.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
  throw .duplicates(table: table, column: column, ids: twice.map(\.key), rows: twice.map(\.value))
}

extension Catalog {
  /// A column of IDs: whole numbers, or text or other numbers that say them.
  ///
  /// - Throws: ``SolarSystemError/invalidRow(table:row:reason:)``, ``SolarSystemError/missingColumn(_:table:remedy:)``.
  func ids(_ name: String, table: String) throws(SolarSystemError) -> [Int64] {
    if let whole = integers(name) { return whole }
    guard let index = schema.index(of: name) else {
      throw .missingColumn(name, table: table, remedy: "rows must have IDs")
    }
    var ids: [Int64] = []
    if case .string = schema.fields[index].type {
      for (row, text) in storage(index).strings.enumerated() {
        guard let id = Int64(text.withoutOuterBlanks) else {
          throw .invalidRow(
            table: table, row: row, reason: "\(name) is \"\(text.utf8Prefix(40))\"; it must be a whole number")
        }
        ids.append(id)
      }
      return ids
    }
    for (row, number) in (numbers(name) ?? []).enumerated() {
      // From 2⁵³ on neighbours have one float64.
      guard abs(number) < 0x1p53, let id = Int64(exactly: number) else {
        throw .invalidRow(
          table: table, row: row,
          reason: number.isNaN
            ? "it has no \(name)" : "\(name) is \(number); it must be a whole number that float64 can tell")
      }
      ids.append(id)
    }
    guard ids.count == rowCount else {
      throw .missingColumn(name, table: table, remedy: "it is there and holds no whole numbers")
    }
    return ids
  }
}
