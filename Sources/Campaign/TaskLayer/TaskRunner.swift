// SPDX-License-Identifier: GPL-3.0-or-later
// One task on some data, as its users of old run it.

internal import Foundation
internal import OrderedCollections
internal import Reporting
internal import Repository
package import TaskFramework

/// What a task made of one data ID.
package struct TaskResult: Sendable {
  /// 0, or 1 for a quantum that failed or could not run.
  package let exitStatus: Int
  package let dataRef: DataID
  package let metadata: TaskMetadata
  /// What went wrong; empty for a success.
  package let message: String
  /// The datasets that were written, when they were asked for.
  package let result: [DatasetRef]?
}

/// Runs a job of one task in this process: the core is that of a campaign (framework C.11).
package struct TaskRunner: Sendable {
  package let job: Job
  package let options: CampaignOptions
  /// Whether the first failure ends all.
  package let doRaise: Bool
  package let doReturnResults: Bool

  package init(_ job: Job, _ options: CampaignOptions = .init(), doRaise: Bool = false, doReturnResults: Bool = false) {
    var job = job
    // Each quantum's metadata get a file, as they always had.
    job.writesMetadata = Set(job.pipeline.map(\.label))
    self.job = job
    self.options = options
    self.doRaise = doRaise
    self.doReturnResults = doReturnResults
  }

  /// The data IDs that the task will run on.
  ///
  /// - Throws: what planning throws.
  package func targetList() throws -> [DataID] {
    let (graph, _) = try PreparedRun.graph(of: job, options)
    return graph.quanta.map(\.dataID)
  }

  /// The full names of the task and its subtasks.
  ///
  /// - Throws: what making the task throws.
  package func taskNames() throws -> [String] {
    let tasks = try TaskSet(PipelineGraph(job).nodes, context: TaskContext())
    return job.pipeline.flatMap { tasks.tasks[$0.label].map { Array($0.taskDict.keys) } ?? [] }
  }

  /// Runs the task on all of them; before, what it is run with is written, or compared with what is there.
  ///
  /// - Returns: a result for each, in the order of the data IDs.
  /// - Throws: what a campaign throws before it begins; with `doRaise` the first failure.
  package func run(environment: [String: String] = [:]) throws -> [TaskResult] {
    let (graph, _) = try PreparedRun.graph(of: job, options)
    guard !graph.quanta.isEmpty else { throw PreparedRun.nothingSelected(job, graph) }
    let targets = graph.quanta.map(\.dataID)
    var options = options
    options.failsFast = doRaise
    _ = try Campaign.run(on: nil, options, environment: environment) { job }
    let history = try RunReport.history(of: job.runFolder)
    let label = job.pipeline[0].label
    let blocked = Set(history.blocked.map(\.dataID))
    let results = targets.map { dataID -> TaskResult in
      let key = RunHistory.QuantumKey(task: label, dataID: dataID)
      guard let entry = history.latest[key].flatMap({ history.entries[$0] }) else {
        let message = blocked.contains(dataID) ? "something that it needs failed" : "it was not run"
        return TaskResult(exitStatus: 1, dataRef: dataID, metadata: TaskMetadata(), message: message, result: nil)
      }
      return result(entry.record, dataID)
    }
    if doRaise, let failure = results.first(where: { $0.exitStatus != 0 }) {
      throw TaskError("\(label) of \(failure.dataRef): \(failure.message)")
    }
    return results
  }

  private func result(_ record: QuantumRecord, _ dataID: DataID) -> TaskResult {
    let message: String =
      if case .failed(let category, let text) = record.outcome { "\(category): \(text)" } else { "" }
    let outputs = record.outputs.map { DatasetRef($0.datasetType, dataID) }
    return TaskResult(
      exitStatus: message.isEmpty ? 0 : 1, dataRef: dataID, metadata: record.metadata, message: message,
      result: doReturnResults ? outputs : nil)
  }

  // MARK: - What the task is run with

  /// Writes the configuration, or compares it with what is there.
  ///
  /// - Parameters:
  ///   - clobber: replaces what is there; with `doBackup` it is kept as `run.yaml~1`, `~2` and so on.
  /// - Throws: ``TaskFramework/TaskError`` that lists all differences.
  package func writeConfig(clobber: Bool = false, doBackup: Bool = true) throws {
    try RunFolder.write(.config, of: job, clobber: clobber, doBackup: doBackup)
  }

  /// As ``writeConfig(clobber:doBackup:)``, for the schemas of ``TaskFramework/Task/allSchemaCatalogs()``.
  package func writeSchemas(clobber: Bool = false, doBackup: Bool = true) throws {
    try RunFolder.write(.schemas, of: job, clobber: clobber, doBackup: doBackup)
  }

  /// As ``writeConfig(clobber:doBackup:)``, for the versions of software on which numbers depend.
  package func writePackageVersions(clobber: Bool = false, doBackup: Bool = true) throws {
    try RunFolder.write(.packageVersions, of: job, clobber: clobber, doBackup: doBackup)
  }
}
