// SPDX-License-Identifier: GPL-3.0-or-later
// A quantum's record as JSON.

internal import OrderedCollections
package import TaskFramework

extension QuantumRecord {
  private enum OutcomeName: String, CaseIterable {
    case succeeded, failed, blocked
  }

  /// `{"task", "id", "outcome", "caveats", "category", "message", "inputs", "log", "metadata", "outputs"}`, without those that
  /// are empty; outputs are `{"type", "bytes", "path", "sha256"}`.
  package var json: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = ["task": .string(task)]
    if dataID != .empty { members["id"] = dataID.json }
    switch outcome {
    case .succeeded(let caveats):
      members["outcome"] = .string(OutcomeName.succeeded.rawValue)
      if !caveats.isEmpty { members["caveats"] = .integer(Int64(caveats.rawValue)) }
    case .failed(let category, let message):
      members["outcome"] = .string(OutcomeName.failed.rawValue)
      members["category"] = .string(category)
      members["message"] = .string(message)
    case .blocked: members["outcome"] = .string(OutcomeName.blocked.rawValue)
    }
    if !inputs.isEmpty { members["inputs"] = .array(inputs.map { .string($0) }) }
    if !logTail.isEmpty { members["log"] = .array(logTail.map { .string($0) }) }
    if !metadata.isEmpty { members["metadata"] = metadata.json }
    if !outputs.isEmpty { members["outputs"] = .array(outputs.map(\.json)) }
    return .object(members)
  }

  /// - Throws: ``RecordError``, which names the member.
  package init(json: JSONValue) throws(RecordError) {
    let reader = try MemberReader(json)
    task = try reader.string("task")
    dataID = try reader.dataID("id")
    let name: OutcomeName = try reader.choice("outcome")
    switch name {
    case .succeeded:
      let caveats = reader["caveats"] == nil ? 0 : try reader.count("caveats")
      outcome = .succeeded(Caveats(rawValue: caveats))
    case .failed:
      outcome = .failed(category: try reader.string("category"), message: try reader.string("message"))
    case .blocked: outcome = .blocked
    }
    inputs = try reader.strings("inputs")
    logTail = try reader.strings("log")
    metadata = TaskMetadata()
    if let values = reader["metadata"] {
      do { metadata = try TaskMetadata(json: values) } catch {
        throw reader.error("metadata", "is not metadata: \(error)")
      }
    }
    outputs = []
    for output in try reader.objects("outputs") { outputs.append(try OutputRecord(output)) }
  }
}

extension OutputRecord {
  package var json: JSONValue {
    .object([
      "type": .string(datasetType), "bytes": .integer(Int64(bytes)), "path": .string(path), "sha256": .string(sha256),
    ])
  }

  fileprivate init(_ reader: MemberReader) throws(RecordError) {
    datasetType = try reader.string("type")
    bytes = Int(try reader.integer("bytes"))
    path = try reader.string("path")
    sha256 = try reader.string("sha256")
  }

  /// - Throws: ``RecordError``, which names the member.
  package init(json: JSONValue) throws(RecordError) { try self.init(MemberReader(json)) }
}
