// SPDX-License-Identifier: GPL-3.0-or-later
// How the quanta of a task ended.

internal import OrderedCollections
internal import TaskFramework

/// Counts of a task's quanta, in which successful, failed, blocked and unknown ones add up to the expected ones.
struct TaskOutcomes {
  let task: String
  private var expected: Int64
  private var successful: Int64
  private var withCaveats: Int64
  private var failed: Int64
  private var blocked: Int64
  private var caveats: [ByteText: Int64]
  /// A warning, when more quanta are recorded than were expected; these then count as expected.
  private(set) var surplus: String?

  init(task: String, expected: Int64, statistics: TaskStatistics) {
    self.task = task
    successful = statistics.successCount
    withCaveats = statistics.caveatCount
    failed = statistics.failureCount
    blocked = statistics.blockedCount
    caveats = statistics.caveats
    let recorded = successful &+ failed &+ blocked
    self.expected = max(expected, recorded)
    if recorded > expected { surplus = "\(task): \(recorded) quanta are recorded, but \(expected) were expected" }
  }

  mutating func add(_ other: TaskOutcomes) {
    expected &+= other.expected
    successful &+= other.successful
    withCaveats &+= other.withCaveats
    failed &+= other.failed
    blocked &+= other.blocked
    caveats.merge(other.caveats) { $0 &+ $1 }
  }

  var json: JSONValue {
    var all: OrderedDictionary<String, JSONValue> = ["task": .string(task)]
    for (name, value) in members { all[name] = value }
    return .object(all)
  }

  /// A quantum with caveats is a successful one too.
  var members: OrderedDictionary<String, JSONValue> {
    var codes: OrderedDictionary<String, JSONValue> = [:]
    for (code, count) in caveats.sorted(by: { $0.key < $1.key }) { codes[code.text] = .integer(count) }
    return [
      "expected": .integer(expected), "successful": .integer(successful), "withCaveats": .integer(withCaveats),
      "failed": .integer(failed), "blocked": .integer(blocked),
      "unknown": .integer(expected &- successful &- failed &- blocked), "caveats": .object(codes),
    ]
  }
}
