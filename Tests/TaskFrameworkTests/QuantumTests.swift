// SPDX-License-Identifier: GPL-3.0-or-later

import TaskFramework
import Testing

@Suite struct QuantumTests {
  @Test func dataIDs() throws {
    let id = try DataID([.detector: .number(3), .visit: .number(100), .band: .name("r")])
    #expect(id.description == "visit 100, detector 3, band r")
    #expect(id.restricted(to: [.visit])?.description == "visit 100")
    #expect(id.restricted(to: [.tract]) == nil)
    #expect(id.number(.visit) == 100 && id.name(.band) == "r" && id.number(.band) == nil)
    #expect(try DataID([.visit: .number(9)]) < DataID([.visit: .number(10)]), "numbers in the order of numbers")
    for (dimension, value) in [
      (.visit, .number(-1)), (.visit, .name("a")), (.band, .number(1)), (.band, .name("")), (.band, .name("../x")),
      (.band, .name(".hidden")), (.band, .name("a/b")), (.band, .name(String(repeating: "r", count: 65))),
    ] as [(TaskFramework.Dimension, DimensionValue)] {
      #expect(throws: DataIDError.self, "\(dimension) \(value)") { try DataID([dimension: value]) }
    }
  }

  private func connections() throws -> Connections {
    try Connections(
      dimensions: [.visit, .detector], templates: ["coaddName": "deep", "fakesType": ""],
      [
        Connection("science", .input, "{fakesType}calexp", .exposure, dimensions: [.visit, .detector], doc: "in"),
        Connection(
          "coadds", .prerequisiteInput, "{coaddName}Coadd", .exposure, dimensions: [.tract, .patch, .band],
          multiple: true, minimum: 2, doc: "coadds"),
        Connection("schema", .initOutput, "{coaddName}Diff_diaSrc_schema", .sourceCatalog, doc: "schema"),
        Connection(
          "difference", .output, "{fakesType}{coaddName}Diff_differenceExp", .exposure,
          dimensions: [.visit, .detector], doc: "out"),
      ])
  }

