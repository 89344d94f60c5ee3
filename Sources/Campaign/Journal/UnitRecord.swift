// SPDX-License-Identifier: GPL-3.0-or-later
// What is written down of a work unit.

package import Digests
internal import OrderedCollections
package import Reporting
internal import Repository
package import TaskFramework

/// What is written down of a work unit: each of its quanta, with its recipe and what tells its files apart.
package struct UnitRecord: Sendable {
  package struct Entry: Sendable {
    package var recipe: Digest256
    package var record: QuantumRecord
    /// Of each output of the record.
    package var stamps: [FileStamp]
    /// Paths of outputs that were handed on in memory and have no file.
    package var passedOn: [String]
    /// Paths of inputs that it did without, since what should have made them failed; once they are there, the result does not count.
    package var absent: [String] = []

    package init(recipe: Digest256, record: QuantumRecord, stamps: [FileStamp] = [], passedOn: [String] = []) {
      self.recipe = recipe
      self.record = record
      self.stamps = stamps
      self.passedOn = passedOn
    }
  }

  package var unit: String
  package var attempt: Int
  package var entries: [Entry]

  package init(unit: String, attempt: Int, entries: [Entry]) {
    self.unit = unit
    self.attempt = attempt
    self.entries = entries
  }

  /// The members of the record's line in the journal.
  package var journalMembers: String {
    let quanta = entries.map { entry -> JSONValue in
      var members: OrderedDictionary<String, JSONValue> = ["recipe": .string(entry.recipe.hex)]
      if !entry.stamps.isEmpty { members["stamps"] = .array(entry.stamps.map { .string($0.text) }) }
      if !entry.passedOn.isEmpty { members["passedOn"] = .array(entry.passedOn.map { .string($0) }) }
      if !entry.absent.isEmpty { members["absent"] = .array(entry.absent.map { .string($0) }) }
      members["record"] = entry.record.json
      return .object(members)
    }
    let unit = JSONValue.string(unit).text()
    return "\"kind\":\"unit\",\"unit\":\(unit),\"attempt\":\(attempt),\"quanta\":\(JSONValue.array(quanta).text())"
  }

  /// - Returns: `nil` for a line that is no such record.
  package init?(journalLine line: JSONValue) {
    guard case .string(let unit) = line["unit"], case .integer(let attempt) = line["attempt"],
      let quanta = line["quanta"]?.elements
    else { return nil }
    self.unit = unit
    self.attempt = Int(clamping: attempt)
    entries = []
    for quantum in quanta {
      guard case .string(let hex) = quantum["recipe"], let recipe = Digest256(hex: hex), let json = quantum["record"],
        let record = try? QuantumRecord(json: json)
      else { return nil }
      let stamps = (quantum["stamps"]?.elements ?? []).compactMap { value -> FileStamp? in
        if case .string(let text) = value { FileStamp(text: text) } else { nil }
      }
      let passedOn = (quantum["passedOn"]?.elements ?? []).compactMap { value -> String? in
        if case .string(let text) = value { text } else { nil }
      }
      // A path that leads out of the run is none of ours.
      guard record.outputs.allSatisfy({ Manifest.staysInside($0.path) && $0.bytes >= 0 }) else { return nil }
      var entry = Entry(recipe: recipe, record: record, stamps: stamps, passedOn: passedOn)
      entry.absent = (quantum["absent"]?.elements ?? []).compactMap { value -> String? in
        if case .string(let text) = value { text } else { nil }
      }
      entries.append(entry)
    }
  }
}
