// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of all quanta of a run.

internal import TaskFramework

/// Outcomes, metadata statistics, failures, caveats and datasets of any number of quanta.
///
/// Ranks each make their own and merge them in a tree; `skydiff report` makes one from the journal.
///
/// **Guarantees**: the same quanta give the same ``encode()`` bytes in whatever order and parts they are added and merged. Capped
/// lists keep the first by (task, data ID) and count the others.
///
/// **Cost**: about 5 µs a quantum with 10 metadata values; some 500 bytes a key with many different values, so that the size
/// depends on what the quanta say and hardly on how many there are.
package struct CampaignStatistics: Sendable, Equatable {
  /// How many failures and how many caveats are listed.
  package static var listLimit: Int { SmallestRecords<FailedQuantum>.limit }
  private static let longestName = 200

  var tasks: [ByteText: TaskStatistics] = [:]
  var datasets: [ByteText: DatasetStatistics] = [:]
  var failed = SmallestRecords<FailedQuantum>()
  var caveated = SmallestRecords<CaveatedQuantum>()

  package init() {}

  /// The number of quanta.
  package var count: Int64 { tasks.values.reduce(0) { $0 &+ $1.successCount &+ $1.failureCount &+ $1.blockedCount } }
  package var failureCount: Int64 { failed.count }
  /// The first ones by task and data ID.
  package var failures: [FailedQuantum] { failed.sorted }
  /// The first ones by task and data ID.
  package var caveats: [CaveatedQuantum] { caveated.sorted }

  /// The statistics of a metadata key of a task, as `makeWarp:select.nGood`; `nil` when no quantum has it.
  package func metadata(task: String, key: String) -> ValueStatistics? {
    tasks[ByteText(task)]?.metadata[ByteText(key)]
  }

  package mutating func add(_ record: QuantumRecord) {
    for output in record.outputs {
      datasets[ByteText(output.datasetType), default: DatasetStatistics()].count &+= 1
      datasets[ByteText(output.datasetType)]?.add(bytes: Int64(output.bytes))
    }
    let task = ByteText(record.task)
    switch record.outcome {
    case .succeeded(let caveats):
      tasks[task, default: TaskStatistics()].successCount &+= 1
      guard !caveats.isEmpty else { break }
      // Bits without a letter are caveats nonetheless.
      let code = caveats.conciseCode.isEmpty ? "?" : caveats.conciseCode
      tasks[task]?.caveats[ByteText(code), default: 0] &+= 1
      caveated.insert(CaveatedQuantum(task: record.task, dataID: record.dataID, code: code))
    case .failed(let category, let message):
      let category = category.clipped(toBytes: Self.longestName)
      let quantum = FailedQuantum(
        record, category: category, message: message.clipped(toBytes: FailedQuantum.longestMessage))
      let single = CategoryStatistics(count: 1, example: (quantum.order, quantum.dataID, quantum.message))
      var statistics = TaskStatistics()
      statistics.failures[ByteText(category)] = single
      tasks[task, default: TaskStatistics()].merge(statistics)
      failed.insert(quantum)
    case .blocked: tasks[task, default: TaskStatistics()].blockedCount &+= 1
    }
    if !record.metadata.isEmpty { tasks[task, default: TaskStatistics()].add(record.metadata) }
  }

  package mutating func merge(_ other: CampaignStatistics) {
    for (task, theirs) in other.tasks { tasks[task, default: TaskStatistics()].merge(theirs) }
    for (type, theirs) in other.datasets {
      datasets[type, default: DatasetStatistics()].count &+= theirs.count
      datasets[type]?.add(bytes: theirs.bytes)
    }
    failed.merge(other.failed)
    caveated.merge(other.caveated)
  }

  /// Compares their bytes.
  package static func == (a: CampaignStatistics, b: CampaignStatistics) -> Bool { a.encode() == b.encode() }
}
