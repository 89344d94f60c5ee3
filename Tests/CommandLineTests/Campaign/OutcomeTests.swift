// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Framework E.5, C.9: what becomes of quanta that fail, find nothing, or do a part.
  @Suite(.serialized) struct OutcomeTests {
    @Test func aFailureBlocksWhatNeedsItAndNothingElse() throws {
      let survey = try MicroSurvey()
      let failing = ["-c", "mockMeasure:fails=visit 102, detector 0"]
      let end = try survey.run(failing, ranks: 2)
      #expect(end.status == 1)
      #expect(end.errors.contains("complete; 1 quanta failed, 2 could not run; report: "), "\(end.errors)")
      #expect(try survey.counts("mockCalibrate")["successful"] == 6, "the head of the chain is good")
      #expect(
        try survey.counts("mockMeasure") == [
          "expected": 6, "successful": 5, "failed": 1, "blocked": 0, "unknown": 0, "withCaveats": 0,
        ])
      #expect(
        try survey.counts("mockDifference") == [
          "expected": 2, "successful": 1, "failed": 0, "blocked": 1, "unknown": 0, "withCaveats": 0,
        ])
      #expect(try survey.counts("mockSummary")["blocked"] == 1)
      let failure = try #require(survey.report()["failures"]?.elements?.first)
      #expect(failure["message"] == .string("it was told to fail") && failure["category"] == .string("TaskError"))
      #expect(failure["inputs"]?.elements == [.string("mock_calibrated of visit 102, detector 0")])
      #expect(failure["logTail"]?.elements?.last == .string("warning mockMeasure: about to fail"))
      // The run came to its end, so it is tried again, and fails again.
      let again = try survey.run(failing)
      #expect(again.status == 1)
      #expect(try survey.counts("mockMeasure")["failed"] == 1)
    }

    @Test func theNumbersAreTheSameForAnyRanksWithFailures() throws {
      let arguments = [
        "-c", "mockMeasure:fails=visit 102, detector 0", "-c", "mockCalibrate:hasNoWork=visit 100, detector 1",
      ]
      let (one, three) = (try MicroSurvey(), try MicroSurvey())
      _ = try one.run(arguments)
      _ = try three.run(arguments, ranks: 3)
      #expect(try one.timelessReport() == three.timelessReport())
      #expect(try one.products() == three.products())
    }

    @Test func nothingToDoPrunesWhatFollows() throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["-c", "mockCalibrate:hasNoWork=visit 102, detector 0"], ranks: 2)
      #expect(end.status == 0, "no work is no failure: \(end.errors)")
      let caveats = try #require(survey.report()["caveats"]?.elements)
      func code(_ task: String) -> JSONValue? { caveats.first { $0["task"] == .string(task) }?["code"] }
      #expect(code("mockCalibrate") == .string("*N"))
      #expect(code("mockMeasure") == .string("*A"), "it had no input left, and did not begin")
      #expect(code("mockDifference") == .string("*A"))
      #expect(try survey.counts("mockSummary")["successful"] == 1, "the other detector is enough")
    }

    @Test func partialOutputs() throws {
      let part = ["-c", "mockDifference:writesPart=visit 102, detector 0"]
      let strict = try MicroSurvey()
      #expect(try strict.run(part).status == 1)
      #expect(try strict.counts("mockDifference")["failed"] == 1)
      let kept = "\(strict.runFolder)/mock_difference/visit102/mock_difference-visit102-detector0.h5"
      #expect(FileManager.default.fileExists(atPath: kept), "what is good of it stays")

      let lenient = try MicroSurvey {
        $0 = $0.replacing("timeout: 60", with: "timeout: 60, raiseOnPartialOutputs: false")
      }
      #expect(try lenient.run(part).status == 0)
      #expect(try lenient.report()["caveats"]?.elements?.first?["code"] == .string("+P"))
      #expect("\(try lenient.report()["metadata"] ?? .null)".contains("failure.message"))
    }

    @Test func anOutputThatIsLeftOutOnPurpose() throws {
      let survey = try MicroSurvey()
      #expect(try survey.run(["-c", "mockDifference:leavesOut=visit 102, detector 0"]).status == 0)
      #expect(try survey.report()["caveats"]?.elements?.first?["code"] == .string("+"))
      let again = try survey.run(["-c", "mockDifference:leavesOut=visit 102, detector 0"])
      #expect(again.errors.contains("nothing was left to do"))
    }

    /// An optional input whose maker failed, and succeeds later: what was made without it is made again.
    @Test func whatWasMadeWithoutAnInputIsMadeAgainWithIt() throws {
      let survey = try MicroSurvey()
      let setting = ["-c", "mockCoadd:minimum=0"]
      // Four tries fail, and that counts as a failure of this run.
      let end = try survey.run(setting + ["--inject", "read:eio:1;read:eio:2;read:eio:3;read:eio:4"])
      #expect(end.status == 0 || end.status == 1)
      #expect(try survey.run(setting).status == 0)
      let undisturbed = try MicroSurvey()
      #expect(try undisturbed.run(setting).status == 0)
      #expect(try survey.products() == undisturbed.products())
    }

    @Test func blockedQuantaOfAChainAreCountedByAll() throws {
      let survey = try MicroSurvey()
      #expect(try survey.run(["-c", "mockCalibrate:fails=visit 102, detector 0"], ranks: 2).status == 1)
      let written = try survey.report()
      #expect(try survey.counts("mockMeasure")["blocked"] == 1)
      #expect(try survey.command("report", survey.runFolder).status == 0)
      #expect(try survey.report() == written)
      let status = try survey.command("status", survey.runFolder).output
      #expect(status.contains("mockMeasure              5       0        1     0         6"), "\(status)")
      #expect(try survey.command("verify", survey.runFolder).status == 0)
    }

    @Test func failFastEndsAtTheFirstFailure() throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["-c", "mockCalibrate:fails=visit 100, detector 0", "--fail-fast"])
      #expect(end.status == 1 && end.errors.contains("ended at the first failure"), "\(end.errors)")
      #expect(try survey.report()["status"] == .string("interrupted"))
    }

    @Test(arguments: ["write:eio", "read:eio", "write:eio:3", "read:eio:5"]) func whatPassesIsTriedAgain(
      _ fault: String
    ) throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--inject", fault])
      #expect(end.status == 0, "\(end.errors)")
      try survey.expectGolden(fault)
    }

    @Test func whatDoesNotPassFails() throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--inject", "write:eio:0"], ranks: 2)
      #expect(end.status == 1, "\(end.errors)")
      #expect("\(try survey.report()["failures"] ?? .null)".contains("Input/output error"))
      #expect(try survey.run().status == 0)
      try survey.expectGolden("after a bad disk")
    }

    @Test(arguments: ["journalAppend:enospc:4", "journalSync:eio", "journalAppend:eio:3"])
    func withoutItsJournalARunEnds(_ fault: String) throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--inject", fault], ranks: 2)
      #expect(end.status == 74, "\(end.errors)")
      #expect(end.errors.contains("journal.jsonl: "))
      #expect(try survey.run(ranks: 2).status == 0)
      try survey.expectGolden(fault)
    }
  }
}
