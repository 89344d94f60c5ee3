// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers of tables in the units that are wanted.

internal import Catalogs

/// What the numbers of a column are, and in which unit they are wanted.
enum TableQuantity {
  /// Degrees, arcseconds.
  case degrees, arcseconds
  /// AU.
  case distance
  /// Whatever the table has.
  case number

  /// What a number in a unit is to be multiplied by; 1 for a unit that nobody here knows, as files spell theirs in many ways.
  func factor(from unit: String) -> Double {
    let name = unit.lowercased().filter { $0 != " " }
    let radian = 180 / Double.pi
    let angles: [String: Double] = [
      "rad": radian, "radian": radian, "radians": radian, "deg": 1, "hourangle": 15, "arcmin": 1 / 60.0,
      "arcsec": 1 / 3600.0, "mas": 1 / 3.6e6, "uas": 1 / 3.6e9,
    ]
    let lengths: [String: Double] = [
      "au": 1, "ua": 1, "km": 1 / ObjectEphemeris.kilometresPerAU, "m": 1e-3 / ObjectEphemeris.kilometresPerAU,
    ]
    return switch self {
    case .degrees: angles[name] ?? 1
    case .arcseconds: angles[name].map { $0 * 3600 } ?? 1
    case .distance: lengths[name] ?? 1
    case .number: 1
    }
  }
}

extension Catalog {
  /// A column of numbers, or of text that says numbers; empty text is NaN.
  ///
  /// - Parameter table: what it is called in messages.
  /// - Returns: `nil` for a column that is not there.
  /// - Throws: ``SolarSystemError`` for text that is no number, with its row, and for columns of other things.
  func quantity(
    _ name: String, _ quantity: TableQuantity = .number, table: String
  ) throws(SolarSystemError) -> [Double]? {
    guard let index = schema.index(of: name) else { return nil }
    let factor = quantity.factor(from: schema.fields[index].unit)
    if let numbers = numbers(name) { return factor == 1 ? numbers : numbers.map { $0 * factor } }
    guard case .string = schema.fields[index].type else {
      throw .missingColumn(name, table: table, remedy: "it is there and holds no single numbers")
    }
    var result: [Double] = []
    for (row, text) in storage(index).strings.enumerated() {
      let word = text.filter { $0 != " " }
      guard let number = word.isEmpty ? .nan : Double(word) else {
        throw .invalidRow(
          table: table, row: row,
          reason: "\(name) is \"\(text.utf8Prefix(40))\", which is no number"
            + (quantity == .degrees ? "; degrees as one number are wanted" : ""))
      }
      result.append(number * factor)
    }
    return result
  }

  /// Positions on the sky that can be: what is no number is left to others.
  ///
  /// - Throws: ``SolarSystemError/invalidRow(table:row:reason:)``.
  func checkSky(_ ra: [Double], _ dec: [Double], table: String) throws(SolarSystemError) {
    for row in ra.indices {
      guard ra[row].isFinite, dec[row].isFinite else { continue }
      if abs(dec[row]) > 90 {
        throw .invalidRow(
          table: table, row: row, reason: "the declination is \(dec[row]); it must be -90 to 90 degrees")
      }
      if abs(ra[row]) > 720 {
        throw .invalidRow(table: table, row: row, reason: "the right ascension is \(ra[row]); degrees are wanted")
      }
    }
  }
}
