// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of all quanta of a task.

internal import OrderedCollections
internal import TaskFramework

/// Quanta of a task that failed with errors of one category.
struct CategoryStatistics: Sendable {
  var count: Int64 = 0
  /// The first one by its data ID.
  var example: (order: QuantumOrder, dataID: DataID, message: String)

  mutating func merge(_ other: CategoryStatistics) {
    count &+= other.count
    let (ours, theirs) = (example, other.example)
    let isEarlier =
      ours.order == theirs.order
      ? ByteText(theirs.message) < ByteText(ours.message) : theirs.order < ours.order
    if isEarlier { example = theirs }
  }
}

/// Outcomes and metadata of all quanta of a task.
struct TaskStatistics: Sendable {
  /// With caveats or without.
  var successCount: Int64 = 0
  var blockedCount: Int64 = 0
  /// By code; quanta without caveats are not among them.
  var caveats: [ByteText: Int64] = [:]
  /// By the error's category.
  var failures: [ByteText: CategoryStatistics] = [:]
  /// By `node.item`.
  var metadata: [ByteText: ValueStatistics] = [:]

  var caveatCount: Int64 { caveats.values.reduce(0, &+) }
  var failureCount: Int64 { failures.values.reduce(0) { $0 &+ $1.count } }

  mutating func merge(_ other: TaskStatistics) {
    successCount &+= other.successCount
    blockedCount &+= other.blockedCount
    caveats.merge(other.caveats) { $0 &+ $1 }
    for (category, theirs) in other.failures {
      if failures[category] == nil { failures[category] = theirs } else { failures[category]?.merge(theirs) }
    }
    for (key, theirs) in other.metadata { metadata[key, default: ValueStatistics()].merge(theirs) }
  }

  /// - Parameter prefix: the nodes on the way, each with a dot behind it.
  mutating func add(_ values: TaskMetadata, prefix: String = "") {
    for (name, value) in values.scalars { metadata[ByteText(prefix + name), default: ValueStatistics()].add(value) }
    for (name, elements) in values.arrays where !elements.isEmpty {
      let key = ByteText(prefix + name)
      for value in elements { metadata[key, default: ValueStatistics()].add(value) }
    }
    for (name, node) in values.nodes { add(node, prefix: "\(prefix)\(name).") }
  }
}

/// The datasets of a type.
struct DatasetStatistics: Sendable {
  /// So that no sum overflows; it is more than any disk holds.
  static let mostBytes: Int64 = 1 << 62

  var count: Int64 = 0
  private(set) var bytes: Int64 = 0

  mutating func add(bytes more: Int64) { bytes = min(bytes + min(max(more, 0), Self.mostBytes), Self.mostBytes) }
}
