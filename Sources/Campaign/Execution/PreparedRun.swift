// SPDX-License-Identifier: GPL-3.0-or-later
// A run that is ready to go on.

internal import Catalogs
internal import Foundation
internal import Reporting
internal import Repository
internal import Scheduling
internal import TaskFramework

/// A run that is ready to go on: planned, held, and with what happened before.
package struct PreparedRun {
  let job: Job
  let plan: RunPlan
  let folder: RunFolder
  let session: Int
  let journalLength: Int
  /// Statistics of what was recorded before and counts.
  let statistics: CampaignStatistics
  let expected: [(task: String, count: Int)]
  let strikes: [Int: (losses: Int, timeouts: Int)]
  /// Units that crashed their process in the last session.
  let crashes: [CrashNote.Crash]
  /// Which quantum of a unit is to blame, where that is known.
  let blamed: [Int: Int]
  /// Products of earlier sessions.
  let products: Set<String>
  let warnings: [String]

  /// Plans a job and takes hold of its run.
  ///
  /// - Throws: ``PlanError``, ``ConfigurationChange``, and what reading repository and run throws; before the run is held nothing
  ///   is written.
  init(_ job: Job, _ options: CampaignOptions, environment: [String: String], faults: FaultInjection) throws {
    self.job = job
    let (graph, others) = try Self.graph(of: job, options)
    faults.pass(.plan)
    guard !graph.quanta.isEmpty else { throw Self.nothingSelected(job, graph) }
    folder = try RunFolder(job, restarts: options.restarts, environment: environment)
    faults.pass(.lock)
    var history = try RunHistory(journalOf: folder.path)
    // Failures of a run that came to its end are tried again, those of one that was interrupted stand.
    history.reopen()
    if options.retriesQuarantined { history.endQuarantine() }
    crashes = history.addCrashes(CrashNote.collect(in: folder.path))
    plan = try RunPlan(graph, job, history, others: others, shuffleSeed: options.shuffleSeed)
    session = history.sessionCount + 1
    journalLength = history.soundLength
    (statistics, expected, products) = Self.account(history, plan)
    var strikes: [Int: (losses: Int, timeouts: Int)] = [:]
    var blamed: [Int: Int] = [:]
    if !history.strikes.isEmpty {
      for unit in plan.units.indices {
        let name = plan.name(ofUnit: unit)
        strikes[unit] = history.strikes[name]
        blamed[unit] = history.blamedPlaces[name]
      }
    }
    self.blamed = blamed
    self.strikes = strikes
    warnings = folder.warnings + history.warnings + plan.damaged.map { "\($0); it is made again" }
  }

  /// The graph of a job, and the other runs that it may use.
  package static func graph(of job: Job, _ options: CampaignOptions) throws -> (
    graph: QuantumGraph, others: [(run: String, history: RunHistory)]
  ) {
    let repository = try InputRepository(job.repository)
    let others = try options.skipExistingIn.map { name in (name, try Self.otherRun(name, job)) }
    let finder = try InputFinder(repository, otherRuns: others.map { ($0, $1.products) })
    let pipeline = try PipelineGraph(job)
    try checkRetained(job, pipeline)
    return (try QuantumGraph(job, pipeline, finder), others)
  }

  private static func otherRun(_ name: String, _ job: Job) throws -> RunHistory {
    let folder = "\(job.repository)/runs/\(name)"
    guard (try? DataID([.band: .name(name)])) != nil, FileManager.default.fileExists(atPath: "\(folder)/journal.jsonl")
    else {
      throw ReadError.missing(path: "\(folder)/journal.jsonl")
    }
    return try RunHistory(journalOf: folder)
  }

  private static func checkRetained(_ job: Job, _ pipeline: PipelineGraph) throws(ConfigError) {
    let known =
      pipeline.nodes.flatMap { $0.connections.connections(.output).map(\.datasetType) }
      + pipeline.nodes.map { "\($0.label)_metadata" }
    for type in (job.retain ?? []).sorted() where !known.contains(type) {
      throw ConfigError(
        origin: job.retainOrigin, path: "retain",
        reason: "no task of the pipeline writes \(type); they write \(known.joined(separator: ", "))",
        suggestion: nearestName(to: type, among: known))
    }
  }

  static func nothingSelected(_ job: Job, _ graph: QuantumGraph) -> PlanError {
    let reasons = zip(graph.pipeline.nodes, graph.pruned).filter { $1.count > 0 }
      .map { "\($0.label): \($1.count) have nothing to do, such as \($1.example)" }
    let what =
      graph.exposureCount == 0
      ? "no exposure of \(job.repository) matches \(job.selection)"
      : "\(graph.exposureCount) exposures match \(job.selection), and no task has anything to do"
    return .nothingSelected(([what] + reasons).joined(separator: "; "))
  }

  /// What was recorded before and still counts.
  private static func account(_ history: RunHistory, _ plan: RunPlan) -> (
    CampaignStatistics, [(task: String, count: Int)], Set<String>
  ) {
    var statistics = CampaignStatistics()
    var products: Set<String> = []
    let graph = plan.graph
    let labels = graph.pipeline.nodes.map(\.label)
    var counts = Array(repeating: 0, count: labels.count)
    var planned: [RunHistory.QuantumKey: RunPlan.Decision] = [:]
    for quantum in graph.quanta.indices {
      if plan.decisions[quantum] != .reuseElsewhere { counts[graph.quanta[quantum].task] += 1 }
      if !history.latest.isEmpty {
        let key = RunHistory.QuantumKey(task: labels[graph.quanta[quantum].task], dataID: graph.quanta[quantum].dataID)
        planned[key] = plan.decisions[quantum]
      }
    }
    var others: [String: Int] = [:]
    for entry in history.counted {
      let key = RunHistory.QuantumKey(task: entry.record.task, dataID: entry.record.dataID)
      let decision = planned[key]
      guard decision == nil || decision == .reuse || decision == .failedBefore else { continue }
      statistics.add(entry.record)
      products.formUnion(entry.record.outputs.map(\.path))
      // What this plan does not ask for is there all the same.
      if decision == nil { others[entry.record.task, default: 0] += 1 }
    }
    var expected = zip(labels, counts).map { (task: $0, count: $1 + (others.removeValue(forKey: $0) ?? 0)) }
    expected += others.sorted { $0.key < $1.key }.map { (task: $0.key, count: $0.value) }
    return (statistics, expected, products)
  }
}
