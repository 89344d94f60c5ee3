// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Catalogs
import Foundation
import MockTasks
import Repository
import TaskFramework
import Testing

@Suite struct JobTests {
  @Test func aJobFileIsRead() throws {
    let survey = try MockSurvey()
    let job = try survey.job()
    #expect(job.repository == survey.repository && job.run == "micro")
    #expect(job.runFolder == survey.repository + "/runs/micro")
    #expect(
      job.pipeline.map(\.label) == ["mockCalibrate", "mockMeasure", "mockCoadd", "mockDifference", "mockSummary"])
    #expect(job.retain == ["mock_measured", "mock_difference", "mock_score", "mock_summary"])
    #expect(!job.allowsSelf && job.execution.timeout == 60 && job.execution.attempts == 2)
    #expect(job.template?.contains(.visit, .number(101)) == true)
    #expect(job.template?.contains(.visit, .number(102)) == false)
  }

  /// Lines are counted from 1; `MockSurvey.yaml` has repository, run, select, template, pipeline, config, retain, execution.
  @Test(arguments: [
    ("piepline", "[mockCalibrate]", "job.yaml:9: piepline: there is no such key", "did you mean pipeline?"),
    (
      "pipeline", "[mockCalibrat]", "job.yaml:5: pipeline: there is no task \"mockCalibrat\"",
      "did you mean mockCalibrate?"
    ),
    (
      "pipeline", "[mockCalibrate, mockCalibrate]", "job.yaml:5: pipeline: mockCalibrate is there twice",
      "a label of its own"
    ),
    ("pipeline", "[{ a: mockCalibrate }, { a: mockMeasure }]", "job.yaml:5: pipeline: a is there twice", ""),
    ("pipeline", "[]", "job.yaml:5: pipeline: a list of 0 is given", ""),
    ("pipeline", "mockCalibrate", "job.yaml:5: pipeline", "list"),
    ("pipeline", "[3]", "job.yaml:5: pipeline: 3 is given", ""),
    ("pipeline", "[{ a: b, c: d }]", "job.yaml:5: pipeline", "one task"),
    ("pipeline", "[{ a/b: mockCalibrate }]", "job.yaml:5: pipeline: \"a/b\" is no label", ""),
    ("pipeline", "", "job.yaml:5: pipeline: nothing", ""),
    ("run", "../x", "job.yaml:2: run: \"../x\" cannot be a folder's name", ""), ("run", ".x", "job.yaml:2: run", ""),
    ("run", "a/b", "job.yaml:2: run", ""), ("run", "", "job.yaml:2: run: it is missing", ""),
    ("run", "1.5", "job.yaml:2: run: 1.5", "text"),
    ("run", "[a]", "job.yaml:2: run: a list of 1 is given", ""), ("run", "'a b'", "job.yaml:2: run", ""),
    ("repository", "", "job.yaml:1: repository: it is missing", ""),
    ("repository", "{}", "job.yaml:1: repository: a mapping", ""),
    ("select", "{ visist: 3 }", "job.yaml:3: select.visist", "did you mean visit?"),
    ("select", "{ visit: 5..3 }", "job.yaml:3: select.visit: the range 5..3 ends before it begins", ""),
    ("select", "{ visit: [] }", "job.yaml:3: select.visit: the list is empty", ""),
    ("select", "[3]", "job.yaml:3: select", "mapping"),
    ("template", "3", "job.yaml:4: template: 3 is given", ""), ("template", "[3]", "job.yaml:4: template: a list", ""),
    ("template", "{ allowSelf: 1 }", "job.yaml:4: template.allowSelf: 1 is given; it must be true or false", ""),
    ("template", "{ allowSelf: yes }", "job.yaml:4: template.allowSelf: \"yes\" is given", ""),
    ("template", "{ allowself: true }", "job.yaml:4: template.allowself", "did you mean allowSelf?"),
    ("template", "{ visit: x }", "job.yaml:4: template.visit", ""),
    ("template", "{ tract: 0 }", "job.yaml:4: template.tract", "by visit, detector and band"),
    ("template", "{ visit: 100, patch: [3] }", "job.yaml:4: template.patch", "by visit, detector and band"),
    ("config", "{ mockCalibrat: { seconds: 1 } }", "job.yaml:6: mockCalibrat", "did you mean mockCalibrate?"),
    ("config", "{ mockNothing: { seconds: 1 } }", "job.yaml:6: mockNothing: there is no such task", ""),
    ("config", "{ mockCoadd: { second: 1 } }", "job.yaml:6: mockCoadd.second", "did you mean seconds?"),
    ("config", "{ mockCoadd: { seconds: -1 } }", "job.yaml:6: mockCoadd.seconds", "3600"),
    ("config", "{ mockCoadd: { seconds: .nan } }", "job.yaml:6: mockCoadd.seconds", ""),
    ("config", "[a]", "job.yaml:6", "mapping"),
    ("config", "{ mockCoadd: { seconds: fast } }", "job.yaml:6: mockCoadd.seconds", "float"),
    ("config", "{ mockCoadd: 3 }", "job.yaml:6", "mapping"),
    ("retain", "mock_coadd", "job.yaml:7: retain", "list"), ("retain", "[3]", "job.yaml:7: retain: 3 is given", ""),
    ("execution", "{ timeout: 0 }", "job.yaml:8: execution.timeout", "0.001"),
    ("execution", "{ timeout: .nan }", "job.yaml:8: execution.timeout", ""),
    ("execution", "{ timeouts: 3 }", "job.yaml:8: execution.timeouts", "did you mean timeout?"),
    ("execution", "{ attempts: 0 }", "job.yaml:8: execution.attempts", "1"),
    ("execution", "{ attempts: 1.5 }", "job.yaml:8: execution.attempts", "int"),
    ("execution", "{ maxFailureFraction: 1.01 }", "job.yaml:8: execution.maxFailureFraction", ""),
    ("execution", "3", "job.yaml:8", "mapping"),
    ("execution", "{ memoryPerRank: 3MiB }", "job.yaml:8: execution.memoryPerRank", "64MiB"),
  ]) func anErrorNamesLineAndKey(_ key: String, _ text: String, _ start: String, _ advice: String) throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    let problem = try survey.problem([key: text])
    #expect(problem.contains(start), "\(problem)")
    #expect(advice.isEmpty || problem.contains(advice), "\(problem)")
  }

  @Test(arguments: [
    ("run: a\nrun: b\n", "run is there twice"), ("run: [a\n", "not YAML"), ("a: &x 1\nb: *x\n", "aliases"),
    ("\trun: x\n", "tab"),
    ("3\n", "a job is a mapping"), ("", "a job is a mapping"), ("--- a\n--- b\n", "YAML"),
  ]) func aFileThatIsNoJobIsAnError(_ text: String, _ reason: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "job.yaml")
    let error = #expect(throws: ConfigError.self) { _ = try Job(file: file, TaskRegistry(mockTasks)) }
    let description = error?.description ?? ""
    #expect(description.contains(reason) && description.contains("job.yaml"), "\(description)")
  }

  @Test func aFileThatCannotBeReadIsAnError() throws {
    let folder = try TemporaryFolder()
    for path in [folder.path, folder.path + "/none.yaml"] {
      let error = #expect(throws: ConfigError.self) { _ = try Job(file: path, TaskRegistry(mockTasks)) }
      #expect(error?.description.contains(path) == true)
    }
    let big = try folder.write(String(repeating: "# much ado\n", count: 1 << 20), to: "big.yaml")
    #expect(throws: ConfigError.self) { _ = try Job(file: big, TaskRegistry(mockTasks)) }
  }

  @Test func aRepositoryThatIsNoneIsAnError() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    #expect(throws: RepositoryError.self) { _ = try survey.job(["repository": survey.folder.path]) }
  }

  @Test func whatIsRetainedHasToBeMade() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    let job = try survey.job(["retain": "[mock_mesured]", "template": "{ allowSelf: true }"])
    let error = #expect(throws: ConfigError.self) { _ = try PreparedRun.graph(of: job, CampaignOptions()) }
    let description = error?.description ?? ""
    #expect(description.contains("job.yaml:7: retain: no task of the pipeline writes mock_mesured"), "\(description)")
    #expect(error?.suggestion == "mock_measured")
    // Input is not written either.
    let input = try survey.job(["retain": "[calexp]"])
    #expect(throws: ConfigError.self) { _ = try PreparedRun.graph(of: input, CampaignOptions()) }
    _ = try PreparedRun.graph(
      of: try survey.job(["retain": "[]", "template": "{ allowSelf: true }"]), CampaignOptions())
  }

  @Test func aRunMayBeANumber() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    #expect(try survey.job(["run": "20260101"]).run == "20260101")
  }

  @Test func theTemplateMayAllowItself() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    let allowed = try survey.job(["template": "{ allowSelf: true }"])
    #expect(allowed.allowsSelf && allowed.template == nil)
    let both = try survey.job(["template": "{ visit: 100, allowSelf: false }"])
    #expect(!both.allowsSelf && both.template != nil)
    #expect(try survey.job(["template": ""]).template == nil)
  }

  @Test func aTaskMayHaveALabelOfItsOwn() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    let job = try survey.job([
      "pipeline": "[mockCalibrate, { again: mockCalibrate }]",
      "config": "{ again: { connections.calibrated: other, factor: 3 } }",
      "retain": "[other]",
    ])
    #expect(job.pipeline.map(\.label) == ["mockCalibrate", "again"])
    #expect((job.configs["again"]?.config as? MockConfig)?.factor == 3)
    #expect((job.configs["mockCalibrate"]?.config as? MockConfig)?.factor == 1)
  }

  // MARK: - Precedence

  @Test func theStrongestSettingWins() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    try survey.setInstrumentOverrides("{ mockCalibrate: { seconds: 1, factor: 1.5, side: 5 }, elsewhere: { x: 1 } }")
    let other = try survey.folder.write("mockCalibrate: { factor: 5 }\n", to: "other.yaml")
    var overrides = Job.Overrides()
    overrides.configFiles = [other]
    overrides.settings = ["mockCalibrate:side=7", "mockCalibrate:side=9"]
    let job = try survey.job(["config": "{ mockCalibrate: { factor: 2.5, side: 6 } }"], overrides: overrides)
    let loaded = try #require(job.configs["mockCalibrate"])
    let config = try #require(loaded.config as? MockConfig)
    #expect(config.minimum == 1 && config.seconds == 1 && config.factor == 5 && config.side == 9)
    // What is shown of them says where each came from.
    #expect(loaded.origins["minimum"] == nil)
    #expect(
      "\(loaded.origins["seconds"] ?? .classDefault)".contains("instrument, \(survey.repository)/repository.yaml"))
    #expect("\(loaded.origins["factor"] ?? .classDefault)".contains("other.yaml:1"))
    #expect("\(loaded.origins["side"] ?? .classDefault)" == "command line, -c mockCalibrate:side=9")
    let history = loaded.formattedHistory(of: "side")
    #expect(history.count == 4)
    #expect(history.first?.contains("instrument") == true && history[1].contains("job.yaml:6"))
    #expect(loaded.yaml.contains("repository.yaml"))
  }

  @Test func instrumentOverridesOfATaskOfTheJobAreChecked() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    try survey.setInstrumentOverrides("{ mockCalibrate: { second: 1 } }")
    let problem = try survey.problem([:])
    #expect(
      problem.contains("instrument, \(survey.repository)/repository.yaml:")
        && problem.contains("did you mean seconds?"), "\(problem)")
  }

  @Test(arguments: [
    "mockCalibrate", "mockCalibrate=3", "mockCalibrate:=3", ":seconds=3", "mockX:seconds=1", "mockCoadd:seconds=fast",
  ])
  func aSettingThatIsNoneIsAnError(_ setting: String) throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    var overrides = Job.Overrides()
    overrides.settings = [setting]
    #expect(try survey.problem([:], overrides: overrides).contains("-c \(setting)"))
  }

  @Test func theCommandLineNarrowsTheSelectionAndNamesTheRun() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    var overrides = Job.Overrides()
    overrides.selection = "visit=101..105 band=r"
    overrides.run = "other"
    overrides.timeout = 5
    let job = try survey.job([:], overrides: overrides)
    #expect((99...106).filter { job.selection.contains(.visit, .number($0)) } == [101, 102])
    #expect(!job.selection.contains(.band, .name("g")))
    #expect(job.run == "other" && job.execution.timeout == 5)
    overrides.timeout = .nan
    #expect(try survey.problem([:], overrides: overrides).contains("--timeout"))
    overrides.timeout = nil
    overrides.run = "../../etc"
    #expect(try survey.problem([:], overrides: overrides).contains("cannot be a folder's name"))
  }

  // MARK: - Sizes

  @Test(arguments: [
    ("4GiB", 4 << 30), ("4 GiB", 4 << 30), ("500MB", 500_000_000), ("1e9", 1_000_000_000), ("'64MiB'", 1 << 26),
    ("1.5G", 3 << 29),
    ("100000000", 100_000_000), ("0.25TiB", 1 << 38), ("67108864B", 1 << 26),
  ]) func sizesAreReadAsPeopleWriteThem(_ text: String, _ bytes: Int) throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    let size = try survey.job(["execution": "{ memoryPerRank: \(text) }"]).execution.memoryPerRank
    #expect(size?.bytes == bytes)
    #expect(size.flatMap { ByteCount(configValue: $0.configValue) } == size)
  }

  @Test(arguments: [
    "much", "4XB", "-4GiB", "4gib", "GiB", ".nan", ".inf", "1e30", "9999999999999TiB", "1..5GiB", "[4GiB]", "true",
    "''", "4", "0", "-1",
  ])
  func nonsenseIsNoSize(_ text: String) throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    #expect(
      try survey.problem(["execution": "{ memoryPerRank: \(text) }"]).contains("job.yaml:8: execution.memoryPerRank"))
  }

  @Test func noSizeIsTheMachines() throws {
    let survey = try MockSurvey(visits: 1, detectors: 1)
    #expect(try survey.job(["execution": "{ memoryPerRank: null }"]).execution.memoryPerRank == nil)
    #expect(try survey.job(["execution": ""]).execution.memoryPerRank == nil)
  }
}
