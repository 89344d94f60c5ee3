// SPDX-License-Identifier: GPL-3.0-or-later
// A try of a work unit by a rank.

internal import OrderedCollections
package import TaskFramework

/// What a quantum took.
package struct QuantumTiming: Hashable, Sendable {
  /// The task's label in the pipeline.
  package var task: String
  package var dataID: DataID
  /// Wall time.
  package var seconds: Double
  package var cpuSeconds: Double
  /// The process's largest up to the quantum's end, in bytes.
  package var maxResidentSetSize: Int64

  package init(task: String, dataID: DataID, seconds: Double, cpuSeconds: Double, maxResidentSetSize: Int64) {
    self.task = task
    self.dataID = dataID
    self.seconds = seconds
    self.cpuSeconds = cpuSeconds
    self.maxResidentSetSize = maxResidentSetSize
  }
}

/// A try of a work unit by a rank: when, where, how long.
package struct AttemptRecord: Hashable, Sendable {
  package enum Outcome: String, CaseIterable, Hashable, Sendable {
    case succeeded, failed, timeout, lost, interrupted
  }

  package var unit: String
  /// From 1 on.
  package var attempt: Int
  package var session: Int
  package var rank: Int
  package var host: String
  /// UTC, ISO 8601.
  package var start: String
  /// Wall time.
  package var seconds: Double
  package var outcome: Outcome
  package var quanta: [QuantumTiming]

  package init(
    unit: String, attempt: Int, session: Int, rank: Int, host: String, start: String, seconds: Double, outcome: Outcome,
    quanta: [QuantumTiming] = []
  ) {
    self.unit = unit
    self.attempt = attempt
    self.session = session
    self.rank = rank
    self.host = host
    self.start = start
    self.seconds = seconds
    self.outcome = outcome
    self.quanta = quanta
  }
}

extension QuantumTiming {
  package var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = ["task": .string(task)]
    if dataID != .empty { members["id"] = dataID.json }
    members["seconds"] = .number(seconds)
    members["cpuSeconds"] = .number(cpuSeconds)
    members["maxResidentSetSize"] = .integer(maxResidentSetSize)
    return .object(members)
  }

  fileprivate init(_ reader: MemberReader) throws(RecordError) {
    task = try reader.string("task")
    dataID = try reader.dataID("id")
    seconds = try reader.double("seconds")
    cpuSeconds = try reader.double("cpuSeconds")
    maxResidentSetSize = try reader.integer("maxResidentSetSize")
  }
}

extension AttemptRecord {
  package var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "unit": .string(unit), "attempt": .integer(Int64(attempt)), "session": .integer(Int64(session)),
      "rank": .integer(Int64(rank)), "host": .string(host), "start": .string(start), "seconds": .number(seconds),
      "outcome": .string(outcome.rawValue),
    ]
    if !quanta.isEmpty { members["quanta"] = .array(quanta.map(\.json)) }
    return .object(members)
  }

  /// - Throws: ``RecordError``, which names the member.
  package init(json: JSONValue) throws(RecordError) {
    let reader = try MemberReader(json)
    unit = try reader.string("unit")
    attempt = try reader.count("attempt")
    session = try reader.count("session")
    rank = try reader.count("rank")
    host = try reader.string("host")
    start = try reader.string("start")
    seconds = try reader.double("seconds")
    outcome = try reader.choice("outcome")
    quanta = []
    for quantum in try reader.objects("quanta") { quanta.append(try QuantumTiming(quantum)) }
  }
}
