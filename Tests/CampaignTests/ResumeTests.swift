// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Foundation
import Reporting
import Repository
import Scheduling
import TaskFramework
import Testing

@Suite struct ResumeTests {
  private let survey: MockSurvey
  private let job: Job
  private var run: FakeRun

  init() throws {
    survey = try MockSurvey()
    job = try survey.job()
    run = FakeRun(job)
  }

  private func planAgain(_ other: Job? = nil) throws -> RunPlan { try survey.plan(other ?? job, try run.history()) }

  private func exposure(_ type: String, _ visit: Int64, _ detector: Int64) throws -> String {
    try run.path(type, [.visit: .number(visit), .detector: .number(detector)])
  }

  private func coadd(_ plan: RunPlan, ofDetector detector: Int64) throws -> String {
    let difference = try #require(plan.quantum("mockDifference", [.visit: .number(102), .detector: .number(detector)]))
    let reference = try #require(plan.graph.quantum(difference).inputs["coadds"]?.first)
    return "mockCoadd of \(reference.dataID)"
  }

  @Test mutating func aFirstSessionDoesAll() throws {
    let plan = try survey.plan(job)
    #expect(plan.running.count == 19)
    // Six chains of two, four coadds, two differences, one summary.
    #expect(plan.units.count == 13 && plan.workGraph.unitCount == 13)
    #expect(plan.units.map(\.quanta.count).reduce(0, +) == 19)
    #expect(plan.damaged.isEmpty && plan.forgotten.isEmpty && plan.sources.isEmpty)
  }

  @Test mutating func aFinishedRunHasNothingLeftToDo() throws {
    try run.execute(try survey.plan(job))
    let plan = try planAgain()
    #expect(plan.names(.reuse).count == 19 && plan.units.isEmpty)
    // What was dropped on purpose, or passed on in memory, is not missed.
    try run.drop("mock_coadd")
    #expect(try planAgain().units.isEmpty)
    #expect(try planAgain().damaged.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: "\(job.runFolder)/mock_calibrated"))
  }

  @Test mutating func aFileThatIsGoneIsMadeAgainWithWhatItNeeds() throws {
    try run.execute(try survey.plan(job))
    try FileManager.default.removeItem(atPath: try exposure("mock_measured", 100, 0))
    let plan = try planAgain()
    // mock_calibrated was passed on in memory, so it is made again too; what was made of the file before still counts.
    #expect(plan.running == ["mockCalibrate of visit 100, detector 0", "mockMeasure of visit 100, detector 0"])
    #expect(plan.damaged.count == 1 && plan.damaged[0].contains("mock_measured-visit100-detector0.h5: it is gone"))
    #expect(plan.forgotten.count == 2)
    try run.execute(plan)
    #expect(try planAgain().units.isEmpty)
  }

  @Test mutating func whatWasDroppedIsMadeAgainOnlyWhenItIsRead() throws {
    let first = try survey.plan(job)
    try run.execute(first)
    try FileManager.default.removeItem(atPath: try exposure("mock_difference", 102, 0))
    #expect(try planAgain().running == ["mockDifference of visit 102, detector 0"])
    try run.drop("mock_coadd")
    let plan = try planAgain()
    #expect(plan.running == ["mockDifference of visit 102, detector 0", try coadd(first, ofDetector: 0)])
    // Nobody was promised that the coadds stay, so it is not worth a word.
    #expect(plan.damaged.count == 1)
    // What runs waits for what runs, and reads the rest where it is.
    #expect(plan.units.count == 2)
    #expect(plan.workGraph.dependents(of: 0).map { Int($0) } == [1])
  }

