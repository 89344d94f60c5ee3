// SPDX-License-Identifier: GPL-3.0-or-later
// Values as bytes, and back.

/// Bytes that are no message of ours.
package struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package init(_ reason: String) { self.reason = reason }
  package var description: String { "a message that is none: \(reason)" }
}

/// Puts values into bytes: whole numbers little-endian, texts and lists behind their length.
package struct WireWriter: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func put<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
  package mutating func put(_ value: Double) { put(value.bitPattern) }
  package mutating func put(_ value: Bool) { put(UInt8(value ? 1 : 0)) }
  package mutating func put(_ value: String) { put(Array(value.utf8)) }
  package mutating func put(_ value: [UInt8]) {
    put(UInt32(clamping: value.count))
    bytes.append(contentsOf: value)
  }
  package mutating func put<Element>(_ values: [Element], _ body: (inout WireWriter, Element) -> Void) {
    put(UInt32(clamping: values.count))
    for value in values { body(&self, value) }
  }
}

/// Takes values out of bytes that nobody vouches for.
///
/// Each read throws ``WireError`` where the bytes end too early or are no such value; nothing is allocated for a claim that the bytes
/// cannot keep.
package struct WireReader: Sendable {
  private let bytes: [UInt8]
  private var position: Int

  package init(_ bytes: [UInt8], from position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  package var remaining: Int { bytes.count - position }

  private mutating func advance(by count: Int) throws(WireError) -> Int {
    guard count >= 0, count <= remaining else {
      throw WireError("\(count) bytes are announced, \(remaining) are there")
    }
    defer { position += count }
    return position
  }

  package mutating func number<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(WireError) -> Value {
    let size = Value.bitWidth / 8
    let start = try advance(by: size)
    var value: Value = 0
    for i in 0..<size { value |= Value(truncatingIfNeeded: bytes[start + i]) << Value(8 * i) }
    return value
  }

  package mutating func double() throws(WireError) -> Double { Double(bitPattern: try number(UInt64.self)) }

  package mutating func boolean() throws(WireError) -> Bool {
    switch try number(UInt8.self) {
    case 0: false
    case 1: true
    case let other: throw WireError("\(other) is neither true nor false")
    }
  }

  package mutating func array() throws(WireError) -> [UInt8] {
    let count = Int(try number(UInt32.self))
    let start = try advance(by: count)
    return Array(bytes[start..<start + count])
  }

  package mutating func string() throws(WireError) -> String {
    guard let text = String(validating: try array(), as: UTF8.self) else { throw WireError("a text is not UTF-8") }
    return text
  }

  /// A list whose elements have at least one byte each.
  package mutating func list<Element>(
    _ body: (inout WireReader) throws(WireError) -> Element
  ) throws(WireError) -> [Element] {
    let count = Int(try number(UInt32.self))
    guard count <= remaining else { throw WireError("\(count) elements are announced in \(remaining) bytes") }
    var elements: [Element] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try body(&self)) }
    return elements
  }

  package func expectEnd() throws(WireError) {
    guard remaining == 0 else { throw WireError("\(remaining) bytes too many") }
  }
}
