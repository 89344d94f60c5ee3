// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a report, whatever it holds.

internal import OrderedCollections
internal import TaskFramework

/// What is not there or of another kind reads as nothing: a page shows what there is.
extension JSONValue {
  func list(_ name: String) -> [JSONValue] { self[name]?.elements ?? [] }

  var objectMembers: OrderedDictionary<String, JSONValue> {
    if case .object(let members) = self { members } else { [:] }
  }

  func members(_ name: String) -> OrderedDictionary<String, JSONValue> { self[name]?.objectMembers ?? [:] }

  func string(_ name: String) -> String { self[name]?.plainText ?? "" }

  func number(_ name: String) -> Double { self[name]?.double ?? .nan }

  /// A count; never negative.
  func count(_ name: String) -> Int64 {
    if case .integer(let value) = self[name] { max(value, 0) } else { 0 }
  }

  /// A value in a line of text.
  var plainText: String {
    switch self {
    case .string(let text): text
    case .integer(let value): "\(value)"
    case .number(let value): Quantity.number(value)
    case .boolean(let value): value ? "true" : "false"
    case .null, .array, .object: ""
    }
  }

  /// A number in a table: whole ones with all digits, others with five.
  var tableNumber: String {
    switch self {
    case .integer(let value): Quantity.count(value)
    default: plainText
    }
  }

  /// A data ID: `visit 100, detector 3`.
  var dataIDText: String {
    guard case .object(let members) = self, !members.isEmpty else { return "everything" }
    return members.map { "\($0.key) \($0.value.plainText)" }.joined(separator: ", ")
  }
}
