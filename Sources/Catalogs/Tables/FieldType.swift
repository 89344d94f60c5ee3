// SPDX-License-Identifier: GPL-3.0-or-later
// What a column may hold.

/// The type of a column; raw letters are the reference system's (detection-measurement D.4.1).
package enum FieldType: Hashable, Sendable {
  /// True or false.
  case flag
  case uint8, uint16, int32, int64, float32, float64
  /// Degrees, in memory as in files.
  case angle
  /// UTF-8 of at most so many bytes.
  case string(length: Int)
  /// A fixed number of elements in each row.
  case int32Array(count: Int)
  case float32Array(count: Int)
  case float64Array(count: Int)

  /// Text that ``init(code:)`` reads.
  package var code: String {
    switch self {
    case .flag: "Flag"
    case .uint8: "B"
    case .uint16: "U"
    case .int32: "I"
    case .int64: "L"
    case .float32: "F"
    case .float64: "D"
    case .angle: "Angle"
    case .string(let length): "String\(length)"
    case .int32Array(let count): "ArrayI\(count)"
    case .float32Array(let count): "ArrayF\(count)"
    case .float64Array(let count): "ArrayD\(count)"
    }
  }

  /// - Returns: `nil` for text that is no type, or a length that no column may have.
  package init?(code: String) {
    let simple: [FieldType] = [.flag, .uint8, .uint16, .int32, .int64, .float32, .float64, .angle]
    if let type = simple.first(where: { $0.code == code }) {
      self = type
      return
    }
    let sized: [(String, (Int) -> FieldType)] = [
      ("String", { .string(length: $0) }), ("ArrayI", { .int32Array(count: $0) }),
      ("ArrayF", { .float32Array(count: $0) }), ("ArrayD", { .float64Array(count: $0) }),
    ]
    for (prefix, make) in sized where code.hasPrefix(prefix) {
      guard let count = Int(code.dropFirst(prefix.count)), make(count).isValid, make(count).code == code else { break }
      self = make(count)
      return
    }
    return nil
  }

  /// Text of a catalog may have 64 KiB, an array 65,536 elements.
  package var isValid: Bool {
    switch self {
    case .string(let length): (1...65_536).contains(length)
    case .int32Array(let count), .float32Array(let count), .float64Array(let count): (1...65_536).contains(count)
    default: true
    }
  }

  /// Elements in a row.
  package var elementCount: Int {
    switch self {
    case .int32Array(let count), .float32Array(let count), .float64Array(let count): count
    default: 1
    }
  }
}

/// A column: its name, type, unit and what it means.
package struct Field: Hashable, Sendable {
  /// Letters, digits and `_`, which also separates the levels of a hierarchy: `base_PsfFlux_instFlux`.
  package let name: String
  package let type: FieldType
  /// As FITS and astropy spell it, such as `nJy`, `deg`, `pixel`; empty for none.
  package let unit: String
  package let doc: String

  /// - Throws: ``CatalogError/invalidSchema(_:)`` for a name, type, unit or text that no file could hold.
  package init(_ name: String, _ type: FieldType, unit: String = "", doc: String) throws(CatalogError) {
    guard Field.isName(name) else {
      throw .invalidSchema("\"\(name)\" is no name of a column: a letter or _, then letters, digits and _, at most 200")
    }
    guard type.isValid else { throw .invalidSchema("column \(name): no column can be \(type.code)") }
    guard unit.utf8.count <= 64, unit.utf8.allSatisfy({ $0 >= 32 && $0 < 127 }) else {
      throw .invalidSchema("column \(name): the unit must be at most 64 printable ASCII characters")
    }
    guard doc.utf8.count <= 4096, !doc.utf8.contains(where: { $0 < 32 || $0 == 127 }) else {
      throw .invalidSchema("column \(name): the description must be one line of at most 4096 bytes")
    }
    self.name = name
    self.type = type
    self.unit = unit
    self.doc = doc
  }

  package static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 200, !(first >= 48 && first <= 57) else { return false }
    return text.utf8.allSatisfy {
      $0 == 95 || ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 90) || ($0 >= 97 && $0 <= 122)
    }
  }
}
