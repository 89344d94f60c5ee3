// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic tasks that the facts of framework E.5 are told with.

import Catalogs
import Logging
import TaskFramework

struct AddConfig: Config {
  var addend = 3.1
  static let fields: [ConfigField<Self>] = [.field("addend", \.addend, in: -1000...1000, doc: "amount to add")]
}

protocol Adder: Task { func run(_ value: Double) throws -> Double }

final class AddTask: Adder {
  let node: TaskNode
  let config: AddConfig
  init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }
  func run(_ value: Double) throws -> Double {
    try timer("run") {
      try metadata.add("add", .float(config.addend))
      return value + config.addend
    }
  }
  func schemaCatalogs() -> [String: Catalog] { (try? ["sums": Catalog(Schema.minimalSource())]) ?? [:] }
}

final class AddTwiceTask: Adder {
  let node: TaskNode
  let config: AddConfig
  init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }
  func run(_ value: Double) throws -> Double { value + 2 * config.addend }
}

struct MultConfig: Config {
  var multiplicand = 2.5
  static let fields: [ConfigField<Self>] = [.field("multiplicand", \.multiplicand, doc: "factor")]
}

final class MultTask: Task {
  let node: TaskNode
  let config: MultConfig
  init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }
  func run(_ value: Double) throws -> Double {
    try timer("run") {
      if value.isNaN { throw TaskError("no number") }
      return value * config.multiplicand
    }
  }
  func schemaCatalogs() -> [String: Catalog] { ["products": Catalog(Schema())] }
}

enum Mode: String, ConfigChoice { case auto, convolveTemplate, convolveScience }

struct AddMultConfig: Config {
  var add = AddTask.makeField("task that adds", alternatives: [AddTask.self, AddTwiceTask.self])
  var mult = MultTask.makeField("task that multiplies")
  var kernel = AddMultConfig.kernels.makeField("the kernel", default: "AL")
  var plugins = AddMultConfig.kernels.makeField("what else", default: ["AL", "DF"])
  var mode = Mode.auto
  var order = 2
  var name: String? = nil
  var sizes: [Int] = [1, 2]
  var weights: [String: Double] = [:]
  var isFast = false

  static let kernels: ConfigRegistry = {
    var registry = ConfigRegistry()
    registry.register("AL", AddConfig.self, doc: "sums of Gaussians")
    registry.register("DF", MultConfig.self, doc: "delta functions")
    return registry
  }()

  static let fields: [ConfigField<Self>] = [
    .subtask("add", \.add), .subtask("mult", \.mult), .registry("kernel", \.kernel), .registry("plugins", \.plugins),
    .field("mode", \.mode, doc: "which image is convolved"), .field("order", \.order, in: 0...10, doc: "order"),
    .field("name", \.name, doc: "a name"),
    .field("sizes", \.sizes, count: 1...3, doc: "sizes", requirement: "above 0", eachItem: { $0 > 0 }),
    .field("weights", \.weights, doc: "weights by name"), .field("isFast", \.isFast, doc: "whether to hurry"),
  ]

  func validate() throws(ConfigProblem) {
    if isFast, order > 5 { throw ConfigProblem(path: "order", reason: "\(order) is too slow for isFast; at most 5") }
  }
}

final class AddMultTask: Task {
  static let defaultName: String? = "addMult"
  let node: TaskNode
  let config: AddMultConfig
  let add: any Adder
  let mult: MultTask
  init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    add = try node.makeSubtask("add")
    mult = try node.makeSubtask("mult")
  }
  func run(_ value: Double) throws -> Double {
    try timer("run") { try mult.run(try add.run(value)) }
  }
}

/// A clock that goes on by a second at each look.
final class StepMeter: ResourceMeter, @unchecked Sendable {
  private var step = 0
  let nodeName = "testhost"
  func usage() -> ResourceUsage {
    step += 1
    let seconds = Double(step)
    return ResourceUsage(
      utc: "2026-01-01T00:00:0\(step % 10).000000+00:00", cpuTime: seconds, userTime: 0.75 * seconds,
      systemTime: 0.25 * seconds, maxResidentSetSize: 1 << 20, minorPageFaults: 1, majorPageFaults: 2, blockInputs: 3,
      blockOutputs: 4, voluntaryContextSwitches: 5, involuntaryContextSwitches: 6)
  }
}
