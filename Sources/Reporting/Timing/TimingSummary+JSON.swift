// SPDX-License-Identifier: GPL-3.0-or-later
// Time and memory as a report has them.

internal import OrderedCollections
package import TaskFramework

extension TimingSummary {
  /// - Parameter labels: the tasks in the pipeline's order; others follow by name.
  package func json(taskOrder labels: [String] = []) -> JSONValue {
    let known = labels.map { ByteText($0) }.filter { tasks[$0] != nil }
    let order = known + tasks.keys.filter { !known.contains($0) }.sorted()
    let lostCount = (attempts[.lost] ?? 0) + (attempts[.timeout] ?? 0)
    return .object([
      "seconds": .number(sessionSeconds.value),
      "sessions": .array(sortedSessions.map(\.json)),
      "attempts": .object(
        OrderedDictionary(
          uniqueKeysWithValues: AttemptRecord.Outcome.allCases.map { ($0.rawValue, .integer(attempts[$0] ?? 0)) })),
      "tasks": .array(order.compactMap { label in tasks[label].map { $0.json(label.text) } }),
      "ranks": .array(ranks.sorted { $0.key < $1.key }.map { $0.value.json($0.key) }),
      "slowest": .array(slowest.map(\.json)),
      "lost": .array(firstLost.map(\.json)),
      "lostCount": .integer(lostCount),
    ])
  }

  private var sortedSessions: [SessionRecord] {
    // Two of one number are a damaged record; their texts keep even that in one order.
    sessions.sorted { ($0.session, ByteText($0.json.text())) < ($1.session, ByteText($1.json.text())) }
  }
}

extension TimingSummary.Task {
  fileprivate func json(_ label: String) -> JSONValue {
    let quantiles = seconds.quantiles
    return .object([
      "task": .string(label), "count": .integer(seconds.count), "seconds": .number(seconds.total),
      "mean": .number(seconds.moments.mean), "median": .number(quantiles[2]), "p95": .number(quantiles[4]),
      "max": .number(seconds.count > 0 ? seconds.maximum : .nan), "cpuSeconds": .number(cpuSeconds.value),
      "maxResidentSetSize": .integer(maxResidentSetSize),
    ])
  }
}

extension TimingSummary.Rank {
  fileprivate func json(_ key: TimingSummary.RankKey) -> JSONValue {
    var counts: OrderedDictionary<String, JSONValue> = [:]
    for (task, count) in tasks.sorted(by: { $0.key < $1.key }) { counts[task.text] = .integer(count) }
    return .object([
      "rank": .integer(Int64(key.rank)), "host": .string(key.host.text), "units": .integer(units),
      "quanta": .integer(quanta), "busySeconds": .number(busySeconds.value), "tasks": .object(counts),
      "maxResidentSetSize": .integer(maxResidentSetSize),
    ])
  }
}

extension TimingSummary.SlowQuantum {
  fileprivate var json: JSONValue {
    .object([
      "task": .string(timing.task), "dataID": timing.dataID.json, "seconds": .number(timing.seconds),
      "cpuSeconds": .number(timing.cpuSeconds), "rank": .integer(Int64(rank.rank)), "host": .string(rank.host.text),
    ])
  }
}

extension TimingSummary.LostAttempt {
  fileprivate var json: JSONValue {
    .object([
      "unit": .string(unit.text), "attempt": .integer(Int64(attempt)), "session": .integer(Int64(session)),
      "rank": .integer(Int64(rank.rank)), "host": .string(rank.host.text), "outcome": .string(outcome.rawValue),
    ])
  }
}
