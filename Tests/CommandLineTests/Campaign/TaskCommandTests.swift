// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import Testing

extension ProgramTests {
  /// Framework C.11: one task with a command line of its own.
  @Suite(.serialized) struct TaskCommandTests {
    private func task(_ survey: MicroSurvey, _ arguments: String...) throws -> ProgramProcess.End {
      try ProgramProcess(["task", "mockCalibrate", "micro-survey"] + arguments, in: survey.folder).end()
    }

    private func files(_ survey: MicroSurvey, _ type: String, run: String = "mockCalibrate") -> Int {
      let root = "\(survey.folder)/micro-survey/runs/\(run)/\(type)"
      return FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String }.count { $0.hasSuffix(".h5") }
        ?? 0
    }

    @Test func dataIDsAreCombinedAndJoined() throws {
      let survey = try MicroSurvey()
      let end = try task(survey, "--id", "visit=100^102", "detector=0..1", "--id", "visit=103", "detector=1")
      #expect(end.status == 0, "\(end.errors)")
      #expect(files(survey, "mock_calibrated") == 5)
      #expect(files(survey, "mockCalibrate_metadata") == 5)
      let data = try task(survey, "--show", "data", "--id", "visit=100..103:3", "detector=0")
      #expect(data.output == "visit 100, detector 0\nvisit 103, detector 0\n", "\(data.errors)")
      let config = try task(survey, "--show", "config", "-c", "factor=4")
      #expect(config.output.contains("factor: 4.0  # from command line, -c mockCalibrate:factor=4"))
      #expect(try task(survey, "--id", "vist=3").status == 78)
    }

    @Test func failuresAreCountedAndTheirMetadataWritten() throws {
      let survey = try MicroSurvey()
      let end = try task(survey, "--output", "mine", "--id", "visit=100..101", "-c", "fails=visit 101, detector 0")
      #expect(end.status == 1)
      #expect(
        end.errors.contains("skydiff task: visit 101, detector 0: TaskError: it was told to fail"), "\(end.errors)")
      #expect(files(survey, "mock_calibrated", run: "mine") == 3)
      #expect(files(survey, "mockCalibrate_metadata", run: "mine") == 4, "also of what failed")
      #expect(
        try task(survey, "--output", "mine", "--id", "visit=101", "-c", "fails=visit 101, detector 0", "--noExit")
          .status == 0)
      let raised = try task(
        survey, "--output", "other", "--id", "visit=101", "-c", "fails=visit 101, detector 0", "--doraise")
      #expect(
        raised.status == 65 && raised.errors.contains("mockCalibrate of visit 101, detector 0: TaskError"),
        "\(raised.errors)")
    }

    @Test func anotherConfigurationNeedsClobberConfig() throws {
      let survey = try MicroSurvey()
      #expect(try task(survey, "--id", "visit=100").status == 0)
      let refused = try task(survey, "--id", "visit=100", "-c", "factor=3")
      #expect(
        refused.status == 65 && refused.errors.contains("mockCalibrate.factor was 1.0, is 3.0"), "\(refused.errors)")
      #expect(try task(survey, "--id", "visit=100", "-c", "factor=3", "--clobber-config").status == 0)
      let runs = "\(survey.folder)/micro-survey/runs/mockCalibrate"
      #expect(try String(contentsOfFile: "\(runs)/run.yaml~1", encoding: .utf8).contains("factor: 1.0"))
      #expect(try String(contentsOfFile: "\(runs)/run.yaml", encoding: .utf8).contains("factor: 3.0"))
    }

    @Test func aRunsNameStaysAmongTheRuns() throws {
      let survey = try MicroSurvey()
      for name in ["../../evil", "../calexp", "a/b", "/tmp/evil", ""] {
        let end = try task(survey, "--id", "visit=100", "--output", name)
        #expect(end.status == 64, "\(name): \(end.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: "\(survey.folder)/evil"))
      #expect(try task(survey, "--id", "visit=9999").status == 66)
    }

    @Test func itsOwnUsage() throws {
      let survey = try MicroSurvey()
      let help = try ProgramProcess(["task", "mockCalibrate", "-h"], in: survey.folder).end()
      #expect(help.status == 0 && help.output.contains("skydiff task mockCalibrate <input>"), "\(help.output)")
      let wrong = try task(survey, "--bad")
      #expect(wrong.status == 64 && wrong.errors.contains("Unknown option '--bad'"), "\(wrong.errors)")
      let none = try ProgramProcess(["task", "nothing"], in: survey.folder).end()
      #expect(none.status == 64 && none.errors.contains("the tasks are mockCalibrate, "))
    }

    /// Without metadata in `retain` they are with the products alone; named there, they get files.
    @Test func metadataAsFilesOfACampaign() throws {
      let survey = try MicroSurvey { $0 = $0.replacing("retain: [", with: "retain: [mockMeasure_metadata, ") }
      let end = try survey.run(["-c", "mockMeasure:fails=visit 100, detector 0"], ranks: 2)
      #expect(end.status == 1, "\(end.errors)")
      #expect(files(survey, "mockMeasure_metadata", run: "micro") == 6)
      #expect(try survey.command("verify", survey.runFolder).status == 0)
      let again = try survey.run(["-c", "mockMeasure:fails=visit 100, detector 0"])
      #expect(again.errors.contains("complete; 1 quanta failed"), "\(again.errors)")
    }
  }
}
