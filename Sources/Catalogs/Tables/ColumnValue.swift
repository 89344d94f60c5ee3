// SPDX-License-Identifier: GPL-3.0-or-later
// How values get into and out of columns.

package import SkyGeometry

/// The key to a column of a schema, and of all schemas that were made by adding to it.
package struct Key<Value: ColumnValue>: Hashable, Sendable {
  package let index: Int

  init(index: Int) { self.index = index }
}

/// The values of a column; of the arrays one is used.
package struct ColumnStorage: Hashable, Sendable {
  package internal(set) var flags: [Bool] = []
  package internal(set) var uint8s: [UInt8] = []
  package internal(set) var uint16s: [UInt16] = []
  package internal(set) var int32s: [Int32] = []
  package internal(set) var int64s: [Int64] = []
  package internal(set) var floats: [Float] = []
  /// Also of angles, in degrees.
  package internal(set) var doubles: [Double] = []
  package internal(set) var strings: [String] = []

  package init() {}

  /// A column of given values; exactly one argument is given.
  ///
  /// - Returns: `nil` when that is `nil`.
  package init?(
    flags: [Bool]?? = .none, uint8s: [UInt8]?? = .none, uint16s: [UInt16]?? = .none, int32s: [Int32]?? = .none,
    int64s: [Int64]?? = .none, floats: [Float]?? = .none, doubles: [Double]?? = .none, strings: [String]?? = .none
  ) {
    func take<T>(_ given: [T]??, _ target: inout [T]) -> Bool {
      guard let given else { return true }
      guard let values = given else { return false }
      target = values
      return true
    }
    guard take(flags, &self.flags), take(uint8s, &self.uint8s), take(uint16s, &self.uint16s),
      take(int32s, &self.int32s), take(int64s, &self.int64s), take(floats, &self.floats),
      take(doubles, &self.doubles), take(strings, &self.strings)
    else { return nil }
  }

  package mutating func set(flags values: [Bool]) { flags = values }
  package mutating func set(floats values: [Float]) { floats = values }
  package mutating func set(doubles values: [Double]) { doubles = values }
  package mutating func set(strings values: [String]) { strings = values }

  /// Whole numbers for a column of a type; those beyond it become its limits.
  package mutating func set(integers values: [Int64], _ type: FieldType) {
    switch type {
    case .uint8: uint8s = values.map { UInt8(clamping: $0) }
    case .uint16: uint16s = values.map { UInt16(clamping: $0) }
    case .int32, .int32Array: int32s = values.map { Int32(clamping: $0) }
    default: int64s = values
    }
  }

  /// Adds all values of another column of the same type.
  mutating func append(contentsOf other: ColumnStorage) {
    flags += other.flags
    uint8s += other.uint8s
    uint16s += other.uint16s
    int32s += other.int32s
    int64s += other.int64s
    floats += other.floats
    doubles += other.doubles
    strings += other.strings
  }

  /// Equal values: NaN equals NaN, as "no value" equals "no value".
  package static func == (a: ColumnStorage, b: ColumnStorage) -> Bool {
    a.flags == b.flags && a.uint8s == b.uint8s && a.uint16s == b.uint16s && a.int32s == b.int32s
      && a.int64s == b.int64s && a.strings == b.strings
      && a.floats.elementsEqual(b.floats) { $0 == $1 || ($0.isNaN && $1.isNaN) }
      && a.doubles.elementsEqual(b.doubles) { $0 == $1 || ($0.isNaN && $1.isNaN) }
  }
}

extension FieldType {
  /// Adds rows of "no value": NaN, 0, false or empty text (detection-measurement D.4.1).
  func appendMissing(_ rows: Int, to column: inout ColumnStorage) {
    let count = rows * elementCount
    switch self {
    case .flag: column.flags.append(contentsOf: repeatElement(false, count: count))
    case .uint8: column.uint8s.append(contentsOf: repeatElement(0, count: count))
    case .uint16: column.uint16s.append(contentsOf: repeatElement(0, count: count))
    case .int32, .int32Array: column.int32s.append(contentsOf: repeatElement(0, count: count))
    case .int64: column.int64s.append(contentsOf: repeatElement(0, count: count))
    case .float32, .float32Array: column.floats.append(contentsOf: repeatElement(.nan, count: count))
    case .float64, .float64Array, .angle: column.doubles.append(contentsOf: repeatElement(.nan, count: count))
    case .string: column.strings.append(contentsOf: repeatElement("", count: count))
    }
  }

  /// Some rows of a column of this type.
  func selecting(_ rows: [Int], of source: ColumnStorage) -> ColumnStorage {
    var column = ColumnStorage()
    func gather<Element>(_ values: [Element]) -> [Element] {
      let count = elementCount
      guard count != 1 else { return rows.map { values[$0] } }
      var result: [Element] = []
      result.reserveCapacity(rows.count * count)
      for row in rows { result.append(contentsOf: values[row * count..<(row + 1) * count]) }
      return result
    }
    switch self {
    case .flag: column.flags = gather(source.flags)
    case .uint8: column.uint8s = gather(source.uint8s)
    case .uint16: column.uint16s = gather(source.uint16s)
    case .int32, .int32Array: column.int32s = gather(source.int32s)
    case .int64: column.int64s = gather(source.int64s)
    case .float32, .float32Array: column.floats = gather(source.floats)
    case .float64, .float64Array, .angle: column.doubles = gather(source.doubles)
    case .string: column.strings = gather(source.strings)
    }
    return column
  }

  /// Elements in a column of this type.
  func elementCount(of column: ColumnStorage) -> Int {
    switch self {
    case .flag: column.flags.count
    case .uint8: column.uint8s.count
    case .uint16: column.uint16s.count
    case .int32, .int32Array: column.int32s.count
    case .int64: column.int64s.count
    case .float32, .float32Array: column.floats.count
    case .float64, .float64Array, .angle: column.doubles.count
    case .string: column.strings.count
    }
  }
}