  @Test func templatesAndNames() throws {
    let connections = try connections()
    let plain = try connections.resolved(templates: [:], names: [:])
    #expect(
      plain.all.map(\.datasetType) == ["calexp", "deepCoadd", "deepDiff_diaSrc_schema", "deepDiff_differenceExp"])
    let other = try connections.resolved(templates: ["coaddName": "goodSeeing"], names: ["science": "pvi"])
    #expect(
      other.all.map(\.datasetType) == [
        "pvi", "goodSeeingCoadd", "goodSeeingDiff_diaSrc_schema", "goodSeeingDiff_differenceExp",
      ])
    let error = #expect(throws: ConnectionsError.self) {
      try connections.resolved(templates: ["coadName": "x"], names: [:])
    }
    #expect(error?.description == "there is no template coadName; did you mean coaddName?")
    #expect(throws: ConnectionsError.self) { try connections.resolved(templates: [:], names: ["scienc": "x"]) }
    #expect(throws: ConnectionsError.self) { try connections.resolved(templates: ["coaddName": "../../x"], names: [:]) }
    #expect(connections["difference"]?.kind == .output && connections.connections(.initOutput).count == 1)
  }

  struct RenamedConfig: Config {
    var connections = ConnectionNames()
    static let fields: [ConfigField<Self>] = [.connections("connections", \.connections)]
  }

  @Test func configurationsRenameConnections() throws {
    var loaded = LoadedConfig("subtract", RenamedConfig())
    try loaded.apply(try YAMLText.parse("connections: { coaddName: goodSeeing }"), from: .code("test"))
    try loaded.set("connections.science", to: .string("pvi"), from: .commandLine("x"))
    let names = try #require(loaded.config as? RenamedConfig).connections
    #expect(names.values == ["coaddName": "goodSeeing", "science": "pvi"])
    #expect(loaded.yaml.contains("science: pvi  # from command line, x"))
    let resolved = try connections().resolved(names)
    #expect(
      resolved["science"]?.datasetType == "pvi" && resolved["difference"]?.datasetType == "goodSeeingDiff_differenceExp"
    )
    let wrong = try connections()
    #expect(throws: ConnectionsError.self) { try wrong.resolved(ConnectionNames(["coaddNam": "x"])) }
    #expect(throws: ConfigError.self) { try loaded.set("connections.a.b", to: .string("x"), from: .code("test")) }
    #expect(throws: ConfigError.self) { try loaded.set("connections", to: .integer(3), from: .code("test")) }
  }

  @Test func contradictionsInDeclarations() {
    func declare(_ templates: [String: String] = [:], _ connections: Connection...) throws {
      _ = try Connections(dimensions: [.visit], templates: templates, connections)
    }
    let input = Connection("a", .input, "a", .exposure, dimensions: [.visit], doc: "")
    #expect(throws: ConnectionsError.self) { try declare([:], input, input) }
    #expect(throws: ConnectionsError.self) { try declare(["a": "x"], input) }
    #expect(throws: ConnectionsError.self) {
      try declare([:], Connection("b", .input, "b", .exposure, dimensions: [.visit], minimum: 2, doc: ""))
    }
    #expect(throws: ConnectionsError.self) {
      try declare([:], Connection("b", .initInput, "b", .exposure, dimensions: [.visit], doc: ""))
    }
    #expect(throws: ConnectionsError.self) { try declare([:], Connection("b", .output, "b", .exposure, doc: "")) }
  }

  private func quantum(science: Int = 1, coadds: Int = 2, outputs: Int = 1) throws -> Quantum {
    let id = try DataID([.visit: .number(1), .detector: .number(2)])
    func references(_ name: String, _ count: Int) throws -> [DatasetRef] {
      try (0..<count).map { DatasetRef(name, try DataID([.visit: .number(1), .detector: .number(Int64($0))])) }
    }
    return Quantum(
      label: "subtract", dataID: id,
      inputs: ["science": try references("calexp", science), "coadds": try references("deepCoadd", coadds)],
      outputs: ["difference": try references("deepDiff_differenceExp", outputs)])
  }

  @Test func adjustingAQuantum() throws {
    let connections = try connections().resolved(templates: [:], names: [:])
    #expect(try CopyTask.adjustQuantum(quantum(), connections) == quantum())
    let noWork = #expect(throws: NoWorkFound.self) { try CopyTask.adjustQuantum(quantum(science: 0), connections) }
    #expect(noWork?.description == "subtract of visit 1, detector 2: 0 of calexp where at least 1 is needed")
    let missing = #expect(throws: AdjustQuantumError.self) {
      try CopyTask.adjustQuantum(quantum(coadds: 1), connections)
    }
    #expect(missing?.category == "FileNotFoundError")
    let twice = #expect(throws: AdjustQuantumError.self) {
      try CopyTask.adjustQuantum(quantum(science: 2), connections)
    }
    #expect(twice?.category == "ScalarError")
  }

  @Test func aTaskReadsAndWritesThroughItsContextAlone() throws {
    let context = MemoryContext(try quantum())
    context.store[try #require(context.quantum.inputs["science"]?.first)] = 20.5
    let task = try CopyTask(name: "copy", context: TaskContext(meter: StepMeter()))
    try task.runQuantum(context)
    #expect(context.written == [try #require(context.quantum.outputs["difference"]?.first): 41])
    #expect(task.timing.contains("runQuantumStartUtc") && task.timing.contains("runQuantumEndCpuTime"))

    let stranger = DatasetRef("other", try DataID([.visit: .number(1)]))
    #expect(throws: QuantumContextError.notAnInput(stranger)) { try context.get(stranger, as: Double.self) }
    #expect(throws: QuantumContextError.notAnOutput(stranger)) { try context.put(1.0, stranger) }
    #expect(throws: QuantumContextError.notAConnection("nothing")) { try context.put(1.0, argument: "nothing") }
    #expect(throws: QuantumContextError.countMismatch("difference", found: 2, expected: 1)) {
      try context.putAll([1.0, 2.0], argument: "difference")
    }
    let before = context.written.count
    try context.put(Double?.none, argument: "difference")
    try context.putAll([Double?.none], argument: "difference")
    #expect(context.written.count == before, "nil is left out on purpose")
    #expect(throws: QuantumContextError.missingInput("coadds")) { let _: Double = try context.get("coadds") }
    #expect(try context.getAll("coadds", as: Double.self).isEmpty, "those that are not there are left out")
    context.isCancelled = true
    #expect(throws: QuantumCancelled.self) { try task.runQuantum(context) }
  }

  @Test func outcomes() {
    func outcome(_ error: (any Error)?, missing: Int = 0, raises: Bool = true) -> QuantumOutcome {
      QuantumOutcome(error: error, missing: (missing, 3), raisesOnPartialOutputs: raises)
    }
    #expect(outcome(nil) == .succeeded([]))
    #expect(outcome(nil, missing: 1) == .succeeded(.anyOutputsMissing))
    #expect(outcome(nil, missing: 3) == .succeeded([.anyOutputsMissing, .allOutputsMissing]))
    #expect(outcome(NoWorkFound("x"), missing: 3) == .succeeded(Caveats(rawValue: 7)))
    #expect(outcome(NoWorkFound("x", cause: .upstreamFailure)) == .succeeded(Caveats(rawValue: 20)))
    #expect(outcome(NoWorkFound("x", cause: .unprocessableData)) == .succeeded(Caveats(rawValue: 36)))
    #expect(QuantumOutcome.noWorkBeforeStart == .succeeded(Caveats(rawValue: 15)))
    let partial = AnnotatedPartialOutputsError(TaskError("half"))
    #expect(outcome(partial, raises: false) == .succeeded(Caveats(rawValue: 64)))
    #expect(outcome(partial) == .failed(category: "AnnotatedPartialOutputsError", message: "half"))
    #expect(outcome(TaskError("bad")) == .failed(category: "TaskError", message: "bad"))
    #expect(Caveats(rawValue: 15).conciseCode == "*A" && Caveats(rawValue: 5).conciseCode == "+N")
    #expect(
      Caveats(rawValue: 36).conciseCode == "D" && Caveats(rawValue: 64).conciseCode == "P"
        && Caveats().conciseCode == "")
  }
}

final class CopyTask: PipelineTask {
  let node: TaskNode
  let config: EmptyConfig
  init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }
  static func connections(_ config: EmptyConfig) throws -> Connections { try Connections(dimensions: [.visit], []) }
  func execute(_ context: any QuantumContext) throws {
    let value: Double = try context.get("science")
    try context.checkCancellation()
    try context.put(2 * value, argument: "difference")
  }
}

final class MemoryContext: QuantumContext {
  let quantum: Quantum
  let resources = QuantumResources()
  var isCancelled = false
  var store: [DatasetRef: Double] = [:]
  private(set) var written: [DatasetRef: Double] = [:]

  init(_ quantum: Quantum) { self.quantum = quantum }

  func get<Value>(_ reference: DatasetRef, as _: Value.Type) throws -> Value? {
    guard quantum.inputs.values.contains(where: { $0.contains(reference) }) else {
      throw QuantumContextError.notAnInput(reference)
    }
    return store[reference] as? Value
  }

  func put<Value>(_ value: Value, _ reference: DatasetRef) throws {
    guard quantum.outputs.values.contains(where: { $0.contains(reference) }) else {
      throw QuantumContextError.notAnOutput(reference)
    }
    written[reference] = value as? Double
  }
}
