// SPDX-License-Identifier: GPL-3.0-or-later
// What a journal says has happened.

package import Digests
internal import Foundation
package import Reporting
package import Repository
package import TaskFramework

/// What a journal says has happened: the last word on every quantum.
package struct RunHistory: Sendable {
  /// The last record of each quantum that succeeded or failed, by recipe; a unit that never was through has none.
  package private(set) var entries: [Digest256: UnitRecord.Entry] = [:]
  /// The recipe of the last record of each quantum, by its task and data ID.
  package private(set) var latest: [QuantumKey: Digest256] = [:]
  /// Starts of units that ended with the loss of their rank, or of their time.
  package private(set) var strikes: [String: (losses: Int, timeouts: Int)] = [:]
  /// Which quantum of a unit was under way at the last such start, where that is known.
  private(set) var blamedPlaces: [String: Int] = [:]
  /// The session of the last such start.
  private(set) var lastStrikes: [String: Int] = [:]
  package private(set) var sessionCount = 0
  /// What the last session had to say of its plan.
  package private(set) var planWarnings: [String] = []
  /// Quanta of each task that the run should have, as the last session planned it.
  package private(set) var expected: [(task: String, count: Int)] = []
  /// Whether the last session came to its end.
  package private(set) var isComplete = false
  package private(set) var soundLength = 0
  package private(set) var warnings: [String] = []
  private var blockedByKey: [QuantumKey: QuantumRecord] = [:]

  /// Records of quanta that could not run.
  package var blocked: [QuantumRecord] { Array(blockedByKey.values) }

  package struct QuantumKey: Hashable, Sendable {
    package let task: String
    package let dataID: DataID

    package init(task: String, dataID: DataID) {
      self.task = task
      self.dataID = dataID
    }
  }

  package static let formatVersion: Int64 = 1

  package init() {}

  /// Reads the journal of a run.
  ///
  /// A line that is damaged counts as not written: what it was about is done again.
  ///
  /// - Throws: ``Repository/ReadError``, ``Repository/FormatError`` for the journal of a newer program.
  package init(journalOf folder: String) throws {
    let path = "\(folder)/journal.jsonl"
    let (lines, soundLength) = try Journal.read(path)
    self.soundLength = soundLength
    var damaged: [String] = []
    for line in lines {
      switch line {
      case .sound(let json):
        // A session that began behind the damage has seen to it.
        if json["kind"] == .string("session") { damaged = [] }
        try take(json, path)
      case .damaged(let number, let offset): damaged.append("line \(number) (byte \(offset))")
      }
    }
    if let first = damaged.first {
      warnings.append(
        "\(path): \(damaged.count == 1 ? "" : "\(damaged.count) lines are damaged, the first is ")\(first)"
          + "\(damaged.count == 1 ? " is damaged" : ""); what was recorded there is done again")
    }
  }

  private mutating func take(_ line: JSONValue, _ path: String) throws {
    guard case .string(let kind) = line["kind"] else { return }
    switch kind {
    case "session": try beginSession(line, path)
    case "unit":
      guard let record = UnitRecord(journalLine: line) else { return }
      strikes[record.unit] = nil
      for entry in record.entries {
        latest[QuantumKey(task: entry.record.task, dataID: entry.record.dataID)] = entry.recipe
        let key = QuantumKey(task: entry.record.task, dataID: entry.record.dataID)
        blockedByKey[key] = entry.record.outcome == .blocked ? entry.record : nil
        if entry.record.outcome != .blocked { entries[entry.recipe] = entry }
      }
    case "strike":
      guard case .string(let unit) = line["unit"], case .string(let cause) = line["cause"] else { return }
      if case .integer(let place) = line["place"] { blamedPlaces[unit] = Int(clamping: max(0, place)) }
      if case .integer(let session) = line["session"] { lastStrikes[unit] = Int(clamping: session) }
      if cause == "timeout" {
        strikes[unit, default: (0, 0)].timeouts += 1
      } else {
        strikes[unit, default: (0, 0)].losses += 1
      }
    case "blocked":
      if let json = line["record"], let record = try? QuantumRecord(json: json) {
        blockedByKey[QuantumKey(task: record.task, dataID: record.dataID)] = record
      }
    case "forget":
      if case .string(let hex) = line["recipe"], let recipe = Digest256(hex: hex) { forget(recipe) }
    case "end": if case .boolean(true) = line["isComplete"] { isComplete = true }
    default: break
    }
  }

  private mutating func beginSession(_ line: JSONValue, _ path: String) throws {
    if case .integer(let version) = line["formatVersion"], version > Self.formatVersion {
      throw FormatError(
        file: path, object: "formatVersion",
        reason:
          "it is \(version), and this program reads up to \(Self.formatVersion); go on with the newer program, or use --restart"
      )
    }
    if case .integer(let number) = line["session"] { sessionCount = max(sessionCount, Int(Int32(clamping: number))) }
    reopen()
    blockedByKey = [:]
    planWarnings = (line["warnings"]?.elements ?? []).compactMap {
      if case .string(let text) = $0 { text } else { nil }
    }
    expected = (line["expected"]?.elements ?? []).compactMap { item in
      guard case .string(let task) = item["task"], case .integer(let count) = item["count"] else { return nil }
      return (task, Int(Int32(clamping: max(0, count))))
    }
  }

  /// The category of units that lost their rank, or their time, too often.
  package static let quarantined = "Quarantined"

  /// Begins another session: what failed in a run that came to its end is tried again, and what could not run waits again.
  ///
  /// What is in quarantine stays there: it would take its rank with it once more.
  package mutating func reopen() {
    if isComplete {
      for (recipe, entry) in entries {
        if case .failed(let category, _) = entry.record.outcome, category != Self.quarantined { entries[recipe] = nil }
      }
    }
    isComplete = false
  }

  /// Lets all that is in quarantine be tried again.
  package mutating func endQuarantine() {
    for (recipe, entry) in entries {
      if case .failed(Self.quarantined, _) = entry.record.outcome { entries[recipe] = nil }
    }
    strikes = [:]
  }

  /// Adds starts that ended with a crash, which those who crashed could not write down themselves; a start that was written down
  /// counts once.
  package mutating func addCrashes(_ crashes: [CrashNote.Crash]) -> [CrashNote.Crash] {
    var new: [String: CrashNote.Crash] = [:]
    for crash in crashes {
      blamedPlaces[crash.unit] = crash.place
      if lastStrikes[crash.unit] != sessionCount { new[crash.unit] = crash }
    }
    for unit in new.keys { strikes[unit, default: (0, 0)].losses += 1 }
    return new.values.sorted { $0.unit < $1.unit }
  }

  /// Takes a record out of what counts.
  package mutating func forget(_ recipe: Digest256) { entries[recipe] = nil }

  /// The entries that count for a report: the last of each quantum.
  package var counted: [UnitRecord.Entry] { latest.values.compactMap { entries[$0] } }

  /// The files that there should be, by their paths in the run.
  package var products: [String: FileDigest] {
    var products: [String: FileDigest] = [:]
    for entry in counted {
      for output in entry.record.outputs where Manifest.staysInside(output.path) {
        products[output.path] = FileDigest(size: output.bytes, sha256: output.sha256)
      }
    }
    return products
  }
}