  @Test(arguments: ["flip", "truncate", "append", "empty", "folder", "swap"])
  mutating func aFileThatIsAnotherIsMadeAgain(_ damage: String) throws {
    try run.execute(try survey.plan(job))
    let path = try exposure("mock_score", 102, 1)
    let other = try exposure("mock_score", 102, 0)
    var expected: Set<String> = ["mockDifference of visit 102, detector 1"]
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    switch damage {
    case "flip": bytes[5] ^= 1
    case "truncate": bytes.removeLast()
    case "append": bytes.append(0)
    case "empty": bytes = []
    case "folder":
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    default:
      // Both are whole, and neither is what it should be.
      try FileManager.default.moveItem(atPath: path, toPath: path + "~")
      try FileManager.default.moveItem(atPath: other, toPath: path)
      try FileManager.default.moveItem(atPath: path + "~", toPath: other)
      expected.insert("mockDifference of visit 102, detector 0")
    }
    if damage != "folder", damage != "swap" { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
    let plan = try planAgain()
    #expect(plan.running == expected)
    #expect(plan.damaged.count == expected.count)
  }

  @Test mutating func aFileThatWasOnlyTouchedIsReadAndCounts() throws {
    try run.execute(try survey.plan(job))
    let path = try exposure("mock_score", 102, 1)
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: path)
    try FileManager.default.copyItem(atPath: path, toPath: path + "~")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: path + "~", toPath: path)
    #expect(try planAgain().units.isEmpty)
  }

  @Test mutating func anotherConfigurationIsOtherWork() throws {
    try run.execute(try survey.plan(job))
    try run.drop("mock_coadd")
    let plan = try planAgain(try survey.job(["config": "{ mockDifference: { factor: 2 } }"]))
    // The differences are others, and their coadds are no longer there.
    #expect(RunPlan.labels(plan.running) == ["mockCoadd": 2, "mockDifference": 2, "mockSummary": 1])
  }

  @Test mutating func anotherSelectionAddsWork() throws {
    try run.execute(try survey.plan(try survey.job(["select": "{ visit: 100..102, detector: 0 }"])))
    let plan = try planAgain()
    #expect(
      RunPlan.labels(plan.names(.reuse)) == ["mockCalibrate": 3, "mockMeasure": 3, "mockCoadd": 2, "mockDifference": 1])
    #expect(
      RunPlan.labels(plan.running) == [
        "mockCalibrate": 3, "mockMeasure": 3, "mockCoadd": 2, "mockDifference": 1, "mockSummary": 1,
      ])
  }

  @Test mutating func moreThatIsRetainedIsMadeAgain() throws {
    try run.execute(try survey.plan(job))
    let more = try survey.job(["retain": ""])
    let plan = try planAgain(more)
    // The coadds have files still; what was passed on in memory has none.
    #expect(RunPlan.labels(plan.running) == ["mockCalibrate": 6])
    try run.drop("mock_coadd")
    #expect(RunPlan.labels(try planAgain(more).running) == ["mockCalibrate": 6, "mockCoadd": 4])
  }

  // MARK: - Other runs

  @Test mutating func resultsOfAnotherRunAreUsed() throws {
    try run.execute(try survey.plan(job))
    try FileManager.default.removeItem(atPath: try exposure("mock_measured", 102, 1))
    let own = try survey.job(["run": "new"])
    let plan = try survey.plan(own, others: [("micro", try run.history())])
    #expect(plan.running == ["mockCalibrate of visit 102, detector 1", "mockMeasure of visit 102, detector 1"])
    #expect(plan.names(.reuseElsewhere).count == 17)
    #expect(plan.sources.values.allSatisfy { $0.path.hasPrefix("runs/micro/") })
    // Another's damage is not ours to report.
    #expect(plan.damaged.isEmpty && plan.forgotten.isEmpty)
  }

  // MARK: - Failures

  private let failure = RecordedOutcome.failed(category: "ValueError", message: "no stars")

  @Test mutating func aFailureOfAnInterruptedRunStands() throws {
    let failed = "mockMeasure of visit 102, detector 0"
    try run.execute(try survey.plan(job), isComplete: nil) { [failure] name in
      name == failed
        ? failure : name.hasPrefix("mockDifference") || name.hasPrefix("mockSummary") ? nil : .succeeded([])
    }
    let plan = try planAgain()
    #expect(plan.names(.failedBefore) == [failed])
    #expect(RunPlan.labels(plan.names(.blocked)) == ["mockDifference": 1, "mockSummary": 1])
    #expect(plan.running == ["mockDifference of visit 102, detector 1"])
  }

  @Test mutating func aFailureOfAFinishedRunIsTriedAgainUnlessInQuarantine() throws {
    let quarantined = RecordedOutcome.failed(category: RunHistory.quarantined, message: "it lost its rank")
    try run.execute(try survey.plan(job)) { [failure] name in
      switch name {
      case "mockMeasure of visit 102, detector 0": failure
      case "mockMeasure of visit 102, detector 1": quarantined
      case _ where name.hasPrefix("mockDifference") || name.hasPrefix("mockSummary"): nil
      default: .succeeded([])
      }
    }
    var history = try run.history()
    history.reopen()
    let plan = try survey.plan(job, history)
    #expect(plan.names(.failedBefore) == ["mockMeasure of visit 102, detector 1"])
    #expect(
      plan.running.contains("mockMeasure of visit 102, detector 0")
        && plan.running.contains("mockDifference of visit 102, detector 0"))
    #expect(plan.names(.blocked).contains("mockDifference of visit 102, detector 1"))
    history.endQuarantine()
    #expect(try survey.plan(job, history).names(.failedBefore).isEmpty)
  }

  // A coadd had succeeded and was dropped; what it is made of has failed since. Made again it would be made of nothing.
  @Test mutating func whatHasToRunAgainIsBlockedByAFailureToo() throws {
    let first = try survey.plan(job)
    let dropped = try coadd(first, ofDetector: 0)
    try run.execute(first, isComplete: nil) { [failure] name in
      switch name {
      case "mockMeasure of visit 100, detector 0": failure
      case "mockDifference of visit 102, detector 0", "mockSummary of visit 102": nil
      default: .succeeded([])
      }
    }
    try run.drop("mock_coadd")
    let plan = try planAgain()
    #expect(plan.names(.blocked).contains(dropped))
    #expect(plan.names(.blocked).contains("mockDifference of visit 102, detector 0"))
    #expect(plan.running.isEmpty)
  }

  /// What was made of a result that was made without something is as outdated as that result.
  @Test(arguments: [true, nil]) mutating func whatFollowsFromAnAbsentInputIsMadeAgainToo(_ isComplete: Bool?) throws {
    let optional = try survey.job(["config": "{ mockCoadd: { minimum: 0 } }"])
    run = FakeRun(optional)
    let first = try survey.plan(optional)
    let coadd = try coadd(first, ofDetector: 0)
    let absent = DatasetRef("mock_measured", try DataID([.visit: .number(100), .detector: .number(0)])).relativePath
    try run.execute(first, absent: [coadd: [absent]]) { [failure] name in
      name == "mockMeasure of visit 100, detector 0" ? failure : .succeeded([])
    }
    var history = try run.history()
    history.reopen()
    let again = try survey.plan(optional, history)
    let expected: Set<String> = [
      "mockCalibrate of visit 100, detector 0", "mockMeasure of visit 100, detector 0", coadd,
      "mockDifference of visit 102, detector 0", "mockSummary of visit 102",
    ]
    #expect(again.running == expected)
    // Also where the next session comes no further than to the coadd.
    try run.execute(again, isComplete: isComplete) { name in
      isComplete == nil && (name.hasPrefix("mockDifference") || name.hasPrefix("mockSummary")) ? nil : .succeeded([])
    }
    let last = try survey.plan(optional, try run.history())
    #expect(
      last.running
        == (isComplete == nil ? ["mockDifference of visit 102, detector 0", "mockSummary of visit 102"] : []))
  }

  @Test mutating func noOrderOfUnitsChangesWhatIsDone() throws {
    let graph = try survey.graph(job)
    let plain = try RunPlan(graph, job, RunHistory())
    for seed: UInt64 in 1...5 {
      let shuffled = try RunPlan(graph, job, RunHistory(), shuffleSeed: seed)
      #expect(shuffled.decisions == plain.decisions && shuffled.recipes == plain.recipes, "seed \(seed)")
      #expect(
        shuffled.units.indices.map { shuffled.name(ofUnit: $0) } == plain.units.indices.map { plain.name(ofUnit: $0) })
    }
    #expect(plain.name(ofUnit: 0) == "mockCalibrate+mockMeasure of visit 100, detector 0")
  }
}
