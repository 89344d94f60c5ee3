// SPDX-License-Identifier: GPL-3.0-or-later
// YAML from untrusted files.

internal import Foundation
internal import Yams

/// Text that is no YAML of the kind that is accepted.
package struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// `nil` when it concerns the whole text.
  package let line: Int?
  package let reason: String

  package var description: String { (line.map { "line \($0): " } ?? "") + reason }
}

/// YAML as configurations use it: mappings, lists and plain values, no anchors, no aliases, no tags.
package enum YAMLText {
  /// No configuration of a person is longer; reading takes some hundred times as much memory.
  package static let largestSize = 1 << 19
  private static let largestDepth = 64

  /// Reads a document.
  ///
  /// - Returns: ``ConfigValue/null`` for an empty one.
  /// - Throws: ``YAMLError``: text that is no YAML, too long or too deep, keys that are there twice, aliases, several documents.
  package static func parse(_ text: String) throws(YAMLError) -> ConfigValue {
    guard text.utf8.count <= largestSize else {
      throw YAMLError(line: nil, reason: "it has \(text.utf8.count) bytes; at most \(largestSize) are read")
    }
    // The parser would follow aliases before anyone can count them.
    if let line = lineOfAnchor(in: text) {
      throw YAMLError(
        line: line, reason: "anchors and aliases (&name, *name) are not accepted; repeat the value, or quote the text")
    }
    if let line = lineOfTab(in: text) {
      throw YAMLError(line: line, reason: "a tab indents this line; YAML indents by blanks only")
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw describe(error)
    } catch {
      throw YAMLError(line: nil, reason: "\(error)")
    }
    return try node.map { node throws(YAMLError) in try value(node, depth: 0) } ?? .null
  }

  /// Reads a value as it is written behind `=` on a command line: a number, true, null, `[1, 2]`, or else text.
  package static func parseValue(_ text: String) -> ConfigValue {
    guard let value = try? parse(text) else { return .string(text) }
    // An empty text is a text, and `a: b` behind `=` was not meant as a mapping.
    switch value {
    case .null where text.isEmpty: return .string("")
    case .mapping where !text.hasPrefix("{"): return .string(text)
    default: return value
    }
  }

  private static func describe(_ error: YamlError) -> YAMLError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return YAMLError(line: mark.line, reason: "not YAML: \(problem)")
    case .reader(let problem, _, _, _): return YAMLError(line: nil, reason: "not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      return YAMLError(
        line: context.mark.line, reason: "\(duplicates.joined(separator: ", ")) is there twice in one mapping")
    default: return YAMLError(line: nil, reason: "not YAML: \(error)")
    }
  }

  private static func value(_ node: Node, depth: Int) throws(YAMLError) -> ConfigValue {
    guard depth <= largestDepth else {
      throw YAMLError(line: node.mark?.line, reason: "nested more than \(largestDepth) deep")
    }
    switch node {
    case .scalar(let scalar): return try self.scalar(node, scalar)
    case .sequence(let sequence):
      var values: [ConfigValue] = []
      for element in sequence { values.append(try value(element, depth: depth + 1)) }
      return .list(values)
    case .mapping(let mapping):
      var entries: [ConfigValue.Entry] = []
      for (key, element) in mapping {
        guard case .scalar(let name) = key, !name.string.isEmpty else {
          throw YAMLError(line: key.mark?.line, reason: "a key must be plain text")
        }
        entries.append(.init(name.string, try value(element, depth: depth + 1), line: key.mark?.line))
      }
      return .mapping(entries)
    case .alias: throw YAMLError(line: node.mark?.line, reason: "aliases are not accepted")
    }
  }

  private static func scalar(_ node: Node, _ scalar: Node.Scalar) throws(YAMLError) -> ConfigValue {
    guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
    let text = scalar.string
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    case ".inf", ".Inf", "+.inf", "inf", "Infinity": return .number(.infinity)
    case "-.inf", "-.Inf", "-inf", "-Infinity": return .number(-.infinity)
    case ".nan", ".NaN", "nan", "NaN": return .number(.nan)
    default: break
    }
    guard let first = text.first, first.isASCII, first.isNumber || "+-.".contains(first) else { return .string(text) }
    if let whole = Int(text) { return .integer(whole) }
    // Only what looks like a number: Swift also reads hexadecimal ones.
    if text.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }), let number = Double(text) {
      return .number(number)
    }
    return .string(text)
  }

  /// The first line in which an anchor or an alias may begin a node.
  ///
  /// Text that only looks so has to be quoted.
  private static func lineOfAnchor(in text: String) -> Int? {
    var line = 1
    var quote: UInt8 = 0
    // Whether a node may begin here, whether a tag is under way, behind which one may, and the byte before.
    var mayBegin = true
    var isInTag = false
    var previous: UInt8 = 10
    let bytes = Array(text.utf8)
    for (i, byte) in bytes.enumerated() {
      defer { previous = byte }
      if byte == 10 {
        line += 1
        if quote == 0 || quote == 35 {
          quote = 0
          mayBegin = true
          isInTag = false
        }
        continue
      }
      if quote != 0 {
        if byte == quote, quote != 35 { quote = 0 }
        continue
      }
      switch byte {
      case 34, 39: if mayBegin { quote = byte }
      case 35: if previous == 10 || previous == 32 || previous == 9 { quote = 35 }
      case 32, 9:
        isInTag = false
        continue
      case 33: if mayBegin { isInTag = true }
      case 38, 42:
        if mayBegin, !isInTag, let next = bytes.indices.contains(i + 1) ? bytes[i + 1] : nil, next > 32 { return line }
      default: break
      }
      // Behind these a node begins; behind anything else text goes on.
      if !isInTag { mayBegin = ":,[{-?".utf8.contains(byte) }
    }
    return nil
  }

  private static func lineOfTab(in text: String) -> Int? {
    for (i, line) in text.utf8.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      let indent = line.prefix { $0 == 32 || $0 == 9 }
      if indent.contains(9), indent.count < line.count, line.dropFirst(indent.count).first != 35 { return i + 1 }
    }
    return nil
  }
}
