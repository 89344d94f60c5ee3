// SPDX-License-Identifier: GPL-3.0-or-later
// What the values of one name are like over all quanta.

internal import OrderedCollections
package import TaskFramework

/// Statistics of the values of one metadata key, for each kind that occurs; ints and floats are numbers.
package struct ValueStatistics: Sendable, Hashable {
  package internal(set) var numbers: NumberStatistics?
  package internal(set) var texts: TextStatistics?
  package internal(set) var booleans: BooleanStatistics?

  package init() {}

  package mutating func add(_ value: MetadataScalar) {
    switch value {
    case .float(let number):
      if numbers == nil { numbers = NumberStatistics() }
      numbers?.add(number)
    case .integer(let number):
      if numbers == nil { numbers = NumberStatistics() }
      numbers?.add(number)
    case .string(let text):
      if texts == nil { texts = TextStatistics() }
      texts?.add(text)
    case .boolean(let truth):
      if booleans == nil { booleans = BooleanStatistics() }
      booleans?.add(truth)
    }
  }

  package mutating func merge(_ other: ValueStatistics) {
    if let theirs = other.numbers { if numbers == nil { numbers = theirs } else { numbers?.merge(theirs) } }
    if let theirs = other.texts { if texts == nil { texts = theirs } else { texts?.merge(theirs) } }
    if let theirs = other.booleans { if booleans == nil { booleans = theirs } else { booleans?.merge(theirs) } }
  }

  /// `{"number": {…}, "text": {…}, "boolean": {…}}`, each only where there are such values.
  package var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [:]
    members["number"] = numbers?.json
    members["text"] = texts?.json
    members["boolean"] = booleans?.json
    return .object(members)
  }
}
