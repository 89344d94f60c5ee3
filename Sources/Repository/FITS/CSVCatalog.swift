// SPDX-License-Identifier: GPL-3.0-or-later
// Catalogs as comma-separated text.

package import Catalogs
internal import Foundation

/// Text that is no table.
package struct CSVError: Error, Hashable, Sendable, CustomStringConvertible {
  package let file: String
  package let line: Int
  package let reason: String

  package var description: String { "\(file):\(line): \(reason)" }
}

extension Catalog {
  private static let largestText = 1 << 31

  /// A table of comma-separated values: names in the first line that is no comment (`#`), then a row a line.
  ///
  /// A column is of whole numbers, numbers, `true` and `false`, or text, whichever all of its values are; an empty number is
  /// NaN, so that a column with gaps is of numbers. Text in double quotes may hold commas and, doubled, quotes.
  ///
  /// - Throws: ``CSVError``, ``ReadError``.
  package init(csvFile path: String) throws {
    let bytes = try readFile(path, limit: Self.largestText)
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    guard text.allSatisfy({ $0 != 0 }), let valid = String(validating: text, as: UTF8.self) else {
      throw CSVError(file: path, line: 1, reason: "it is not text in UTF-8")
    }
    try self.init(csv: valid, name: path)
  }

  /// - Throws: ``CSVError``.
  package init(csv text: String, name file: String) throws {
    guard !text.utf8.contains(13) || text.utf8.contains(10) else {
      throw CSVError(file: file, line: 1, reason: "its lines end with carriage returns alone; end them with line feeds")
    }
    if text.hasPrefix("# %ECSV"), !text.contains("# delimiter: ','") {
      throw CSVError(file: file, line: 1, reason: "its values are divided by blanks; write it with delimiter=\",\"")
    }
    var names: [String]?
    var lastComment = Substring()
    var cells: [[String]] = []
    // By bytes: to Swift a carriage return and a line feed are one character.
    for (i, bytes) in text.utf8.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      let line = Substring(bytes.last == 13 ? bytes.dropLast() : bytes)
      if line.hasPrefix("#") { lastComment = line.dropFirst().drop { $0 == " " } }
      if line.allSatisfy({ $0 == " " }) || line.hasPrefix("#") { continue }
      guard let values = Self.split(line) else {
        throw CSVError(file: file, line: i + 1, reason: "a text in quotes has no end in its line")
      }
      // Some tables have their names behind the sign of a comment; a line with a number in it has no names.
      if names == nil, values.contains(where: { Double($0) != nil }), let named = Self.split(lastComment),
        named.count == values.count, !named.contains(where: { Double($0) != nil })
      {
        names = try Self.names(named, file: file, line: i)
        cells = Array(repeating: [], count: named.count)
      }
      guard let header = names else {
        let found = try Self.names(values, file: file, line: i + 1)
        names = found
        cells = Array(repeating: [], count: found.count)
        continue
      }
      guard values.count == header.count else {
        throw CSVError(
          file: file, line: i + 1, reason: "\(values.count) values, the first line names \(header.count) columns")
      }
      guard values.allSatisfy({ $0.utf8.count <= 65_536 }) else {
        throw CSVError(file: file, line: i + 1, reason: "a text has more than 65536 bytes")
      }
      for (column, value) in values.enumerated() { cells[column].append(value) }
    }
    guard let names else { throw CSVError(file: file, line: 1, reason: "it has no line of column names") }
    var schema = Schema()
    var storage: [ColumnStorage] = []
    for (name, values) in zip(names, cells) {
      let (type, column) = Self.column(values)
      do throws(CatalogError) {
        try schema.add(try Field(name, type, doc: ""))
      } catch {
        throw CSVError(file: file, line: 1, reason: error.description)
      }
      storage.append(column)
    }
    try self.init(schema, rowCount: cells.first?.count ?? 0, columns: storage)
  }

  /// The columns that a line names.
  private static func names(_ values: [String], file: String, line: Int) throws -> [String] {
    let found = values.map { columnName($0) }
    guard values.count > 1 || !values[0].contains("\t") else {
      throw CSVError(file: file, line: line, reason: "its values are divided by tabs; divide them by commas")
    }
    if let twice = found.first(where: { name in found.filter { $0 == name }.count > 1 }) {
      let own = zip(values, found).filter { $0.1 == twice }.map { "\"\($0.0)\"" }
      throw CSVError(
        file: file, line: line, reason: "the columns \(own.joined(separator: " and ")) have one name, \(twice)")
    }
    return found
  }

  private static func split(_ line: Substring) -> [String]? {
    var values: [String] = []
    var value = ""
    var isQuoted = false
    var wasQuoted = false
    var previous: Character?
    for character in line {
      if isQuoted {
        if character == "\"" { isQuoted = false } else { value.append(character) }
      } else if character == "\"" {
        // A quote behind a quoted text is the second of two.
        if previous == "\"", wasQuoted { value.append("\"") }
        isQuoted = true
        wasQuoted = true
      } else if character == "," {
        values.append(wasQuoted ? value : value.trimmingCharacters(in: .whitespaces))
        value = ""
        wasQuoted = false
      } else if !wasQuoted || character != " " {
        value.append(character)
      }
      previous = character
    }
    values.append(wasQuoted ? value : value.trimmingCharacters(in: .whitespaces))
    return isQuoted ? nil : values
  }

  private static func column(_ values: [String]) -> (FieldType, ColumnStorage) {
    var column = ColumnStorage()
    // What is all digits and is no number as we would write it is a name, such as 007, or too long to be kept as a number.
    let isNamed = values.contains { text in
      !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) } && Int64(text).map { "\($0)" } != text
    }
    let whole = values.compactMap { Int64($0) }
    if !isNamed, whole.count == values.count {
      column.set(integers: whole, .int64)
      return (.int64, column)
    }
    let numbers = values.compactMap { $0.isEmpty ? Double.nan : Double($0) }
    if !isNamed, numbers.count == values.count {
      column.set(doubles: numbers)
      return (.float64, column)
    }
    let lowered = values.map { $0.lowercased() }
    if lowered.allSatisfy({ $0 == "true" || $0 == "false" }) {
      column.set(flags: lowered.map { $0 == "true" })
      return (.flag, column)
    }
    column.set(strings: values)
    return (.string(length: max(1, values.map(\.utf8.count).max() ?? 1)), column)
  }

  /// The table as comma-separated values, with names in the first line; arrays have a column an element.
  ///
  /// - Parameter isECSV: whether a header that astropy reads says types, units and descriptions.
  package func csv(isECSV: Bool = false) -> String {
    var names: [String] = []
    var header: [Field] = []
    for field in schema.fields {
      let count = field.type.elementCount
      for i in 0..<count {
        let name = count == 1 ? field.name : "\(field.name)_\(i)"
        names.append(name)
        if let column = try? Field(name, field.type.elementType, unit: field.unit, doc: field.doc) {
          header.append(column)
        }
      }
    }
    var out = ""
    if isECSV, let flat = try? Schema(header) {
      out += "# %ECSV 1.0\n# ---\n# delimiter: ','\n"
      for line in AstropyHeader.lines(flat) { out += "# \(line)\n" }
    }
    out += names.joined(separator: ",") + "\n"
    for row in 0..<rowCount {
      var values: [String] = []
      for (index, field) in schema.fields.enumerated() { values += Self.texts(field.type, storage(index), row) }
      out += values.joined(separator: ",") + "\n"
    }
    return out
  }

  private static func texts(_ type: FieldType, _ column: ColumnStorage, _ row: Int) -> [String] {
    let range = row * type.elementCount..<(row + 1) * type.elementCount
    switch type {
    case .flag: return [column.flags[row] ? "True" : "False"]
    case .uint8: return ["\(column.uint8s[row])"]
    case .uint16: return ["\(column.uint16s[row])"]
    case .int32, .int32Array: return column.int32s[range].map { "\($0)" }
    case .int64: return ["\(column.int64s[row])"]
    case .float32, .float32Array: return column.floats[range].map { "\($0)" }
    case .float64, .angle, .float64Array: return column.doubles[range].map { "\($0)" }
    case .string:
      let text = column.strings[row].split(whereSeparator: \.isNewline).joined(separator: " ")
      let needsQuotes = text.contains { ",\"# ".contains($0) } || text.isEmpty
      return [
        needsQuotes
          ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
      ]
    }
  }
}

extension FieldType {
  /// The type of one element.
  fileprivate var elementType: FieldType {
    switch self {
    case .int32Array: .int32
    case .float32Array: .float32
    case .float64Array: .float64
    default: self
    }
  }
}
