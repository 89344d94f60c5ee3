// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Reporting
import TaskFramework
import Testing

/// The report's page.
@Suite struct ReportPageTests {
  @Test func nothingFromDataBecomesMarkup() throws {
    // The last ones: a quote with an accent is another character to Swift, but not to a browser.
    let attack = "<script>alert(1)</script><img src=x onerror='go()'>&lt;\"\u{301}><\u{301}b>{{run}}{{{style}}}\u{0}"
    var statistics = CampaignStatistics()
    var metadata = TaskMetadata()
    try metadata.put(attack, .scalar(.string(attack)))
    try metadata.put(attack + "2", .array([1.5, 2.5]))
    statistics.add(
      QuantumRecord(
        task: attack, dataID: .empty, outcome: .failed(category: attack, message: attack), inputs: [attack],
        logTail: [attack], metadata: metadata,
        outputs: [OutputRecord(datasetType: attack, bytes: 1, path: attack, sha256: attack)]))
    var timing = TimingSummary()
    timing.add(
      AttemptRecord(
        unit: attack, attempt: 1, session: 1, rank: 0, host: attack, start: attack, seconds: 1, outcome: .lost,
        quanta: [QuantumTiming(task: attack, dataID: .empty, seconds: 1, cpuSeconds: 1, maxResidentSetSize: 1)]))
    timing.add(
      SessionRecord(
        session: 1, start: attack, end: attack, seconds: 1, rankCount: 1, hosts: [attack], endedBy: .killed))
    let report = Report(
      run: attack, status: .complete, expected: [(attack, 1)], statistics: statistics, timing: timing,
      configuration: [(attack, attack)], software: [(attack, attack)], warnings: [attack])
    let html = Array(ReportPage(report: report.json).html.utf8)
    for tag in ["<script", "<img", "\"\u{301}>", "<\u{301}b", "{{{style}}}\u{0}"] {
      #expect(!html.contains(Array(tag.utf8)), "\(tag)")
    }
    #expect(html.contains(Array("&lt;script&gt;alert(1)".utf8)))
    #expect(html.contains(Array("{{run}}".utf8)), "a template in data is text")
  }

  @Test func standsAlone() throws {
    let html = ReportPage(report: try SampleRun.report(quanta: 500, failing: 10).json).html
    for part in ["http:", "https:", "src=", "href=", "url(", "@import", "<script"] { #expect(!html.contains(part)) }
    #expect(html.hasPrefix("<!DOCTYPE html>"))
    for part in [
      "Unknown", "Successful", "Caveats", "Blocked", "Failed", "Total", "Expected", "no output was written",
      "prefers-color-scheme", "Lost attempts", "Slowest quanta", "Last lines of the log",
    ] {
      #expect(html.contains(part), "\(part)")
    }
  }

  @Test func staysSmall() throws {
    var statistics = CampaignStatistics()
    for number in 0..<1200 {
      statistics.add(
        QuantumRecord(
          task: "subtractImages", dataID: try SampleRun.dataID(number),
          outcome: .failed(category: "RuntimeError", message: String(repeating: "<&>", count: 600)),
          inputs: (0..<20).map { "input \($0) " + String(repeating: "\"", count: 150) },
          logTail: (0..<20).map { "line \($0) " + String(repeating: "x", count: 400) }))
      statistics.add(
        QuantumRecord(task: "task \(number)", dataID: try SampleRun.dataID(number), outcome: .succeeded([.noWork])))
    }
    var report = try SampleRun.report(quanta: 100, failing: 10, ranks: 300)
    report.statistics.merge(statistics)
    report.timing = try SampleRun.timing(units: 20_000, ranks: 5000)
    var many = TaskMetadata()
    for number in 0..<5000 { try many.set("key\(number)", 0.1 * Double(number)) }
    report.statistics.add(QuantumRecord(task: "makeWarp", dataID: .empty, outcome: .succeeded([]), metadata: many))
    report.configuration = [("makeWarp", String(repeating: "'", count: 3_000_000))]
    report.warnings = Array(repeating: String(repeating: "&", count: 100), count: 2000)
    let html = ReportPage(report: report.json).html
    #expect(html.utf8.count <= 2_000_000)
    #expect(html.contains("more failures") && html.contains("least and the 100 most busy"))
  }

  @Test func whatIsNoReportIsAPageWithLittleOnIt() throws {
    for text in [
      "null", "[]", "3", "{}",
      #"{"tasks":[{}],"totals":3,"timing":[],"metadata":{"a":[],"b":{"c":3}},"failures":[{}]}"#,
    ] {
      #expect(ReportPage(report: try JSONValue(parsing: text)).html.contains("</html>"))
    }
    let odd = #"{"totals":{"successful":9223372036854775807,"failed":9223372036854775807,"unknown":-3},"failures":[1]}"#
    #expect(ReportPage(report: try JSONValue(parsing: odd)).html.contains("</html>"))
  }

  /// `SKYDIFF_SAMPLE_PAGES=DIR` keeps two pages to look at.
  @Test func equalReportsGiveEqualPages() throws {
    let directory = ProcessInfo.processInfo.environment["SKYDIFF_SAMPLE_PAGES"]
    for (name, failing) in [("failures", 10), ("clean", 0)] {
      let report = try SampleRun.report(quanta: failing > 0 ? 1250 : 60, failing: failing, ranks: failing > 0 ? 8 : 2)
      let html = ReportPage(report: report.json).html
      #expect(html == ReportPage(report: try JSONValue(parsing: report.text)).html)
      if let directory { try Data(html.utf8).write(to: URL(filePath: directory).appending(path: "\(name).html")) }
    }
  }
}
