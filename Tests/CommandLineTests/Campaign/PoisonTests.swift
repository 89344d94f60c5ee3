// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Anchors 5 #26: a quantum that takes its rank with it is put in quarantine, and the rest is done.
  @Suite(.serialized) struct PoisonTests {
    private let poisoned = "visit 102, detector 1"

    private func expectQuarantine(
      _ survey: MicroSurvey, _ arguments: [String], ranks: Int?, launcherOptions: [String] = [], sessions: Int
    ) throws {
      var last = ""
      for _ in 0..<sessions {
        last = try survey.run(arguments, ranks: ranks, launcherOptions: launcherOptions).errors
        if last.contains("complete;") { break }
      }
      let report = try survey.report()
      #expect(report["status"] == .string("complete"), "\(last)")
      #expect(report["failures"]?.elements?.count == 1)
      let failure = try #require(report["failures"]?.elements?.first)
      #expect(failure["category"] == .string("Quarantined") && failure["task"] == .string("mockDifference"))
      #expect(
        try survey.counts("mockDifference") == [
          "expected": 2, "successful": 1, "failed": 1, "blocked": 0, "unknown": 0, "withCaveats": 0,
        ])
      #expect(try survey.counts("mockSummary")["blocked"] == 1)
      // It stays where it is until someone asks for it.
      let again = try survey.run(arguments, ranks: ranks)
      #expect(again.errors.contains("nothing was left to do; 1 quanta failed, 1 could not run"), "\(again.errors)")
      #expect(survey.leftovers.isEmpty)
    }

    @Test(arguments: [nil, 3]) func aTrap(_ ranks: Int?) throws {
      try expectQuarantine(
        MicroSurvey(), ["-c", "mockDifference:traps=\(poisoned)"], ranks: ranks, sessions: 3)
    }

    @Test func aTrapWhereOthersLive() throws {
      try expectQuarantine(
        MicroSurvey(), ["-c", "mockDifference:traps=\(poisoned)"], ranks: 4, launcherOptions: ["--enable-recovery"],
        sessions: 3)
    }

    @Test(arguments: ["hangs", "dawdles"]) func anEndlessLoop(_ way: String) throws {
      try expectQuarantine(
        MicroSurvey(), ["-c", "mockDifference:\(way)=\(poisoned)", "--timeout", "0.4"], ranks: 3, sessions: 1)
    }

    @Test func anEndlessLoopOnTheOnlyRank() throws {
      let survey = try MicroSurvey()
      let arguments = ["-c", "mockDifference:hangs=\(poisoned)", "--timeout", "0.4"]
      let first = try survey.run(arguments)
      #expect(first.status == 75 && first.errors.contains("no rank is left that could work"), "\(first.errors)")
      try expectQuarantine(survey, arguments, ranks: nil, sessions: 2)
    }

    @Test func garbage() throws {
      try expectQuarantine(
        MicroSurvey(), ["--inject", "result:garbage:0/mockDifference of \(poisoned)"], ranks: 3, sessions: 1)
    }

    @Test func memoryWithoutEnd() throws {
      let survey = try MicroSurvey { $0 = $0.replacing("timeout: 60", with: "timeout: 60, memoryPerRank: 300MiB") }
      let end = try survey.run(["-c", "mockDifference:eats=\(poisoned)"], ranks: 2)
      #expect(end.status == 1, "\(end.errors)")
      let failure = try #require(survey.report()["failures"]?.elements?.first)
      #expect(failure["category"] == .string("MemoryError"))
      #expect(failure["message"]?.elements == nil && "\(failure)".contains("execution.memoryPerRank, 300 MiB"))
    }

    @Test func quarantineEndsOnRequest() throws {
      let survey = try MicroSurvey()
      // An accident, not a matter of configuration: the next time it would go well.
      let accident = ["--inject", "unitStart:trap:0/mockDifference of \(poisoned)"]
      for _ in 0..<3 { _ = try survey.run(accident) }
      #expect(try survey.counts("mockDifference")["failed"] == 1)
      let end = try survey.run(["--retry-quarantined"])
      #expect(end.status == 0, "\(end.errors)")
      try survey.expectGolden("after quarantine")
    }
  }
}
