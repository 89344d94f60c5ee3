// SPDX-License-Identifier: GPL-3.0-or-later
// What a run would do.

internal import Foundation
internal import Repository
internal import TaskFramework

/// What a run would do, found out without touching it.
package struct Forecast {
  package let plan: RunPlan
  package let warnings: [String]
  private let job: Job

  /// - Throws: what a run would throw before it begins.
  package init(_ job: Job, _ options: CampaignOptions) throws {
    self.job = job
    let (graph, others) = try PreparedRun.graph(of: job, options)
    guard !graph.quanta.isEmpty else { throw PreparedRun.nothingSelected(job, graph) }
    var history = options.restarts ? RunHistory() : try RunHistory(journalOf: job.runFolder)
    let description = "\(job.runFolder)/\(RunDescription.name)"
    if !options.restarts, FileManager.default.fileExists(atPath: description) {
      let differences = try RunFolder.description(of: job).differences(from: try RunDescription.Earlier(description))
      guard differences.isEmpty else { throw ConfigurationChange(path: description, differences: differences) }
    }
    history.reopen()
    if options.retriesQuarantined { history.endQuarantine() }
    plan = try RunPlan(graph, job, history, others: others)
    warnings = graph.warnings + history.warnings + plan.damaged
  }

  /// A table for people.
  package var text: String {
    let graph = plan.graph
    var rows = [["task", "run", "reuse", "elsewhere", "failed before", "blocked", "nothing to do"]]
    for (task, counts) in plan.counts.enumerated() {
      rows.append(
        [graph.pipeline.nodes[task].label] + counts.map { "\($0)" } + ["\(graph.pruned[task].count)"])
    }
    var text = "run \(job.run): \(job.runFolder)\n"
    text += "\(graph.exposureCount) exposures, \(graph.quanta.count) quanta, \(plan.units.count) work units to do\n\n"
    text += Self.table(rows)
    for (node, pruned) in zip(graph.pipeline.nodes, graph.pruned) where pruned.count > 0 {
      text += "\n\(node.label): \(pruned.count) have nothing to do; the first: \(pruned.example)"
    }
    return text + (text.hasSuffix("\n") ? "" : "\n")
  }

  static func table(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ") + "\n"
    }.joined()
  }
}
