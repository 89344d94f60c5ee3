// SPDX-License-Identifier: GPL-3.0-or-later
// JSON that keeps order, kinds of numbers, NaN and infinities.

package import OrderedCollections

/// A JSON value.
///
/// Whole numbers and others stay apart (`1` and `1.0`), members keep their order, and `NaN`, `Infinity` and `-Infinity` are read
/// and written bare, as Python does: metadata needs all three, and the system's coders keep none.
package indirect enum JSONValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(OrderedDictionary<String, JSONValue>)

  /// A member of an object; `nil` for anything else.
  package subscript(name: String) -> JSONValue? {
    if case .object(let members) = self { members[name] } else { nil }
  }

  /// The elements of an array; `nil` for anything else.
  package var elements: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

  /// A number, whole or not; `nil` for anything else.
  package var double: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }

  /// Text without blanks, or indented; equal values give equal text.
  package func text(isPretty: Bool = false) -> String {
    var out = ""
    write(to: &out, indent: isPretty ? "\n" : nil)
    return out
  }

  private func write(to out: inout String, indent: String?) {
    let inner = indent.map { $0 + "  " }
    func list<Element>(_ elements: some Sequence<Element>, _ open: String, _ close: String, _ body: (Element) -> Void) {
      out += open
      var isFirst = true
      for element in elements {
        if !isFirst { out += "," }
        out += inner ?? ""
        body(element)
        isFirst = false
      }
      if !isFirst { out += indent ?? "" }
      out += close
    }
    switch self {
    case .null: out += "null"
    case .boolean(let value): out += value ? "true" : "false"
    case .integer(let value): out += "\(value)"
    case .number(let value): out += Self.text(of: value)
    case .string(let value): Self.quote(value, to: &out)
    case .array(let values): list(values, "[", "]") { $0.write(to: &out, indent: inner) }
    case .object(let members):
      list(members, "{", "}") { key, value in
        Self.quote(key, to: &out)
        out += indent == nil ? ":" : ": "
        value.write(to: &out, indent: inner)
      }
    }
  }

  private static func text(of value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "Infinity" : "-Infinity" }
    // The shortest text that reads back as the same number, always with a point or an exponent.
    return "\(value)"
  }

  private static func quote(_ text: String, to out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      case _ where scalar.value < 32 || scalar.value == 127:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}

/// Text that is no JSON, and where.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  package let line: Int
  package let column: Int
  package let reason: String

  package var description: String { "line \(line), column \(column): \(reason)" }
}

extension JSONValue {
  /// Reads JSON.
  ///
  /// - Throws: ``JSONError``, also for a member that is there twice, and for values nested more than 200 deep.
  package init(parsing text: String) throws(JSONError) {
    var parser = JSONParser(text)
    self = try parser.document()
  }
}

private struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  private func error(_ reason: String, at place: Int? = nil) -> JSONError {
    let before = bytes.prefix(place ?? position)
    let line = before.reduce(1) { $0 + ($1 == 10 ? 1 : 0) }
    let column = before.count - (before.lastIndex(of: 10).map { $0 + 1 } ?? 0) + 1
    return JSONError(line: line, column: column, reason: reason)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = next, byte == 32 || (9...10).contains(byte) || byte == 13 { position += 1 }
  }

  mutating func document() throws(JSONError) -> JSONValue {
    let result = try value(depth: 0)
    skipBlanks()
    guard next == nil else { throw error("more text behind the value") }
    return result
  }

  private mutating func take(_ word: String) -> Bool {
    let wanted = Array(word.utf8)
    guard bytes[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= 200 else { throw error("nested more than 200 deep") }
    skipBlanks()
    switch next {
    case nil: throw error("the text ends where a value is expected")
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    default:
      if take("true") { return .boolean(true) }
      if take("false") { return .boolean(false) }
      if take("null") { return .null }
      if take("NaN") { return .number(.nan) }
      if take("Infinity") { return .number(.infinity) }
      if take("-Infinity") { return .number(-.infinity) }
      return try number()
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var values: [JSONValue] = []
    skipBlanks()
    if take("]") { return .array([]) }
    while true {
      values.append(try value(depth: depth + 1))
      skipBlanks()
      if take("]") { return .array(values) }
      guard take(",") else { throw error("expected , or ]") }
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var members: OrderedDictionary<String, JSONValue> = [:]
    skipBlanks()
    if take("}") { return .object([:]) }
    while true {
      skipBlanks()
      let place = position
      guard next == UInt8(ascii: "\"") else { throw error("expected a member's name in quotes") }
      let key = try string()
      skipBlanks()
      guard take(":") else { throw error("expected :") }
      guard members[key] == nil else { throw error("\"\(key)\" is there twice", at: place) }
      members[key] = try value(depth: depth + 1)
      skipBlanks()
      if take("}") { return .object(members) }
      guard take(",") else { throw error("expected , or }") }
    }
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    while let byte = next, (48...57).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let first = text.first, first == "-" || first.isNumber else { throw error("expected a value", at: start) }
    if !text.contains(where: { ".eE".contains($0) }), let whole = Int64(text) { return .integer(whole) }
    guard let value = Double(text) else { throw error("\(text) is no number", at: start) }
    return .number(value)
  }

  private mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    var result: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: result, as: UTF8.self) else {
          throw error("text that is not UTF-8", at: start)
        }
        return text
      case UInt8(ascii: "\\"): result += Array(String(try escape()).utf8)
      case ..<32: throw error("a control character in a text", at: position - 1)
      default: result.append(byte)
      }
    }
    throw error("a text without end", at: start)
  }

  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    guard let byte = next else { throw error("a text without end") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "u"):
      let high = try hexadecimal()
      if (0xD800..<0xDC00).contains(high), take("\\u") {
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low),
          let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        {
          return scalar
        }
      }
      guard let scalar = Unicode.Scalar(high) else { throw error("half of a character") }
      return scalar
    default: throw error("an escape that JSON does not have", at: position - 1)
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("a text without end") }
    let text = String(decoding: bytes[position..<position + 4], as: UTF8.self)
    guard text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16) else {
      throw error("\(text) is not four hexadecimal digits")
    }
    position += 4
    return value
  }
}
