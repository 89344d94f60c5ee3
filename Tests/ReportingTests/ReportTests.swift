// SPDX-License-Identifier: GPL-3.0-or-later

import OrderedCollections
import Reporting
import TaskFramework
import TestSupport
import Testing

/// The report's JSON.
@Suite struct ReportTests {
  @Test func sumsAddUp() throws {
    let report = try SampleRun.report(quanta: 1000, failing: 8)
    let json = report.json
    let rows = try #require(json["tasks"]?.elements)
    #expect(rows.count == SampleRun.tasks.count)
    func number(_ json: JSONValue?, _ name: String) -> Int64 {
      if case .integer(let value) = json?[name] { value } else { -1 }
    }
    for row in rows + [try #require(json["totals"])] {
      let parts = ["successful", "failed", "blocked", "unknown"].map { number(row, $0) }
      #expect(parts.allSatisfy { $0 >= 0 } && parts.reduce(0, +) == number(row, "expected"))
      guard case .object(let codes) = row["caveats"] else {
        Issue.record("caveats are no object")
        return
      }
      #expect(codes.keys.reduce(0) { $0 + number(row["caveats"], $1) } == number(row, "withCaveats"))
    }
    for name in ["expected", "successful", "withCaveats", "failed", "blocked", "unknown"] {
      #expect(rows.reduce(0) { $0 + number($1, name) } == number(json["totals"], name))
    }
    #expect(number(json["totals"], "unknown") == 15)
    let exceptions = try #require(json["exceptions"]?.elements)
    #expect(exceptions.reduce(0) { $0 + number($1, "count") } == number(json["totals"], "failed"))
    #expect(json["failureCount"] == json["totals"]?["failed"])
  }

  @Test func whatWasNotExpectedIsSaid() throws {
    var report = try SampleRun.report(quanta: 50, failing: 0)
    report.expected = [("makeWarp", 4)]
    let rows = try #require(report.json["tasks"]?.elements)
    #expect(rows.count == 5 && rows[0]["expected"] == .integer(10) && rows[0]["unknown"] == .integer(0))
    let warnings = try #require(report.json["warnings"]?.elements)
    #expect(warnings.first == .string("makeWarp: 10 quanta are recorded, but 4 were expected"))
    #expect(warnings.count == 5)
  }

  @Test func onlyTimingKnowsOfRanksAndTime() throws {
    let one = try SampleRun.report(quanta: 500, failing: 10, ranks: 1).json
    var other = try SampleRun.report(quanta: 500, failing: 10, ranks: 16)
    var statistics = CampaignStatistics()
    for number in (0..<500).reversed() { statistics.add(try SampleRun.record(number, failing: 10)) }
    other.statistics = statistics
    guard case .object(var a) = one, case .object(var b) = other.json else { return }
    #expect(a.keys.last == "timing" && a["timing"] != b["timing"])
    a["timing"] = nil
    b["timing"] = nil
    #expect(JSONValue.object(a).text(isPretty: true) == JSONValue.object(b).text(isPretty: true))
  }

  @Test func timingDoesNotDependOnTheOrder() throws {
    var random = SeededRandom(8)
    var shuffled = TimingSummary()
    for session in [2, 1] { shuffled.add(SampleRun.session(session, ranks: 8, isLast: session == 2)) }
    for unit in (0..<8000).shuffled(using: &random) { shuffled.add(try SampleRun.attempt(unit, ranks: 8)) }
    let json = try SampleRun.timing(units: 8000, ranks: 8).json()
    #expect(shuffled.json().text() == json.text())
    #expect(json["lost"]?.elements?.count == 100 && json["lostCount"] == .integer(160))
    #expect(json["slowest"]?.elements?.count == 10 && json["ranks"]?.elements?.count == 8)
    #expect(json["attempts"]?["lost"] == .integer(160) && json["seconds"] == .number(7441))
    let seconds = try #require(json["slowest"]?.elements).compactMap { $0["seconds"]?.double }
    #expect(seconds == seconds.sorted(by: >) && seconds.count == 10)
  }

  @Test func pythonReadsIt() throws {
    var report = try SampleRun.report(quanta: 200, failing: 5)
    var odd = TaskMetadata()
    try odd.set("infinite", .infinity)
    report.statistics.add(
      QuantumRecord(task: "makeWarp", dataID: .empty, outcome: .succeeded([]), metadata: odd))
    #expect(report.text.hasSuffix("}\n"))
    #expect(try JSONValue(parsing: report.text).text() == report.json.text())
    let script = """
      import json, sys
      report = json.load(sys.stdin)
      assert report["format"] == "skydiff report" and report["formatVersion"] == 1
      assert list(report)[-1] == "timing"
      assert report["metadata"]["makeWarp"]["infinite"]["number"]["mean"] == float("inf")
      print(report["totals"]["failed"])
      """
    guard let output = try SystemPython.run(script, input: report.text) else { return }
    #expect(output == "\(report.statistics.failureCount)\n")
  }
}