/// A type that columns give and take.
package protocol ColumnValue: Sendable {
  /// The field type of such a column; `nil` when it needs a length.
  static var defaultFieldType: FieldType? { get }
  static func fits(_ type: FieldType) -> Bool
  static func read(_ column: ColumnStorage, row: Int, _ type: FieldType) -> Self
  /// - Precondition: arrays have the column's length, text fits.
  static func write(_ value: Self, to column: inout ColumnStorage, row: Int, _ type: FieldType)
}

extension Bool: ColumnValue {
  package static var defaultFieldType: FieldType? { .flag }
  package static func fits(_ type: FieldType) -> Bool { type == .flag }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> Bool { column.flags[row] }
  package static func write(_ value: Bool, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.flags[row] = value
  }
}

extension UInt8: ColumnValue {
  package static var defaultFieldType: FieldType? { .uint8 }
  package static func fits(_ type: FieldType) -> Bool { type == .uint8 }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> UInt8 { column.uint8s[row] }
  package static func write(_ value: UInt8, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.uint8s[row] = value
  }
}

extension UInt16: ColumnValue {
  package static var defaultFieldType: FieldType? { .uint16 }
  package static func fits(_ type: FieldType) -> Bool { type == .uint16 }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> UInt16 { column.uint16s[row] }
  package static func write(_ value: UInt16, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.uint16s[row] = value
  }
}

extension Int32: ColumnValue {
  package static var defaultFieldType: FieldType? { .int32 }
  package static func fits(_ type: FieldType) -> Bool { type == .int32 }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> Int32 { column.int32s[row] }
  package static func write(_ value: Int32, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.int32s[row] = value
  }
}

extension Int64: ColumnValue {
  package static var defaultFieldType: FieldType? { .int64 }
  package static func fits(_ type: FieldType) -> Bool { type == .int64 }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> Int64 { column.int64s[row] }
  package static func write(_ value: Int64, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.int64s[row] = value
  }
}

extension Float: ColumnValue {
  package static var defaultFieldType: FieldType? { .float32 }
  package static func fits(_ type: FieldType) -> Bool { type == .float32 }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> Float { column.floats[row] }
  package static func write(_ value: Float, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.floats[row] = value
  }
}

extension Double: ColumnValue {
  package static var defaultFieldType: FieldType? { .float64 }
  package static func fits(_ type: FieldType) -> Bool { type == .float64 }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> Double { column.doubles[row] }
  package static func write(_ value: Double, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.doubles[row] = value
  }
}

extension Angle: ColumnValue {
  package static var defaultFieldType: FieldType? { .angle }
  package static func fits(_ type: FieldType) -> Bool { type == .angle }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> Angle {
    .degrees(column.doubles[row])
  }
  package static func write(_ value: Angle, to column: inout ColumnStorage, row: Int, _: FieldType) {
    column.doubles[row] = value.degrees
  }
}

extension String: ColumnValue {
  package static var defaultFieldType: FieldType? { nil }
  package static func fits(_ type: FieldType) -> Bool { if case .string = type { true } else { false } }
  package static func read(_ column: ColumnStorage, row: Int, _: FieldType) -> String { column.strings[row] }
  package static func write(_ value: String, to column: inout ColumnStorage, row: Int, _ type: FieldType) {
    if case .string(let length) = type {
      precondition(value.utf8.count <= length, "the text is too long for its column")
    }
    column.strings[row] = value
  }
}

extension Array: ColumnValue where Element: ArrayColumnElement {
  package static var defaultFieldType: FieldType? { nil }
  package static func fits(_ type: FieldType) -> Bool { Element.fitsArray(type) }
  package static func read(_ column: ColumnStorage, row: Int, _ type: FieldType) -> [Element] {
    Array(Element.elements(of: column)[row * type.elementCount..<(row + 1) * type.elementCount])
  }
  package static func write(_ value: [Element], to column: inout ColumnStorage, row: Int, _ type: FieldType) {
    precondition(value.count == type.elementCount, "an array has another length than its column")
    Element.replace(value, at: row * type.elementCount, in: &column)
  }
}

/// An element of a column of arrays.
package protocol ArrayColumnElement: Sendable {
  static func fitsArray(_ type: FieldType) -> Bool
  static func elements(of column: ColumnStorage) -> [Self]
  static func replace(_ values: [Self], at start: Int, in column: inout ColumnStorage)
}

extension Int32: ArrayColumnElement {
  package static func fitsArray(_ type: FieldType) -> Bool { if case .int32Array = type { true } else { false } }
  package static func elements(of column: ColumnStorage) -> [Int32] { column.int32s }
  package static func replace(_ values: [Int32], at start: Int, in column: inout ColumnStorage) {
    column.int32s.replaceSubrange(start..<start + values.count, with: values)
  }
}

extension Float: ArrayColumnElement {
  package static func fitsArray(_ type: FieldType) -> Bool { if case .float32Array = type { true } else { false } }
  package static func elements(of column: ColumnStorage) -> [Float] { column.floats }
  package static func replace(_ values: [Float], at start: Int, in column: inout ColumnStorage) {
    column.floats.replaceSubrange(start..<start + values.count, with: values)
  }
}

extension Double: ArrayColumnElement {
  package static func fitsArray(_ type: FieldType) -> Bool { if case .float64Array = type { true } else { false } }
  package static func elements(of column: ColumnStorage) -> [Double] { column.doubles }
  package static func replace(_ values: [Double], at start: Int, in column: inout ColumnStorage) {
    column.doubles.replaceSubrange(start..<start + values.count, with: values)
  }
}
