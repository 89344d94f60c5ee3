// SPDX-License-Identifier: GPL-3.0-or-later

import Catalogs
import Logging
import OrderedCollections
import Synchronization
import TaskFramework
import Testing

/// The facts of framework E.5 on tasks.
@Suite struct TaskTests {
  private let context = TaskContext(meter: StepMeter())

  @Test func namesLeadFromTheTopDown() throws {
    let task = try AddMultTask(context: context)
    #expect(task.name == "addMult" && task.fullName == "addMult")
    #expect(task.add.name == "add" && task.add.fullName == "addMult.add")
    let names = ["addMult", "addMult.add", "addMult.mult"]
    #expect(Array(task.taskDict.keys) == names)
    #expect(Array(task.mult.taskDict.keys) == names, "the same from every member")
    #expect(task.taskDict["addMult.mult"] === task.mult)
    #expect(task.subtask("add") === task.add && task.subtask("x") == nil)
    #expect(try AddMultTask(name: "other", context: context).add.fullName == "other.add")
  }

  @Test func aTopTaskNeedsAName() throws {
    let error = #expect(throws: TaskConstructionError.self) { try AddTask(context: context) }
    #expect(error?.category == "RuntimeError")
    #expect(throws: TaskConstructionError.invalidName("a.b")) { try AddTask(name: "a.b", context: context) }
    #expect(try AddTask(name: "solo", context: context).run(1) == 4.1)
  }

