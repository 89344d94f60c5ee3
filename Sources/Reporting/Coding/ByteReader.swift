// SPDX-License-Identifier: GPL-3.0-or-later
// Values out of bytes that may be anything.

/// Bytes that are no statistics, and where.
package struct StatisticsDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Counted in bytes from the beginning.
  package let offset: Int
  package let reason: String

  package var description: String { "statistics: byte \(offset): \(reason)" }
}

/// Reads what ``ByteWriter`` wrote; no length is believed before it is compared with what is left.
struct ByteReader {
  /// So large that nothing real reaches it, and so small that sums of thousands do not overflow.
  static let largestCount: Int64 = 1 << 48

  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  func error(_ reason: String) -> StatisticsDecodingError { StatisticsDecodingError(offset: position, reason: reason) }

  mutating func byte() throws(StatisticsDecodingError) -> UInt8 {
    guard position < bytes.count else { throw error("the end is missing") }
    position += 1
    return bytes[position - 1]
  }

  mutating func unsigned() throws(StatisticsDecodingError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      let next = try byte()
      let part = UInt64(next & 0x7F)
      guard shift < 63 || part <= 1 else { break }
      value |= part << shift
      guard next & 0x80 != 0 else {
        guard next != 0 || shift == 0 else { break }
        return value
      }
    }
    throw error("a number that is too long")
  }

  /// A count from 0 to a limit.
  mutating func count(upTo limit: Int64 = largestCount) throws(StatisticsDecodingError) -> Int64 {
    let value = try unsigned()
    guard value <= UInt64(limit) else { throw error("a count of \(value), past \(limit)") }
    return Int64(value)
  }

  /// The number of elements that follow, each of at least `size` bytes.
  mutating func length(size: Int = 1) throws(StatisticsDecodingError) -> Int {
    let value = try unsigned()
    guard value <= UInt64(remaining / size) else {
      throw error("\(value) elements, but only \(remaining) bytes follow")
    }
    return Int(value)
  }

  mutating func signed() throws(StatisticsDecodingError) -> Int64 {
    let value = try unsigned()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  mutating func double() throws(StatisticsDecodingError) -> Double {
    var bits: UInt64 = 0
    for i in 0..<8 { bits |= UInt64(try byte()) << (8 * UInt64(i)) }
    return Double(bitPattern: bits)
  }

  mutating func word() throws(StatisticsDecodingError) -> UInt32 {
    var value: UInt32 = 0
    for i in 0..<4 { value |= UInt32(try byte()) << (8 * UInt32(i)) }
    return value
  }

  mutating func text() throws(StatisticsDecodingError) -> String {
    let length = try length()
    guard let text = String(validating: bytes[position..<position + length], as: UTF8.self) else {
      throw error("text that is not UTF-8")
    }
    position += length
    return text
  }

  mutating func texts() throws(StatisticsDecodingError) -> [String] {
    let length = try length()
    var texts: [String] = []
    for _ in 0..<length { texts.append(try text()) }
    return texts
  }

  /// A dictionary whose keys ascend, as they were written.
  mutating func dictionary<Value>(
    _ body: (inout ByteReader) throws(StatisticsDecodingError) -> Value
  ) throws(StatisticsDecodingError) -> [ByteText: Value] {
    let length = try length()
    var values: [ByteText: Value] = [:]
    var last: ByteText?
    for _ in 0..<length {
      let key = ByteText(try text())
      if let last, !(last < key) { throw error("names that do not ascend") }
      values[key] = try body(&self)
      last = key
    }
    return values
  }
}
