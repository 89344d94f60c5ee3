// SPDX-License-Identifier: GPL-3.0-or-later
// The report of a run.

internal import OrderedCollections
package import TaskFramework

/// What `report.json` says of a run.
///
/// Everything outside of the last member, `timing`, depends on the job and its data alone: not on ranks, hosts, time, order or
/// interruptions of a run that is complete.
package struct Report: Sendable {
  package enum Status: String, CaseIterable, Hashable, Sendable {
    case complete, interrupted
  }

  package static let format = "skydiff report"
  package static let formatVersion: Int64 = 1

  package var run: String
  package var status: Status
  /// How many quanta each task should have, in the pipeline's order.
  package var expected: [(task: String, count: Int)]
  package var statistics: CampaignStatistics
  package var timing: TimingSummary
  /// Each task's full configuration.
  package var configuration: [(task: String, yaml: String)]
  package var software: [(name: String, version: String)]
  package var warnings: [String]

  package init(
    run: String, status: Status, expected: [(task: String, count: Int)], statistics: CampaignStatistics,
    timing: TimingSummary, configuration: [(task: String, yaml: String)], software: [(name: String, version: String)],
    warnings: [String]
  ) {
    self.run = run
    self.status = status
    self.expected = expected
    self.statistics = statistics
    self.timing = timing
    self.configuration = configuration
    self.software = software
    self.warnings = warnings
  }

  /// The file `report.json`: the indented ``json`` and a line's end.
  package var text: String { json.text(isPretty: true) + "\n" }

  // MARK: - JSON

  package var json: JSONValue {
    let tasks = outcomes
    let labels = tasks.map(\.task)
    var total = TaskOutcomes(task: "", expected: 0, statistics: TaskStatistics())
    for task in tasks { total.add(task) }
    var members: OrderedDictionary<String, JSONValue> = [
      "format": .string(Self.format), "formatVersion": .integer(Self.formatVersion), "run": .string(run),
      "status": .string(status.rawValue),
    ]
    members["tasks"] = .array(tasks.map(\.json))
    members["totals"] = .object(total.members)
    members["exceptions"] = .array(labels.flatMap(exceptions))
    members["failures"] = .array(statistics.failures.map(\.json))
    members["failureCount"] = .integer(statistics.failureCount)
    members["caveats"] = .array(statistics.caveats.map(\.json))
    members["metadata"] = metadata(labels)
    members["datasets"] = .array(datasets)
    var yamls: OrderedDictionary<String, JSONValue> = [:]
    for (task, yaml) in configuration { yamls[task] = .string(yaml) }
    members["configuration"] = .object(yamls)
    members["software"] = .array(
      software.map { name, version in .object(["name": .string(name), "version": .string(version)]) })
    members["warnings"] = .array((warnings + tasks.compactMap(\.surplus)).map { .string($0) })
    members["timing"] = timing.json(taskOrder: labels)
    return .object(members)
  }

  /// In the pipeline's order; tasks that have quanta but were not expected follow by name.
  private var outcomes: [TaskOutcomes] {
    var rest = statistics.tasks
    var tasks = expected.map { task, count in
      TaskOutcomes(
        task: task, expected: Int64(count), statistics: rest.removeValue(forKey: ByteText(task)) ?? TaskStatistics())
    }
    for (task, statistics) in rest.sorted(by: { $0.key < $1.key }) {
      tasks.append(TaskOutcomes(task: task.text, expected: 0, statistics: statistics))
    }
    return tasks
  }

  private func exceptions(_ task: String) -> [JSONValue] {
    (statistics.tasks[ByteText(task)]?.failures ?? [:]).sorted { $0.key < $1.key }.map { category, failure in
      .object([
        "task": .string(task), "category": .string(category.text), "count": .integer(failure.count),
        "example": .object([
          "dataID": failure.example.dataID.json, "message": .string(failure.example.message),
        ]),
      ])
    }
  }

  private func metadata(_ labels: [String]) -> JSONValue {
    var tasks: OrderedDictionary<String, JSONValue> = [:]
    for label in labels {
      guard let values = statistics.tasks[ByteText(label)]?.metadata, !values.isEmpty else { continue }
      var keys: OrderedDictionary<String, JSONValue> = [:]
      for (key, value) in values.sorted(by: { $0.key < $1.key }) { keys[key.text] = value.json }
      tasks[label] = .object(keys)
    }
    return .object(tasks)
  }

  private var datasets: [JSONValue] {
    statistics.datasets.sorted { $0.key < $1.key }.map { type, statistics in
      .object([
        "datasetType": .string(type.text), "count": .integer(statistics.count), "bytes": .integer(statistics.bytes),
      ])
    }
  }
}

extension FailedQuantum {
  fileprivate var json: JSONValue {
    .object([
      "task": .string(task), "dataID": dataID.json, "category": .string(category), "message": .string(message),
      "inputs": .array(inputs.map { .string($0) }), "logTail": .array(logTail.map { .string($0) }),
    ])
  }
}

extension CaveatedQuantum {
  fileprivate var json: JSONValue {
    .object(["task": .string(task), "dataID": dataID.json, "code": .string(code)])
  }
}