  @Test func subtasksComeFromTheirFields() throws {
    let task = try AddMultTask(context: context)
    #expect(throws: TaskConstructionError.noField(task: "addMult", name: "nothing")) {
      let _: AddTask = try task.makeSubtask("nothing")
    }
    #expect(throws: TaskConstructionError.fieldMakesNoTask(task: "addMult", name: "order")) {
      let _: AddTask = try task.makeSubtask("order")
    }
    #expect(throws: TaskConstructionError.wrongSubtask(task: "addMult.mult", found: "MultTask", expected: "AddTask")) {
      let _: AddTask = try task.makeSubtask("mult")
    }
    #expect(throws: TaskConstructionError.self) { try AddTask(config: MultConfig(), name: "x", context: context) }
    var bad = AddConfig()
    bad.addend = 5000
    let error = #expect(throws: TaskConstructionError.self) { try AddTask(config: bad, name: "x", context: context) }
    #expect(error?.description == "x.addend: 5000.0 is given; it must be float, from -1000.0 to 1000.0")
  }

  @Test func retargetingChangesWhatIsDone() throws {
    #expect(try AddMultTask(context: context).run(1) == (1 + 3.1) * 2.5)
    var config = AddMultConfig()
    try config.add.update(AddConfig.self) { $0.addend = 7 }
    config.add.retarget(AddTwiceTask.self)
    let task = try AddMultTask(config: config, context: context)
    #expect(try task.run(1) == (1 + 2 * 3.1) * 2.5, "what was set before is lost")
    #expect(throws: ConfigProblem.self) { try config.mult.setValue(AddConfig()) }
  }

  @Test func metadataOfTheTree() throws {
    let task = try AddMultTask(context: context)
    _ = try task.run(1)
    let full = task.fullMetadata()
    #expect(Set(full.keys) == ["addMult", "addMult:add", "addMult:mult"])
    #expect(full == task.mult.fullMetadata(), "the same from every member")
    #expect(full.paramNames().contains("addMult:add.runStartCpuTime"))
    #expect(full.paramNames(topLevelOnly: true).isEmpty)
    #expect(try full.double("addMult:add.add") == 3.1)
    #expect(task.fullValues().paramNames() == ["addMult:add.add"], "a product has values alone")
    #expect(task.fullTiming().paramNames().contains("addMult.runEndUtc"))
    task.add.emptyMetadata()
    let empty = task.fullMetadata()
    #expect(empty.count == 3 && empty.nodes.values.allSatisfy { $0.isEmpty })
  }

  private static let usageNames = [
    "Utc", "CpuTime", "UserTime", "SystemTime", "MaxResidentSetSize", "MinorPageFaults", "MajorPageFaults",
    "BlockInputs", "BlockOutputs", "VoluntaryContextSwitches", "InvoluntaryContextSwitches",
  ]

  @Test func timersRecordElevenKeysAtStartAndEnd() throws {
    let task = try MultTask(name: "mult", context: context)
    _ = try task.run(2)
    for prefix in ["runStart", "runEnd"] {
      for (i, name) in Self.usageNames.enumerated() {
        let kind = i == 0 ? "text" : i < 4 ? "float" : "int"
        #expect(try task.timing.array(prefix + name).map(\.kind) == [kind], "\(prefix)\(name)")
      }
    }
    #expect(task.timing.paramNames().count == 24, "and __version__ and nodeName")
    #expect(try task.timing.integer("__version__") == 1)
    #expect(try task.timing.string("nodeName") == "testhost")
    #expect(duration(of: "run", in: task.timing) == 1)
    #expect(duration(of: "run", in: task.timing, clock: "User") == 0.75)
    #expect(duration(of: "jump", in: task.timing) == nil && duration(of: "run", in: nil) == nil)
    _ = try task.run(2)
    #expect(try task.timing.array("runEndCpuTime").count == 2, "a second run is added")
    #expect(try TaskMetadata(json: JSONValue(parsing: task.timing.json.text())) == task.timing)
  }

  @Test func timersEndWhenTheWorkThrows() throws {
    let task = try MultTask(name: "mult", context: context)
    #expect(throws: TaskError.self) { try task.run(.nan) }
    #expect(task.timing.contains("runStartUtc") && task.timing.contains("runEndUtc"))
    struct Oops: Error {}
    #expect(throws: Oops.self) { try task.timer("block") { throw Oops() } }
    #expect(task.timing.contains("blockEndCpuTime"))
  }

  @Test func timersCanBeSwitchedOff() throws {
    let off = TaskContext(meter: StepMeter(), environment: ["LSST_UTILS_DISABLE_TIMER": "1"])
    let task = try MultTask(name: "mult", context: off)
    #expect(try task.run(2) == 5)
    #expect(task.timing.isEmpty)
  }

  @Test func theProcessMeterMeasures() throws {
    let meter = ProcessResourceMeter()
    let before = meter.usage()
    var x = 1.0
    for i in 0..<3_000_000 { x = (x + Double(i)).squareRoot() }
    let after = meter.usage()
    #expect(x > 0 && after.cpuTime > before.cpuTime && after.maxResidentSetSize > 1 << 20)
    #expect(after.utc.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00/) != nil, "\(after.utc)")
    #expect(!meter.nodeName.isEmpty)
  }

  @Test func timersLogAtTheirLevel() throws {
    let lines = LogLines()
    var logger = Logger(label: "test") { _ in LinesHandler(lines: lines) }
    logger.logLevel = .debug
    let task = try AddMultTask(context: TaskContext(meter: StepMeter(), log: logger))
    _ = try task.run(1)
    task.timer("loud", logLevel: .info) {}
    let found = lines.all
    #expect(found.count == 8)
    #expect(
      found.contains { $0.hasPrefix("debug timer.addMult.mult runStartUtc=") && $0.contains("; runStartCpuTime=") })
    #expect(found.contains { $0.hasPrefix("info timer.addMult loudEndUtc=") })
  }

  @Test func schemasAreKnownAtConstruction() throws {
    let task = try AddMultTask(context: context)
    #expect(task.schemaCatalogs().isEmpty)
    #expect(Set(task.add.schemaCatalogs().keys) == ["sums"])
    #expect(Set(task.allSchemaCatalogs().keys) == ["sums", "products"])
    #expect(Set(task.mult.allSchemaCatalogs().keys) == ["sums", "products"], "the same from every member")
    #expect(task.allSchemaCatalogs()["sums"]?.rowCount == 0)
    #expect(AddMultTask.canMultiprocess)
  }

  @Test func initInputsReachEveryTask() throws {
    let task = try AddMultTask(context: context, initInputs: InitInputs(["refSchema": try Schema.minimalSource()]))
    #expect(task.mult.initInputs.value("refSchema", as: Schema.self)?.fields.count == 4)
    #expect(task.initInputs.value("refSchema", as: Int.self) == nil)
  }

  @Test func partialOutputsAreAnnotated() throws {
    let task = try AddMultTask(context: context)
    var details = TaskMetadata()
    try details.set("nBad", 3)
    let error = AnnotatedPartialOutputsError.annotate(TaskError("half done"), task, task.mult, metadata: details)
    #expect(categoryName(of: error) == "AnnotatedPartialOutputsError" && error.description == "half done")
    #expect(try task.mult.metadata.string("failure.type") == "TaskError")
    #expect(try task.metadata.string("failure.message") == "half done")
    #expect(try task.metadata.integer("failure.metadata.nBad") == 3)
  }
}

private final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  func append(_ line: String) { lines.withLock { $0.append(line) } }
}

private struct LinesHandler: LogHandler {
  let lines: LogLines
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.debug
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) { lines.append("\(event.level) \(event.source) \(event.message)") }
}
