// SPDX-License-Identifier: GPL-3.0-or-later
// How far a run is.

internal import Foundation
internal import OrderedCollections
package import TaskFramework

/// How far a session is, in quanta.
package struct ProgressState: Hashable, Sendable {
  package var run = ""
  package var session = 0
  /// Quanta of this session.
  package var total = 0
  package var succeeded = 0
  package var failed = 0
  package var blocked = 0
  package var running = 0
  /// Quanta whose results were there before.
  package var reused = 0
  package var ranks = 0
  /// Seconds since the session began.
  package var seconds = 0.0
  package var isDraining = false
  /// What runs longest now: unit, rank, seconds.
  package var slowest: (unit: String, rank: Int, seconds: Double)? {
    get { slowestUnit.isEmpty ? nil : (slowestUnit, slowestRank, slowestSeconds) }
    set { (slowestUnit, slowestRank, slowestSeconds) = newValue ?? ("", 0, 0) }
  }
  private var slowestUnit = ""
  private var slowestRank = 0
  private var slowestSeconds = 0.0

  package init() {}

  package var ended: Int { succeeded + failed + blocked }

  /// Seconds until the end, if all goes on as it has; `nil` while nothing can be said.
  package var remainingSeconds: Double? {
    guard ended > 0, seconds > 0 else { return nil }
    return seconds / Double(ended) * Double(max(0, total - ended))
  }

  /// `312/10000 done, 2 failed, 7 blocked, 41 s median …` for people.
  package var text: String {
    var parts = ["\(ended)/\(total) quanta"]
    if failed > 0 { parts.append("\(failed) failed") }
    if blocked > 0 { parts.append("\(blocked) blocked") }
    if seconds > 0, ended > 0 { parts.append(Self.rate(Double(ended) / seconds)) }
    if let left = remainingSeconds, ended < total { parts.append("ETA \(Self.duration(left))") }
    if isDraining { parts.append("draining") }
    if let slowest, slowest.seconds > 30 {
      parts.append("slowest now: \(slowest.unit) on rank \(slowest.rank), \(Self.duration(slowest.seconds))")
    }
    return parts.joined(separator: ", ")
  }

  static func rate(_ perSecond: Double) -> String {
    perSecond >= 1
      ? "\(oneDigit(perSecond))/s"
      : perSecond >= 1.0 / 60 ? "\(oneDigit(perSecond * 60))/min" : "\(oneDigit(perSecond * 3600))/h"
  }

  private static func oneDigit(_ value: Double) -> String { String(format: "%.1f", value) }

  /// `41 s`, `12 min 3 s`, `3 h 12 min`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// The content of `status.json`.
  package func json(state: String) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "run": .string(run), "state": .string(state), "session": .integer(Int64(session)),
      "total": .integer(Int64(total)),
      "succeeded": .integer(Int64(succeeded)), "failed": .integer(Int64(failed)), "blocked": .integer(Int64(blocked)),
      "running": .integer(Int64(running)), "reused": .integer(Int64(reused)), "ranks": .integer(Int64(ranks)),
      "seconds": .number((seconds * 10).rounded() / 10), "time": .string(utcNow()),
    ]
    if let left = remainingSeconds { members["remainingSeconds"] = .number(left.rounded()) }
    if let slowest {
      members["slowest"] = .object([
        "unit": .string(slowest.unit), "rank": .integer(Int64(slowest.rank)),
        "seconds": .number(slowest.seconds.rounded()),
      ])
    }
    return .object(members)
  }
}
