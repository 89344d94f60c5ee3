// SPDX-License-Identifier: GPL-3.0-or-later
// Values as bytes in one form only.

/// Writes values compactly, little-endian; equal values give equal bytes.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  /// Seven bits a byte, the lowest first.
  mutating func write(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// A count; what a damaged message made negative is written as it is.
  mutating func write(count: Int64) { write(UInt64(bitPattern: count)) }

  mutating func write(count: Int) { write(UInt64(bitPattern: Int64(count))) }

  /// A number of either sign, short when it is small.
  mutating func write(signed value: Int64) { write(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  mutating func write(_ value: Double) {
    for i in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * i))) }
  }

  mutating func write(word: UInt32) { for i in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * i))) } }

  mutating func write(byte: UInt8) { bytes.append(byte) }

  mutating func write(_ text: String) {
    write(count: text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func write(_ texts: [String]) {
    write(count: texts.count)
    for text in texts { write(text) }
  }

  /// A dictionary in the order of its keys.
  mutating func write<Value>(_ values: [ByteText: Value], _ body: (inout ByteWriter, Value) -> Void) {
    write(count: values.count)
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      write(key.text)
      body(&self, value)
    }
  }
}
