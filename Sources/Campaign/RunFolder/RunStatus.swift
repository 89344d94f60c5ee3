// SPDX-License-Identifier: GPL-3.0-or-later
// Where a run stands.

internal import Foundation
internal import OrderedCollections
internal import Reporting
internal import Repository
internal import TaskFramework

/// Where a run stands, from its journal; also while it runs.
package struct RunStatus {
  package let warnings: [String]
  private let folder: String
  private let state: String
  private let owner: String?
  private let counts: [(task: String, expected: Int, succeeded: Int, failed: Int, blocked: Int)]
  private let live: JSONValue?

  /// - Throws: ``Repository/ReadError`` where there is no run.
  package init(_ folder: String) throws {
    self.folder = folder
    let history = try RunReport.history(of: folder)
    warnings = history.warnings
    let isHeld = RunLock.isHeld(folder)
    owner = isHeld ? RunLock.describeOwner(of: folder) : nil
    state = isHeld ? "running" : history.isComplete ? "complete" : "interrupted"
    var byTask: [String: (succeeded: Int, failed: Int, blocked: Int)] = [:]
    for entry in history.counted {
      switch entry.record.outcome {
      case .succeeded: byTask[entry.record.task, default: (0, 0, 0)].succeeded += 1
      case .failed: byTask[entry.record.task, default: (0, 0, 0)].failed += 1
      case .blocked: break
      }
    }
    for record in history.blocked { byTask[record.task, default: (0, 0, 0)].blocked += 1 }
    counts = history.expected.map { task, expected in
      let found = byTask[task] ?? (0, 0, 0)
      return (task, expected, found.succeeded, found.failed, found.blocked)
    }
    live =
      isHeld
      ? FileManager.default.contents(atPath: "\(folder)/status.json")
        .flatMap { try? JSONValue(parsing: String(decoding: $0, as: UTF8.self)) } : nil
  }

  package var text: String {
    var text = "\(folder): \(state)\n"
    if let owner { text += "\(owner)\n" }
    if case .integer(let left)? = live?["remainingSeconds"] {
      text += "about \(ProgressState.duration(Double(left))) left\n"
    } else if let left = live?["remainingSeconds"]?.double {
      text += "about \(ProgressState.duration(left)) left\n"
    }
    var rows = [["task", "successful", "failed", "blocked", "left", "expected"]]
    for count in counts {
      let left = max(0, count.expected - count.succeeded - count.failed - count.blocked)
      rows.append([count.task] + [count.succeeded, count.failed, count.blocked, left, count.expected].map { "\($0)" })
    }
    return text + "\n" + Forecast.table(rows)
  }

  package var json: String {
    var members: OrderedDictionary<String, JSONValue> = ["run": .string(folder), "state": .string(state)]
    if let owner { members["owner"] = .string(owner) }
    members["tasks"] = .array(
      counts.map { count in
        .object([
          "task": .string(count.task), "expected": .integer(Int64(count.expected)),
          "successful": .integer(Int64(count.succeeded)), "failed": .integer(Int64(count.failed)),
          "blocked": .integer(Int64(count.blocked)),
        ])
      })
    if let live { members["live"] = live }
    return JSONValue.object(members).text(isPretty: true) + "\n"
  }
}
