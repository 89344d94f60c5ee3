// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import Foundation
import MockTasks
import Repository
import TaskFramework
import Testing

@Suite struct QuantumGraphTests {
  // Visits 100 to 102 on two detectors, each on a patch of its own; 100 (g) and 101 (r) are the template, 102 (g) is subtracted.
  // Calibrated and measured: 3 × 2 each; coadds: 2 patches × 2 bands; differences: 2; summaries: 1.
  @Test func theMicroJobHasNineteenQuanta() throws {
    let survey = try MockSurvey()
    let graph = try survey.graph(try survey.job())
    #expect(graph.exposureCount == 6)
    let counts = zip(graph.pipeline.nodes.map(\.label), graph.countsByTask).map { "\($0) \($1)" }
    #expect(counts == ["mockCalibrate 6", "mockMeasure 6", "mockCoadd 4", "mockDifference 2", "mockSummary 1"])
    #expect(graph.quanta.count == 19 && graph.warnings.isEmpty)
    #expect(graph.pruned.allSatisfy { $0.count == 0 && $0.example.isEmpty })
  }

  @Test func aQuantumReadsAndWritesWhatBelongsToIt() throws {
    let survey = try MockSurvey()
    let plan = try survey.plan(try survey.job())
    let number = try #require(plan.quantum("mockDifference", [.visit: .number(102), .detector: .number(1)]))
    let quantum = plan.graph.quantum(number)
    #expect(quantum.label == "mockDifference" && "\(quantum.dataID)" == "visit 102, detector 1")
    #expect(quantum.inputs["measured"]?.map { "\($0)" } == ["mock_measured of visit 102, detector 1"])
    // Of its own patch and band alone.
    let coadds = try #require(quantum.inputs["coadds"])
    #expect(coadds.count == 1 && coadds[0].dataID.name(.band) == "g")
    #expect(Set(quantum.outputs.keys) == ["difference", "score"])
    // A coadd is made of the template's visits in its band.
    let coadd = try #require(
      plan.quantum("mockCoadd", coadds[0].dataID.pairs.reduce(into: [:]) { $0[$1.dimension] = $1.value }))
    #expect(plan.graph.quantum(coadd).inputs["measured"]?.map { "\($0.dataID)" } == ["visit 100, detector 1"])
  }

  @Test(arguments: ["{ allowSelf: true }", "{ visit: 100..103 }"]) func eachQuantumFollowsWhatItReads(
    _ template: String
  ) throws {
    let survey = try MockSurvey(visits: 6, detectors: 4)
    let job = try survey.job(["select": "", "template": template])
    let graph = try survey.graph(job)
    var made: Set<DatasetRef> = []
    for number in graph.quanta.indices {
      let quantum = graph.quantum(number)
      for reference in quantum.inputs.values.joined() where reference.datasetType != "calexp" {
        #expect(made.contains(reference))
      }
      for reference in quantum.outputs.values.joined() { #expect(made.insert(reference).inserted) }
    }
    #expect(graph.quanta.count > 60)
  }

  // MARK: - Templates

  @Test func aVisitInItsOwnTemplateIsAnError() throws {
    let survey = try MockSurvey()
    let job = try survey.job(["template": ""])
    let error = #expect(throws: PlanError.self) { _ = try survey.graph(job) }
    guard case .selfSubtraction(let text) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text.contains("allowSelf: true"))
  }

  @Test(arguments: ["{ visit: 100..102 }", "{ visit: all }", "{ band: [g, r] }"])
  func whatIsAllTemplateIsSubtractedFromNone(_ template: String) throws {
    let survey = try MockSurvey()
    let graph = try survey.graph(try survey.job(["template": template]))
    #expect(graph.countsByTask == [6, 6, 4, 0, 0])
    #expect(
      graph.warnings == [
        "every selected visit is in the template, so it is subtracted from none",
        "mockDifference has nothing to do at all: no data ID of its kind is selected",
        "mockSummary has nothing to do at all: no data ID of its kind is selected",
      ])
  }

  @Test func aVisitInItsOwnTemplateMayBeAllowed() throws {
    let survey = try MockSurvey()
    let all = try survey.graph(try survey.job(["template": "{ allowSelf: true }"]))
    #expect(all.countsByTask == [6, 6, 4, 6, 3])
    let some = try survey.graph(try survey.job(["template": "{ visit: 100..101, allowSelf: true }"]))
    #expect(some.countsByTask == [6, 6, 4, 6, 3])
    // Without subtraction nobody asks.
    let none = try survey.graph(
      try survey.job(["template": "", "pipeline": "[mockCalibrate, mockMeasure, mockCoadd]"]))
    #expect(none.countsByTask == [6, 6, 4])
  }

  // MARK: - What is not there

  // Without visits of the band g in the template, the patches of g have no coadd, visit 102 no template,
  // and its summary no inputs.
  @Test func whatHasNothingToDoIsLeftOutAndCounted() throws {
    let survey = try MockSurvey()
    let graph = try survey.graph(try survey.job(["template": "{ visit: 101 }", "select": "{ visit: 101..102 }"]))
    let labels = graph.pipeline.nodes.map(\.label)
    let pruned = zip(labels, graph.pruned).filter { $1.count > 0 }.map { "\($0) \($1.count)" }
    #expect(pruned == ["mockCoadd 2", "mockDifference 2", "mockSummary 1"])
    let example = graph.pruned[try #require(labels.firstIndex(of: "mockCoadd"))].example
    #expect(example.contains("mockCoadd of skymap") || example.contains("mockCoadd of tract"), "\(example)")
    #expect(example.contains("0 of mock_measured where at least 1 is needed"), "\(example)")
    #expect(graph.countsByTask == [4, 4, 2, 0, 0])
  }

  @Test func tooFewInputsLeaveOutAQuantum() throws {
    let survey = try MockSurvey()
    let graph = try survey.graph(try survey.job(["config": "{ mockCoadd: { minimum: 2 } }"]))
    #expect(graph.countsByTask == [6, 6, 0, 0, 0])
    // Visits 100 and 102 make the two of g, 101 and 103 those of r; 104 is subtracted.
    let more = try MockSurvey(visits: 5)
    let job = try more.job([
      "config": "{ mockCoadd: { minimum: 2 } }", "template": "{ visit: 100..103 }", "select": "{ visit: all }",
    ])
    #expect(try more.graph(job).countsByTask == [10, 10, 4, 2, 1])
  }

  enum Needs: Wiring {
    static var wires: [Connection] { [wire(.prerequisiteInput, "nowhere"), wire(.output, "n")] }
  }
  enum MayUse: Wiring {
    static var wires: [Connection] {
      [wire(.prerequisiteInput, "nowhere", multiple: true, minimum: 0), wire(.output, "n")]
    }
  }

  @Test func aMissingPrerequisiteIsAnError() throws {
    let survey = try MockSurvey()
    let error = #expect(throws: PlanError.self) {
      _ = try survey.graph(Job(tasks: [WiredTask<Needs>.self], repository: survey.repository))
    }
    guard case .missingInput(let text) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(text == "Needs of visit 100, detector 0: 0 of nowhere where at least 1 is needed")
    // One that is optional is simply not there.
    let graph = try survey.graph(Job(tasks: [WiredTask<MayUse>.self], repository: survey.repository))
    #expect(graph.quanta.count == 8)
    #expect(graph.quantum(0).inputs.isEmpty)
  }

  @Test func otherRunsMayHaveIt() throws {
    let survey = try MockSurvey()
    let job = Job(tasks: [WiredTask<Needs>.self], repository: survey.repository)
    let digest = FileDigest(size: 3, sha256: String(repeating: "a", count: 64))
    var products: [String: FileDigest] = [:]
    for visit in 100...103 {
      for detector in 0...1 { products["nowhere/visit\(visit)/nowhere-visit\(visit)-detector\(detector).h5"] = digest }
    }
    let finder = try InputFinder(try InputRepository(survey.repository), otherRuns: [("old", products)])
    // What is only in the record, and was removed since, is not there.
    #expect(throws: PlanError.self) { _ = try QuantumGraph(job, try PipelineGraph(job), finder) }
    for path in products.keys {
      let file = URL(filePath: "\(survey.repository)/runs/old/\(path)")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("abc".utf8).write(to: file)
    }
    #expect(try QuantumGraph(job, try PipelineGraph(job), finder).quanta.count == 8)
  }

  // MARK: - What is beyond an exposure's edges

  enum MakesPatches: Wiring {
    static var dimensions: Set<TaskFramework.Dimension> { [.tract, .patch, .band] }
    static var wires: [Connection] { [wire(.output, "patches", by: dimensions)] }
  }
  enum ReadsFar: Wiring { static var wires: [Connection] { readers(margin: 10_000) } }
  enum ReadsNear: Wiring { static var wires: [Connection] { readers(margin: 0) } }

  static func readers(margin: Int) -> [Connection] {
    [
      Connection(
        "patches", .input, "patches", .exposure, dimensions: [.tract, .patch, .band], multiple: true, margin: margin,
        doc: "patches"),
      Connection(
        "read_\(margin)", .output, "read_\(margin)", .exposure, dimensions: [.visit, .detector], doc: "result"),
    ]
  }

  /// Each detector is on a patch of its own; with a margin of many patches every patch that anybody makes is an input.
  @Test func aMarginReachesPatchesThatTheExposureDoesNotCover() throws {
    let survey = try MockSurvey()
    let near = try survey.graph(
      Job(tasks: [WiredTask<MakesPatches>.self, WiredTask<ReadsNear>.self], repository: survey.repository))
    let both = try survey.graph(
      Job(
        tasks: [WiredTask<MakesPatches>.self, WiredTask<ReadsNear>.self, WiredTask<ReadsFar>.self],
        repository: survey.repository))
    // Nobody gets work from a margin: 2 patches in 2 bands, 4 visits of 2 detectors.
    #expect(near.countsByTask == [4, 8])
    #expect(both.countsByTask == [4, 8, 8])
    for number in both.quanta.indices where both.quanta[number].task > 0 {
      let quantum = both.quantum(number)
      let patches = try #require(quantum.inputs["patches"]).compactMap { $0.dataID.number(.patch) }
      #expect(patches.count == (quantum.label == "ReadsFar" ? 2 : 1), "\(quantum)")
      #expect(Set(try #require(quantum.inputs["patches"]).compactMap { $0.dataID.name(.band) }).count == 1)
    }
  }

  @Test(arguments: [-1, 10_001]) func aMarginThatCannotBe(_ margin: Int) {
    #expect(throws: ConnectionsError.self) {
      _ = try Connections(dimensions: [.visit, .detector], Self.readers(margin: margin))
    }
  }

  // MARK: - Selection

  @Test(
    arguments: [
      ("{ visit: 100..102, detector: 1 }", [3, 3, 2, 1, 1]), ("{ visit: 100..102, band: g }", [4, 4, 2, 2, 1]),
      ("{ visit: [100, 102], detector: [0, 1] }", [4, 4, 2, 2, 1]), ("{ visit: 100..102, tract: 0 }", [6, 6, 4, 2, 1]),
      ("{ visit: 100..102, tract: 1 }", [0, 0, 0, 0, 0]), ("{ visit: 100..102, patch: 4 }", [3, 3, 2, 1, 1]),
      ("{ visit: 100..102, patch: 0..8 }", [6, 6, 4, 2, 1]), ("{ visit: 100..102, patch: 9..99 }", [0, 0, 0, 0, 0]),
      ("{ visit: 500..600 }", [0, 0, 0, 0, 0]), ("{ visit: 100..102, band: z }", [0, 0, 0, 0, 0]),
      ("{ visit: 102 }", [2, 2, 0, 0, 0]),
    ] as [(String, [Int])]) func aSelectionCountsForAll(_ select: String, _ counts: [Int]) throws
  {
    let survey = try MockSurvey()
    #expect(try survey.graph(try survey.job(["select": select])).countsByTask == counts)
  }

  @Test func tasksThatKnowNoPatchesCanBeSelectedByThem() throws {
    let survey = try MockSurvey()
    let some = try survey.job(["select": "{ patch: 4 }", "pipeline": "[mockNothing]", "retain": "[]"])
    #expect(try survey.graph(some).quanta.count == 4)
    let all = try survey.job(["select": "{ }", "pipeline": "[mockNothing]", "retain": "[]"])
    #expect(try survey.graph(all).quanta.count == 8)
  }
}
