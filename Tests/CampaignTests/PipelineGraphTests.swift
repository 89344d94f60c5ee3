// SPDX-License-Identifier: GPL-3.0-or-later

import Campaign
import MockTasks
import TaskFramework
import Testing

@Suite struct PipelineGraphTests {
  enum A: Wiring { static var wires: [Connection] { [wire(.output, "a")] } }
  /// Reads a of the same data ID.
  enum B: Wiring { static var wires: [Connection] { [wire(.input, "a"), wire(.output, "b")] } }
  /// Gathers a of a whole visit.
  enum Gather: Wiring {
    static var dimensions: Set<Dimension> { [.visit] }
    static var wires: [Connection] { [wire(.input, "a", multiple: true), wire(.output, "gathered", by: [.visit])] }
  }
  /// Reads what was gathered, and a.
  enum C: Wiring {
    static var wires: [Connection] { [wire(.input, "a"), wire(.input, "gathered", by: [.visit]), wire(.output, "c")] }
  }
  enum SecondA: Wiring { static var wires: [Connection] { [wire(.output, "a")] } }
  enum Circle: Wiring { static var wires: [Connection] { [wire(.input, "b"), wire(.output, "x")] } }
  enum BackToA: Wiring { static var wires: [Connection] { [wire(.input, "x"), wire(.output, "a")] } }
  enum Own: Wiring { static var wires: [Connection] { [wire(.input, "own"), wire(.output, "own")] } }
  enum OtherDimensions: Wiring { static var wires: [Connection] { [wire(.input, "a", by: [.visit])] } }
  enum OtherStorage: Wiring { static var wires: [Connection] { [wire(.input, "a", storage: .sourceCatalog)] } }
  enum Prerequisite: Wiring { static var wires: [Connection] { [wire(.prerequisiteInput, "a"), wire(.output, "p")] } }
  enum Alone: Wiring {
    static var canMultiprocess: Bool { false }
    static var wires: [Connection] { [wire(.input, "a"), wire(.output, "alone")] }
  }
  /// By detector, but in units of whole visits.
  enum ByVisit: Wiring {
    static var unitDimensions: Set<Dimension>? { [.visit] }
    static var wires: [Connection] { [wire(.input, "a"), wire(.output, "v")] }
  }
  enum AfterByVisit: Wiring {
    static var unitDimensions: Set<Dimension>? { [.visit] }
    static var wires: [Connection] { [wire(.input, "v", multiple: true), wire(.output, "w")] }
  }
  enum TooFine: Wiring {
    static var unitDimensions: Set<Dimension>? { [.visit, .detector, .band] }
    static var wires: [Connection] { [wire(.output, "t")] }
  }
  enum HasSchema: Wiring {
    static var wires: [Connection] {
      [Connection("schema", .initOutput, "cat_schema", .sourceCatalog, doc: "a schema"), wire(.output, "cat")]
    }
  }
  /// Needs the schema of a catalog that it does not read.
  enum NeedsSchema: Wiring {
    static var wires: [Connection] {
      [Connection("schema", .initInput, "cat_schema", .sourceCatalog, doc: "a schema"), wire(.output, "n")]
    }
  }

  private func graph(_ tasks: any PipelineTask.Type...) throws -> PipelineGraph { try PipelineGraph(Job(tasks: tasks)) }

  private func problem(_ tasks: any PipelineTask.Type...) -> String {
    do {
      _ = try PipelineGraph(Job(tasks: tasks))
      return "no error"
    } catch PlanError.invalidPipeline(let text) {
      return text
    } catch {
      return "another error: \(error)"
    }
  }

  /// Labels by chain, the chains in the order of their first task.
  private func chains(_ graph: PipelineGraph) -> [[String]] {
    var members: [Int: [String]] = [:]
    for (chain, node) in zip(graph.chains, graph.nodes) { members[chain, default: []].append(node.label) }
    return members.sorted { $0.key < $1.key }.map(\.value)
  }

  @Test func whatTwoTasksWriteIsAnError() {
    let text = problem(WiredTask<A>.self, WiredTask<SecondA>.self)
    #expect(text.contains("a is written by both A and SecondA"), "\(text)")
  }

