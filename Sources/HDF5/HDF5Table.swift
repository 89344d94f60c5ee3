// SPDX-License-Identifier: GPL-3.0-or-later
// Tables: datasets of records.

/// A column of a table, its values one after the other.
package struct HDF5Column: Sendable {
  package let name: String
  package let type: HDF5Type
  package let bytes: [UInt8]

  private init(name: String, type: HDF5Type, bytes: [UInt8]) {
    self.name = name
    self.type = type
    self.bytes = bytes
  }

  /// A column of numbers, or of arrays of so many numbers.
  package init<Number: HDF5Number>(_ name: String, _ values: [Number], perRow: Int = 1) {
    let type = perRow == 1 ? Number.hdf5Type : .array(Number.hdf5Type, count: perRow)
    self.init(name: name, type: type, bytes: values.withUnsafeBytes { Array($0) })
  }

  package init(_ name: String, _ values: [Bool]) {
    self.init(name: name, type: .boolean, bytes: values.map { $0 ? 1 : 0 })
  }

  /// A column of text.
  ///
  /// - Precondition: no text is longer.
  package init(_ name: String, _ values: [String], length: Int) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * length)
    for text in values {
      precondition(text.utf8.count <= length)
      bytes += Array(text.utf8)
      bytes.append(contentsOf: repeatElement(0, count: length - text.utf8.count))
    }
    self.init(name: name, type: .string(length: length), bytes: bytes)
  }

  fileprivate static func read(_ name: String, _ type: HDF5Type, _ bytes: [UInt8]) -> HDF5Column {
    HDF5Column(name: name, type: type, bytes: bytes)
  }

  /// The numbers, also of arrays; `nil` for another type.
  package func numbers<Number: HDF5Number>(_: Number.Type = Number.self) -> [Number]? {
    guard type == Number.hdf5Type || isArray(of: Number.hdf5Type) else { return nil }
    return HDF5Dataset.numbers(bytes)
  }

  private func isArray(of element: HDF5Type) -> Bool { if case .array(element, _) = type { true } else { false } }

  /// `nil` for another type.
  package var booleans: [Bool]? { type == .boolean ? bytes.map { $0 != 0 } : nil }

  /// Text without the bytes that fill it up; `nil` for another type, or bytes that are not UTF-8.
  package var strings: [String]? {
    guard case .string(let length) = type else { return nil }
    var result: [String] = []
    for start in stride(from: 0, to: bytes.count, by: length) {
      guard let text = String(validating: bytes[start..<start + length].prefix { $0 != 0 }, as: UTF8.self) else {
        return nil
      }
      result.append(text)
    }
    return result
  }
}

extension HDF5Group {
  /// The description of a record's type lies in an object's header, which has room for this much.
  private static let largestDescription = 64_000

  /// Writes a table.
  ///
  /// - Precondition: every column has `rowCount` values.
  /// - Throws: ``HDF5Error/cannotEncode(file:object:reason:)``, also for more columns than a table can have (some 900).
  @discardableResult
  package func writeTable(
    _ name: String, _ columns: [HDF5Column], rowCount: Int, level: Int = 4
  ) throws(HDF5Error) -> HDF5Dataset {
    guard !columns.isEmpty else {
      throw .cannotEncode(file: file, object: childPath(name), reason: "a table needs a column")
    }
    let description = columns.reduce(64) { $0 + $1.name.utf8.count + 48 }
    guard description <= Self.largestDescription else {
      throw .cannotEncode(
        file: file, object: childPath(name),
        reason: "\(columns.count) columns are too many for a table: their names do not fit into its header")
    }
    let type = HDF5Type.record(columns.map { HDF5Member($0.name, $0.type) })
    let rowSize = type.size
    var rows = [UInt8](repeating: 0, count: rowSize * rowCount)
    var offset = 0
    for column in columns {
      let width = column.type.size
      precondition(column.bytes.count == width * rowCount, "a column has another number of rows")
      rows.withUnsafeMutableBytes { target in
        column.bytes.withUnsafeBytes { source in
          guard let to = target.baseAddress, let from = source.baseAddress else { return }
          for row in 0..<rowCount {
            (to + row * rowSize + offset).copyMemory(from: from + row * width, byteCount: width)
          }
        }
      }
      offset += width
    }
    return try rows.withUnsafeBytes { bytes in
      Result { () throws(HDF5Error) in
        try writeDataset(
          name, type, shape: [rowCount], chunk: Self.chunk(for: [rowCount], type), level: level, bytes)
      }
    }.get()
  }

  /// Writes texts, each filled up to the longest.
  ///
  /// - Throws: ``HDF5Error/cannotEncode(file:object:reason:)``.
  @discardableResult
  package func writeStrings(_ name: String, _ texts: [String], length: Int? = nil) throws(HDF5Error) -> HDF5Dataset {
    let column = HDF5Column(name, texts, length: max(1, length ?? texts.map(\.utf8.count).max() ?? 1))
    return try column.bytes.withUnsafeBytes { bytes in
      Result { () throws(HDF5Error) in
        try writeDataset(
          name, column.type, shape: [texts.count], chunk: Self.chunk(for: [texts.count], column.type), level: 4, bytes)
      }
    }.get()
  }
}

extension HDF5Dataset {
  /// The columns of a table.
  ///
  /// - Throws: ``HDF5Error``.
  package func readTable() throws(HDF5Error) -> (columns: [HDF5Column], rowCount: Int) {
    guard case .record(let members) = type, shape.count == 1 else {
      throw .unexpected(file: file, object: path, found: "\(type.name) of shape \(shape)", expected: "a table")
    }
    let rows = try readBytes()
    let (rowCount, rowSize) = (shape[0], type.size)
    var columns: [HDF5Column] = []
    var offset = 0
    for member in members {
      let width = member.type.size
      let bytes = [UInt8](unsafeUninitializedCapacity: width * rowCount) { target, count in
        rows.withUnsafeBytes { source in
          guard let to = UnsafeMutableRawPointer(target.baseAddress), let from = source.baseAddress else { return }
          for row in 0..<rowCount {
            (to + row * width).copyMemory(from: from + row * rowSize + offset, byteCount: width)
          }
        }
        count = width * rowCount
      }
      columns.append(HDF5Column.read(member.name, member.type, bytes))
      offset += width
    }
    return (columns, rowCount)
  }

  /// The texts of a dataset of texts.
  ///
  /// - Throws: ``HDF5Error``.
  package func readStrings() throws(HDF5Error) -> [String] {
    guard case .string = type, shape.count == 1 else {
      throw .unexpected(file: file, object: path, found: "\(type.name) of shape \(shape)", expected: "texts")
    }
    guard let texts = HDF5Column.read(path, type, try readBytes()).strings else {
      throw .damaged(file: file, object: path, reason: "its text is not UTF-8")
    }
    return texts
  }
}
