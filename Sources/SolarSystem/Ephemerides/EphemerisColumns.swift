// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of a table of ephemerides.

internal import Catalogs

/// The columns of a table of ephemerides, by the names that tables have for them.
struct EphemerisColumns {
  private let table: Catalog

  init(_ table: Catalog) { self.table = table }

  var rowCount: Int { table.rowCount }

  func has(_ name: String) -> Bool { table.firstColumn(of: [name]) != nil }

  /// The first of some columns that is there and holds numbers.
  func numbers(_ names: [String]) -> [Double]? { table.firstColumn(of: names).flatMap { table.numbers($0) } }

  /// - Throws: ``SolarSystemError/missingColumn(_:table:remedy:)``.
  func requiredNumbers(_ names: [String]) throws(SolarSystemError) -> [Double] {
    guard let values = numbers(names) else {
      throw .missingColumn(
        names[0], table: SolarSystemObjects.tableName,
        remedy: "positions are ra and dec in degrees, series obs_x_poly … obj_z_poly, states RATrue_deg and DecTrue_deg")
    }
    return values
  }

  /// Three columns of numbers, `PREFIX` x, y, z `SUFFIX`; `nil` unless all are there.
  func vectors(_ prefix: String, _ suffix: String) -> [SIMD3<Double>]? {
    guard let x = numbers([prefix + "x" + suffix]), let y = numbers([prefix + "y" + suffix]),
      let z = numbers([prefix + "z" + suffix])
    else { return nil }
    return (0..<rowCount).map { SIMD3(x[$0], y[$0], z[$0]) }
  }

  /// Three columns of series. Text files have a column a coefficient: `obs_x_poly_0`, `obs_x_poly_1` and so on.
  ///
  /// - Throws: ``SolarSystemError/missingColumn(_:table:remedy:)``.
  func motion(_ prefix: String) throws(SolarSystemError) -> ChebyshevMotion {
    ChebyshevMotion(
      x: try series("\(prefix)_x_poly"), y: try series("\(prefix)_y_poly"), z: try series("\(prefix)_z_poly"))
  }

  private func series(_ name: String) throws(SolarSystemError) -> ChebyshevColumn {
    if let index = table.schema.index(of: name) {
      let (column, count) = (table.storage(index), table.schema.fields[index].type.elementCount)
      switch table.schema.fields[index].type {
      case .float64Array where count > 0: return ChebyshevColumn(coefficients: column.doubles, count: count)
      case .float32Array where count > 0:
        return ChebyshevColumn(coefficients: column.floats.map(Double.init), count: count)
      // A series of one coefficient.
      case .float64: return ChebyshevColumn(coefficients: column.doubles, count: 1)
      default: break
      }
    }
    var terms: [[Double]] = []
    while let term = table.numbers("\(name)_\(terms.count)") { terms.append(term) }
    guard !terms.isEmpty else {
      throw .missingColumn(
        name, table: SolarSystemObjects.tableName,
        remedy: "series have obs_x_poly, obs_y_poly, obs_z_poly, obj_x_poly, obj_y_poly and obj_z_poly, each an array of coefficients")
    }
    return ChebyshevColumn(
      coefficients: (0..<rowCount).flatMap { row in terms.map { $0[row] } }, count: terms.count)
  }

  private func text(_ names: [String]) -> [String]? {
    guard let name = table.firstColumn(of: names), let index = table.schema.index(of: name) else { return nil }
    if case .string = table.schema.fields[index].type { return table.storage(index).strings }
    return table.integers(name)?.map { "\($0)" }
  }

  private static let packed = ["packed_desig", "ObjID", "designation"]

  /// - Throws: ``SolarSystemError``.
  func ids() throws(SolarSystemError) -> [Int64] {
    var ids: [Int64] = []
    if let name = table.firstColumn(of: ["ssObjectId"]) {
      guard let numbers = table.integers(name) else {
        throw .missingColumn(name, table: SolarSystemObjects.tableName, remedy: "it is there and holds no whole numbers")
      }
      ids = numbers
    } else {
      guard let names = text(Self.packed) else {
        throw .missingColumn(
          "ssObjectId", table: SolarSystemObjects.tableName,
          remedy: "give it, or designations in ObjID or packed_desig")
      }
      for name in names { ids.append(try PackedDesignation(name).ssObjectID()) }
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
