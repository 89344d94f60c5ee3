// SPDX-License-Identifier: GPL-3.0-or-later
// JSON members of expected kinds.

internal import OrderedCollections
internal import TaskFramework

/// A record's JSON that is not what it should be.
package struct RecordError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where: `outputs[2].bytes`; empty for the whole record.
  package let member: String
  package let reason: String

  package var description: String { member.isEmpty ? "the record \(reason)" : "\"\(member)\" \(reason)" }
}

/// A JSON object that is read member by member; what it holds besides is left alone, so that later versions may add to it.
struct MemberReader {
  private let members: OrderedDictionary<String, JSONValue>
  private let path: String

  /// - Parameter path: what errors call the object; empty for the whole record.
  init(_ json: JSONValue, path: String = "") throws(RecordError) {
    guard case .object(let members) = json else { throw RecordError(member: path, reason: "is no object") }
    self.members = members
    self.path = path
  }

  var names: [String] { Array(members.keys) }

  subscript(name: String) -> JSONValue? { members[name] }

  func error(_ name: String, _ reason: String) -> RecordError {
    RecordError(member: path.isEmpty ? name : "\(path).\(name)", reason: reason)
  }

  private func member(_ name: String) throws(RecordError) -> JSONValue {
    guard let value = members[name] else { throw error(name, "is missing") }
    return value
  }

  func string(_ name: String) throws(RecordError) -> String {
    guard case .string(let text) = try member(name) else { throw error(name, "is no text") }
    return text
  }

  /// - Parameter range: which values it may have.
  func integer(_ name: String, in range: ClosedRange<Int64> = 0...Int64.max) throws(RecordError) -> Int64 {
    guard case .integer(let value) = try member(name) else { throw error(name, "is no whole number") }
    guard range.contains(value) else {
      throw error(name, "is \(value), not from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A whole number from 0 to 2³¹ − 1.
  func count(_ name: String) throws(RecordError) -> Int { Int(try integer(name, in: 0...Int64(Int32.max))) }

  func double(_ name: String) throws(RecordError) -> Double {
    guard let value = try member(name).double else { throw error(name, "is no number") }
    return value
  }

  /// One of the texts that stand for cases.
  func choice<Choice: RawRepresentable & CaseIterable>(_ name: String) throws(RecordError) -> Choice
  where Choice.RawValue == String {
    let text = try string(name)
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw error(name, "is \"\(text.clipped(toBytes: 100))\", not one of \(known)")
    }
    return choice
  }

  /// Texts; none where the member is missing.
  func strings(_ name: String) throws(RecordError) -> [String] {
    var texts: [String] = []
    for (i, element) in try elements(name).enumerated() {
      guard case .string(let text) = element else { throw error("\(name)[\(i)]", "is no text") }
      texts.append(text)
    }
    return texts
  }

  /// Objects; none where the member is missing.
  func objects(_ name: String) throws(RecordError) -> [MemberReader] {
    var objects: [MemberReader] = []
    for (i, element) in try elements(name).enumerated() {
      objects.append(try MemberReader(element, path: error("\(name)[\(i)]", "").member))
    }
    return objects
  }

  private func elements(_ name: String) throws(RecordError) -> [JSONValue] {
    guard let value = members[name] else { return [] }
    guard let elements = value.elements else { throw error(name, "is no array") }
    return elements
  }

  /// A data ID; the empty one where the member is missing.
  func dataID(_ name: String) throws(RecordError) -> DataID {
    guard let value = members[name] else { return .empty }
    return try DataID(json: value, member: error(name, "").member)
  }
}
