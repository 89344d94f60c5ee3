// SPDX-License-Identifier: GPL-3.0-or-later
// The report of a run, from what is in its folder.

internal import Foundation
internal import Reporting
package import Repository
internal import TaskFramework

/// Writes `report.json` and `report.html` of a run.
package enum RunReport {
  package static let jsonName = "report.json"
  package static let pageName = "report.html"

  /// Makes the report again from journal, attempts and description alone.
  ///
  /// - Returns: the path of the page.
  /// - Throws: ``Repository/ReadError`` where there is no run, ``Repository/PublishError``.
  package static func rewrite(_ folder: String, files: AtomicFile = AtomicFile()) throws -> String {
    let history = try self.history(of: folder)
    var statistics = CampaignStatistics()
    for entry in history.counted { statistics.add(entry.record) }
    for record in history.blocked { statistics.add(record) }
    return try write(
      folder, statistics, expected: history.expected, isComplete: history.isComplete, warnings: history.planWarnings,
      files: files)
  }

  /// Whether a folder is a run.
  package static func exists(_ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(folder)/\(RunDescription.name)")
  }

  /// What happened in a run.
  ///
  /// - Throws: ``Repository/ReadError`` where there is none.
  package static func history(of folder: String) throws -> RunHistory {
    guard exists(folder) else {
      if InputRepository.exists(folder) {
        throw ReadError.unreadable(
          path: folder, reason: "it is a repository, not a run; its runs are in \(folder)/runs")
      }
      throw ReadError.missing(path: "\(folder)/\(RunDescription.name)")
    }
    let history = try RunHistory(journalOf: folder)
    guard history.sessionCount > 0 else {
      throw FormatError(
        file: "\(folder)/journal.jsonl", object: "the record",
        reason: "it is empty or missing, so nothing is known of what was done; `skydiff run` begins again")
    }
    return history
  }

  static func write(
    _ folder: String, _ statistics: CampaignStatistics, expected: [(task: String, count: Int)], isComplete: Bool,
    warnings: [String], files: AtomicFile = AtomicFile()
  ) throws -> String {
    let (configuration, software) = description(of: folder)
    let report = Report(
      run: (folder as NSString).lastPathComponent, status: isComplete ? .complete : .interrupted, expected: expected,
      statistics: statistics, timing: AttemptsLog.summary(of: folder), configuration: configuration, software: software,
      warnings: warnings)
    try files.publish(Array(report.text.utf8), to: "\(folder)/\(jsonName)")
    let page = "\(folder)/\(pageName)"
    try files.publish(Array(ReportPage(report: report.json).html.utf8), to: page)
    return page
  }

  /// The configuration of each task as `run.yaml` has it, and the software.
  private static func description(of folder: String) -> (
    [(task: String, yaml: String)], [(name: String, version: String)]
  ) {
    let path = "\(folder)/\(RunDescription.name)"
    let text = (try? ConfigSet.text(ofFile: path)) ?? ""
    var blocks: [(task: String, yaml: String)] = []
    var isInside = false
    for line in text.split(separator: "\n") {
      if line == "config:" {
        isInside = true
      } else if isInside, line.hasPrefix("  ") {
        if !line.hasPrefix("   "), let colon = line.firstIndex(of: ":") {
          blocks.append((String(line[..<colon].dropFirst(2)), ""))
        }
        if !blocks.isEmpty { blocks[blocks.count - 1].yaml += line.dropFirst(2) + "\n" }
      }
    }
    let software = (try? RunDescription.Earlier(path))?.software ?? [:]
    return (blocks, software.sorted { $0.key < $1.key }.map { ($0.key, $0.value.joined(separator: ", ")) })
  }
}
