// SPDX-License-Identifier: GPL-3.0-or-later
// A run that never ran.

import Campaign
import Catalogs
import Digests
import Foundation
import Reporting
import Repository
import TaskFramework

/// Writes the products and the journal that a run of a plan would leave, without running anything.
struct FakeRun {
  let job: Job
  private var session = 0

  init(_ job: Job) { self.job = job }

  var journalPath: String { "\(job.runFolder)/journal.jsonl" }

  func path(_ datasetType: String, _ values: [TaskFramework.Dimension: DimensionValue]) throws -> String {
    "\(job.runFolder)/\(DatasetRef(datasetType, try DataID(values)).relativePath)"
  }

  func history() throws -> RunHistory { try RunHistory(journalOf: job.runFolder) }

  /// Appends lines to the journal as a session does.
  func append(_ lines: [String]) throws {
    try FileManager.default.createDirectory(atPath: job.runFolder, withIntermediateDirectories: true)
    let journal = try Journal(journalPath, soundLength: try history().soundLength, whenDurable: {})
    defer { journal.finish() }
    for line in lines { _ = try journal.append(line) }
    try journal.flush()
  }

  /// A session that does all units of a plan.
  ///
  /// - Parameters:
  ///   - isComplete: `nil` for a session that was killed.
  ///   - absent: inputs that a quantum did without, by its name.
  ///   - outcome: of a quantum by its name; `nil` for one that was not reached.
  mutating func execute(
    _ plan: RunPlan, isComplete: Bool? = true, absent: [String: [String]] = [:],
    _ outcome: (String) -> RecordedOutcome? = { _ in .succeeded([]) }
  ) throws {
    session += 1
    var lines = ["\"kind\":\"session\",\"formatVersion\":1,\"session\":\(session),\"expected\":[],\"warnings\":[]"]
    lines += plan.forgotten.map { "\"kind\":\"forget\",\"recipe\":\"\($0.hex)\"" }
    let ledger = CampaignLedger(plan, run: job.run)
    for unit in plan.units.indices {
      let order = ledger.order(for: unit)
      var entries: [UnitRecord.Entry] = []
      for quantum in order.quanta {
        let name = "\(quantum.label) of \(quantum.dataID)"
        guard let outcome = outcome(name) else { continue }
        var entry = UnitRecord.Entry(
          recipe: quantum.recipe, record: QuantumRecord(task: quantum.label, dataID: quantum.dataID, outcome: outcome))
        entry.absent = absent[name] ?? []
        if case .succeeded = outcome { try write(quantum.outputs, &entry) }
        entries.append(entry)
      }
      if !entries.isEmpty { lines.append(UnitRecord(unit: order.name, attempt: 1, entries: entries).journalMembers) }
    }
    if let isComplete { lines.append("\"kind\":\"end\",\"isComplete\":\(isComplete)") }
    try append(lines)
  }

  private func write(_ outputs: [UnitOrder.Output], _ entry: inout UnitRecord.Entry) throws {
    for output in outputs {
      let path = output.reference.relativePath
      guard output.isStored else {
        entry.passedOn.append(path)
        continue
      }
      let bytes = Array("what \(output.reference) holds".utf8)
      let digest = try AtomicFile().publish(bytes, to: "\(job.runFolder)/\(path)")
      entry.record.outputs.append(
        OutputRecord(datasetType: output.reference.datasetType, bytes: digest.size, path: path, sha256: digest.sha256))
      if let stamp = FileStamp(of: "\(job.runFolder)/\(path)") { entry.stamps.append(stamp) }
    }
  }

  /// Removes what a campaign drops once all that read it have succeeded.
  func drop(_ datasetType: String) throws {
    try FileManager.default.removeItem(atPath: "\(job.runFolder)/\(datasetType)")
  }
}
