// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import TaskFramework
import TestSupport
import Testing

extension ProgramTests {
  /// The commands about runs, as people use them.
  @Suite(.serialized) struct RunCommandTests {
    @Test func planSaysWhatWouldBeDoneAndDoesNothing() throws {
      let survey = try MicroSurvey()
      let plan = try survey.command("plan", "micro.yaml")
      #expect(plan.status == 0 && plan.errors.isEmpty, "\(plan.errors)")
      #expect(plan.output.contains("6 exposures, 19 quanta, 13 work units to do"))
      #expect(plan.output.contains("mockCalibrate     6      0"))
      #expect(!FileManager.default.fileExists(atPath: survey.runFolder))
      try survey.run()
      let done = try survey.command("plan", "micro.yaml")
      #expect(
        done.output.contains("19 quanta, 0 work units to do") && done.output.contains("mockCalibrate     0      6"))
      let anew = try survey.command("plan", "micro.yaml", "--restart")
      #expect(anew.output.contains("13 work units to do"))
    }

    @Test(arguments: [
      ("visit=100..101", 4, 0), ("visit=100,102", 4, 2), ("visit=102 detector=1", 1, 0), ("band=r", 2, 0),
      ("band=g,r", 6, 2),
      ("visit=100..102:2", 4, 2), ("tract=0", 6, 2), ("detector=all", 6, 2), ("visit=100^102 band=g", 4, 2),
    ]) func selectionsOfTheCommandLine(_ expression: String, _ calibrated: Int, _ differences: Int) throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--select", expression])
      #expect(end.status == 0, "\(expression): \(end.errors)")
      #expect(try survey.counts("mockCalibrate")["successful"] == calibrated, "\(expression)")
      #expect(try survey.counts("mockDifference")["successful"] == differences, "\(expression)")
    }

    @Test(arguments: [
      ("visit: [100, 102], detector: 0", 2), ("visit: all", 8), ("visit: [100..101, 103]", 6), ("band: [g]", 4),
      ("patch: all, tract: [0]", 8), ("detector: 1", 4),
    ]) func selectionsOfTheJob(_ text: String, _ calibrated: Int) throws {
      let survey = try MicroSurvey { $0 = $0.replacing("visit: 100..102, detector: all", with: text) }
      let end = try survey.run()
      #expect(end.status == 0, "\(text): \(end.errors)")
      #expect(try survey.counts("mockCalibrate")["successful"] == calibrated, "\(text)")
    }

    @Test func whatSelectsNothing() throws {
      let survey = try MicroSurvey()
      let end = try survey.run(["--select", "visit=9000"], ranks: 2)
      #expect(end.status == 66, "\(end.errors)")
      #expect(
        end.errors.contains("matches detector=all visit=100..102∩9000") || end.errors.contains("no exposure of"),
        "\(end.errors)")
      #expect(try survey.run(["--select", "visit=9000", "--allow-empty"]).status == 0)
      #expect(!FileManager.default.fileExists(atPath: survey.runFolder))
      let wrong = try survey.run(["--select", "vist=9000"])
      #expect(wrong.status == 78 && wrong.errors.contains("did you mean visit?"), "\(wrong.errors)")
    }

    @Test func aVisitInItsOwnTemplate() throws {
      let survey = try MicroSurvey { $0 = $0.replacing("template: { visit: 100..101 }\n", with: "") }
      let end = try survey.run()
      #expect(end.status == 65 && end.errors.contains("allowSelf: true"), "\(end.errors)")
      try survey.write { $0 = $0.replacing("visit: 100..101 }", with: "visit: 100..102 }") }
      let none = try survey.run(["--run", "none"])
      #expect(
        none.status == 0 && none.errors.contains("warning: every selected visit is in the template"), "\(none.errors)")
      try survey.write { $0 = $0.replacing("visit: 100..101 }", with: "allowSelf: true }") }
      #expect(try survey.run().status == 0)
      #expect(try survey.counts("mockDifference")["successful"] == 6)
    }

    @Test func aChangedConfigurationAndANewBeginning() throws {
      let survey = try MicroSurvey()
      try survey.run()
      let before = try survey.products()
      let end = try survey.run(["-c", "mockCoadd:factor=2"], ranks: 2)
      #expect(end.status == 65 && end.errors.contains("mockCoadd.factor was 1.0, is 2.0"), "\(end.errors)")
      #expect(try survey.products() == before, "nothing is touched")
      #expect(try survey.command("plan", "micro.yaml", "-c", "mockCoadd:factor=2").status == 65)
      let anew = try survey.run(["-c", "mockCoadd:factor=2", "--restart"], ranks: 2)
      #expect(anew.status == 0, "\(anew.errors)")
      for name in ["run.yaml~1", "journal.jsonl~1"] {
        #expect(FileManager.default.fileExists(atPath: "\(survey.runFolder)/\(name)"), "\(name)")
      }
      #expect(
        try survey.products()["mock_difference/visit102/mock_difference-visit102-detector0.h5"]
          != before["mock_difference/visit102/mock_difference-visit102-detector0.h5"])
      // How a job is run is no part of what it makes.
      try survey.write { $0 = $0.replacing("timeout: 60", with: "timeout: 50, attempts: 5") }
      #expect(try survey.run(["-c", "mockCoadd:factor=2"]).errors.contains("nothing was left to do"))
    }

    @Test func resultsOfAnotherRun() throws {
      let survey = try MicroSurvey()
      try survey.run()
      let plan = try survey.command(
        "plan", "micro.yaml", "--run", "other", "--skip-existing-in", "micro", "-c", "mockDifference:factor=3")
      #expect(plan.output.contains("mockMeasure       0      0          6"), "\(plan.output)\(plan.errors)")
      let end = try survey.run(
        ["--run", "other", "--skip-existing-in", "micro", "-c", "mockDifference:factor=3"], ranks: 2)
      #expect(end.status == 0, "\(end.errors)")
      let tasks = try #require(survey.report("other")["tasks"]?.elements)
      #expect(tasks.first { $0["task"] == .string("mockMeasure") }?["expected"] == .integer(0))
      #expect(tasks.first { $0["task"] == .string("mockDifference") }?["successful"] == .integer(2))
      let comparison = try survey.command("compare", survey.runFolder, "\(survey.folder)/micro-survey/runs/other")
      #expect(comparison.status == 1)
      #expect(comparison.output.contains("config: mockDifference.factor: 1.0 / 3.0"))
      #expect(
        comparison.output.contains("mock_difference-visit102-detector0.h5: image: 63 pixels differ, by "),
        "\(comparison.output)")
      #expect(comparison.output.contains("metadata mockDifference.sum: "))
      #expect(try survey.run(["--skip-existing-in", "nothing", "--run", "x"]).status == 66)
    }

    @Test func closedStreamsAreNotWrittenInto() throws {
      let survey = try MicroSurvey()
      let program = try #require(SkydiffProgram.path(of: "skydiff-mock")).path
      let process = Process()
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = ["-c", "exec '\(program)' run micro.yaml <&- >&- 2>&-"]
      process.currentDirectoryURL = URL(filePath: survey.folder)
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      try survey.expectGolden("closed streams")
      #expect(try survey.command("verify", survey.runFolder).status == 0)
    }

    @Test func aRunWithoutItsRecord() throws {
      let survey = try MicroSurvey()
      try survey.run()
      try Data().write(to: URL(filePath: "\(survey.runFolder)/journal.jsonl"))
      for command in ["status", "verify", "report"] {
        let end = try survey.command(command, survey.runFolder)
        #expect(end.status == 65 && end.errors.contains("it is empty or missing"), "\(command): \(end.errors)")
      }
      let wrong = try survey.command("status", "\(survey.folder)/micro-survey")
      #expect(wrong.status == 66 && wrong.errors.contains("it is a repository, not a run"), "\(wrong.errors)")
    }

    @Test func equalRunsCompareEqual() throws {
      let survey = try MicroSurvey()
      try survey.run()
      try survey.run(["--run", "again"], ranks: 2)
      let comparison = try survey.command("compare", survey.runFolder, "\(survey.folder)/micro-survey/runs/again")
      #expect(
        comparison.status == 0 && comparison.output.hasSuffix("datasets are equal, and nothing differs\n"),
        "\(comparison.output)")
      let summary = "\(survey.folder)/micro-survey/runs/again/mock_summary/mock_summary-visit102.h5"
      try FileManager.default.removeItem(atPath: summary)
      let damaged = try survey.command("compare", survey.runFolder, "\(survey.folder)/micro-survey/runs/again")
      #expect(damaged.status == 1, "records that agree are not enough: \(damaged.output)")
    }

    @Test func statusWhileItRunsAndAfterwards() throws {
      let survey = try MicroSurvey()
      #expect(try survey.command("status", survey.runFolder).status == 66)
      let process = try survey.start(["-c", "mockSummary:seconds=30"])
      try process.wait { (try? survey.successes().count) ?? 0 >= 12 }
      let running = try survey.command("status", survey.runFolder)
      #expect(running.output.contains(": running\nit is being run by process \(process.pid) on "), "\(running.output)")
      let second = try survey.run(["-c", "mockSummary:seconds=30"])
      #expect(second.status == 73, "\(second.errors)")
      #expect(second.errors.contains("it is being run by process \(process.pid) on "), "\(second.errors)")
      kill(process.pid, SIGTERM)
      #expect(try process.end().status == 75)
      #expect(try survey.command("status", survey.runFolder).output.contains(": interrupted\n"))
      #expect(try survey.run(["--restart"]).status == 0)
      let ended = try survey.command("status", survey.runFolder)
      #expect(
        ended.output.contains(": complete\n")
          && ended.output.contains("mockCalibrate            6       0        0     0         6"), "\(ended.output)")
      #expect(
        try JSONValue(parsing: survey.command("status", survey.runFolder, "--json").output)["state"]
          == .string("complete"))
    }

    @Test func twoAtOnceOnlyOneProceeds() throws {
      for _ in 0..<2 {
        let survey = try MicroSurvey { $0 = $0.replacing("seconds: 0.05", with: "seconds: 0.8") }
        let (a, b) = (try survey.start(), try survey.start())
        let statuses = [try a.end().status, try b.end().status].sorted()
        #expect(statuses == [0, 73])
      }
    }

    @Test func progressForPeopleAndPrograms() throws {
      let survey = try MicroSurvey()
      let json = try survey.run(["--progress", "json", "-c", "mockSummary:seconds=1.2"])
      let lines = json.errors.split(separator: "\n").filter { $0.hasPrefix("{") }
      #expect(!lines.isEmpty)
      for line in lines { #expect(try JSONValue(parsing: String(line))["total"] == .integer(19)) }
      #expect(!json.errors.contains("\r"), "no carriage returns where no terminal is")
    }

    @Test func badJobsNameLineAndKey() throws {
      let survey = try MicroSurvey()
      func expect(_ status: Int32, _ message: String, _ change: @escaping (inout String) -> Void) throws {
        try survey.write(change)
        let end = try survey.run()
        #expect(end.status == status && end.errors.contains(message), "\(message): \(end.errors)")
        #expect(end.errors.split(separator: "\n").count == 1, "one line: \(end.errors)")
      }
      try expect(78, "micro.yaml:5: selekt: there is no such key") { $0 = $0.replacing("select:", with: "selekt:") }
      try expect(78, "micro.yaml:7: pipeline: there is no task \"mockMesure\"") {
        $0 = $0.replacing("mockMeasure,", with: "mockMesure,")
      }
      try expect(78, "mockCoadd.seconds: -1 is given; it must be float, from 0.0 to 3600.0") {
        $0 = $0.replacing("mockCoadd: { seconds: 0.05 }", with: "mockCoadd: { seconds: -1 }")
      }
      try expect(78, "execution.attempts: 0 is given; it must be int, from 1 to 100") {
        $0 = $0.replacing("timeout: 60", with: "attempts: 0")
      }
      try expect(78, "retain: no task of the pipeline writes mock_scor") {
        $0 = $0.replacing("mock_score", with: "mock_scor")
      }
      try expect(78, "the range 102..100 ends before it begins") { $0 = $0.replacing("100..102", with: "102..100") }
      try expect(66, "nowhere: is no repository") {
        $0 = $0.replacing("repository: micro-survey", with: "repository: nowhere")
      }
      try expect(78, "run: \"../x\" cannot be a folder's name") { $0 = $0.replacing("run: micro", with: "run: ../x") }
      let none = try ProgramProcess(["run", "none.yaml"], in: survey.folder).end()
      #expect(none.status == 78 && none.errors.contains("none.yaml: there is no such file"))
    }

    @Test func severalTasksOfSlurmWithoutPMIx() throws {
      let survey = try MicroSurvey()
      let end = try survey.run(environment: ["SLURM_STEP_NUM_TASKS": "4"])
      #expect(end.status == 64 && end.errors.contains("srun --mpi=pmix"), "\(end.errors)")
    }

    /// Anchors 5 #9: on a full disk nothing is lost, and with more space the run goes on.
    @Test(.enabled(if: getuid() == 0, "mounting needs root")) func aFullDisk() throws {
      let survey = try MicroSurvey {
        $0 = $0.replacing("mockDifference: { seconds: 0.05 }", with: "mockDifference: { side: 400 }")
      }
      let mount = "\(survey.folder)/micro-survey/runs"
      try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
      func system(_ arguments: String...) throws -> Int32 {
        let process = try Process.run(URL(filePath: "/usr/bin/env"), arguments: arguments)
        process.waitUntilExit()
        return process.terminationStatus
      }
      guard try system("mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", mount) == 0 else { return }
      defer { _ = try? system("umount", "-l", mount) }
      let end = try survey.run()
      #expect(end.status == 74 && !end.diedBySignal, "\(end.status) \(end.errors)")
      #expect(end.errors.contains("no space left"), "\(end.errors)")
      #expect(try system("mount", "-o", "remount,size=40m", mount) == 0)
      let again = try survey.run(ranks: 2)
      #expect(again.status == 0, "\(again.errors)")
      #expect(try survey.command("verify", survey.runFolder).status == 0)
    }
  }
}