  @Test func aCircleIsAnError() {
    let text = problem(WiredTask<B>.self, WiredTask<Circle>.self, WiredTask<BackToA>.self, WiredTask<HasSchema>.self)
    #expect(
      text.contains("in a circle") && text.contains("B") && text.contains("BackToA") && !text.contains("HasSchema"),
      "\(text)")
    #expect(problem(WiredTask<Own>.self).contains("in a circle"))
  }

  @Test func endsThatDifferAreAnError() {
    let dimensions = problem(WiredTask<A>.self, WiredTask<OtherDimensions>.self)
    #expect(
      dimensions.contains("ExposureF by visit, detector")
        && dimensions.contains("OtherDimensions reads it as ExposureF by visit"))
    let storage = problem(WiredTask<A>.self, WiredTask<OtherStorage>.self)
    #expect(storage.contains("OtherStorage reads it as SourceCatalog"), "\(storage)")
  }

  @Test func whatIsNeededBeforeCannotBeMadeHere() {
    for text in [
      problem(WiredTask<A>.self, WiredTask<Prerequisite>.self),
      problem(WiredTask<Prerequisite>.self, WiredTask<A>.self),
    ] {
      #expect(text.contains("Prerequisite needs a before anything runs, and A would make it"), "\(text)")
    }
  }

  @Test func unitsThatAreFinerThanQuantaAreAnError() {
    #expect(problem(WiredTask<TooFine>.self).contains("TooFine: its work units"))
  }

  @Test func whatNobodyMakesIsNoError() throws {
    #expect(try graph(WiredTask<B>.self).upstream == [[]])
    #expect(try graph().nodes.isEmpty)
  }

  @Test func theOrderOfTheListDoesNotMatter() throws {
    let tasks: [any PipelineTask.Type] = [
      WiredTask<A>.self, WiredTask<B>.self, WiredTask<Gather>.self, WiredTask<C>.self,
    ]
    let expected: Set<Set<String>> = [["A", "B"], ["Gather"], ["C"]]
    func permutations(_ list: [any PipelineTask.Type]) -> [[any PipelineTask.Type]] {
      guard let first = list.first else { return [[]] }
      return permutations(Array(list.dropFirst())).flatMap { rest in
        (0...rest.count).map { Array(rest[..<$0]) + [first] + Array(rest[$0...]) }
      }
    }
    let all = permutations(tasks)
    #expect(all.count == 24)
    for list in all {
      let graph = try PipelineGraph(Job(tasks: list))
      for (i, sources) in graph.upstream.enumerated() { #expect(sources.allSatisfy { $0 < i }) }
      #expect(Set(chains(graph).map { Set($0) }) == expected)
    }
  }

  @Test func aSchemaIsKnownBeforeItIsNeeded() throws {
    for graph in [
      try graph(WiredTask<NeedsSchema>.self, WiredTask<HasSchema>.self),
      try graph(WiredTask<HasSchema>.self, WiredTask<NeedsSchema>.self),
    ] {
      #expect(graph.nodes.map(\.label) == ["HasSchema", "NeedsSchema"])
    }
  }

  // MARK: - Chains

  @Test func whatPassesWithinADataIDIsOneChain() throws {
    #expect(chains(try graph(WiredTask<A>.self, WiredTask<B>.self)) == [["A", "B"]])
    let micro = try graph(
      MockSummaryTask.self, MockDifferenceTask.self, MockCoaddTask.self, MockMeasureTask.self, MockCalibrateTask.self)
    #expect(
      Set(chains(micro).map { Set($0) }) == [
        ["mockCalibrate", "mockMeasure"], ["mockCoadd"], ["mockDifference"], ["mockSummary"],
      ])
  }

  /// A → Gather → C: were A and C one unit, it would wait for Gather, which waits for it.
  @Test func aTaskWhosePathLeadsThroughAnotherChainIsNotFused() throws {
    let graph = try graph(WiredTask<A>.self, WiredTask<Gather>.self, WiredTask<C>.self, WiredTask<B>.self)
    #expect(Set(chains(graph).map { Set($0) }) == [["A", "B"], ["Gather"], ["C"]])
  }

  @Test func tasksOfOtherUnitsAreApart() throws {
    #expect(chains(try graph(WiredTask<A>.self, WiredTask<Gather>.self)) == [["A"], ["Gather"]])
    #expect(chains(try graph(WiredTask<A>.self, WiredTask<ByVisit>.self)) == [["A"], ["ByVisit"]])
    #expect(chains(try graph(WiredTask<A>.self, WiredTask<Alone>.self)) == [["A"], ["Alone"]])
  }

  @Test func unitsMayBeCoarserThanQuanta() throws {
    let graph = try graph(WiredTask<A>.self, WiredTask<ByVisit>.self, WiredTask<AfterByVisit>.self)
    #expect(chains(graph) == [["A"], ["ByVisit", "AfterByVisit"]])
  }
}
