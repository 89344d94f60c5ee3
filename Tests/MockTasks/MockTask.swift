// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks that do as they are told.

package import Catalogs
internal import Foundation
internal import Imaging
internal import Logging
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// What a mock task does: how long it takes, how large its outputs are, and what goes wrong.
///
/// What goes wrong concerns the quanta whose data ID contains a text, such as `visit 103`; empty is none.
package struct MockConfig: Config {
  package var seconds = 0.0
  /// Side of the images that are written, pixels; 0 writes tables.
  package var side = 8
  package var factor = 1.0
  package var fails = ""
  package var hasNoWork = ""
  package var writesPart = ""
  package var leavesOut = ""
  package var traps = ""
  package var hangs = ""
  package var dawdles = ""
  package var eats = ""
  package var minimum = 1
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("seconds", \.seconds, in: 0...3600, doc: "how long a quantum takes"),
    .field("side", \.side, in: 0...4096, doc: "side of the images that are written, pixels"),
    .field("factor", \.factor, doc: "what inputs are multiplied by"),
    .field("fails", \.fails, doc: "quanta that fail"),
    .field("hasNoWork", \.hasNoWork, doc: "quanta that find nothing to do"),
    .field("writesPart", \.writesPart, doc: "quanta that fail after a part of their outputs is good"),
    .field("leavesOut", \.leavesOut, doc: "quanta that leave out an output on purpose"),
    .field("traps", \.traps, doc: "quanta that crash their process"),
    .field("hangs", \.hangs, doc: "quanta that never end and do not listen"),
    .field("dawdles", \.dawdles, doc: "quanta that never end and listen"),
    .field("eats", \.eats, doc: "quanta that take memory without end, and listen"),
    .field("minimum", \.minimum, in: 0...100, doc: "how many inputs are needed"),
    .connections("connections", \.connections),
  ]
}

/// A task that does as its configuration says.
package protocol MockTask: PipelineTask where ConfigClass == MockConfig {
  init(node: TaskNode, config: MockConfig)
}

extension MockTask {
  package init(_ node: TaskNode) throws { self.init(node: node, config: try node.config()) }

  private func concerns(_ text: String, _ context: any QuantumContext) -> Bool {
    !text.isEmpty && "\(context.quantum.dataID),".contains(text + ",")
  }

  package func execute(_ context: any QuantumContext) throws {
    log.info("begins \(context.quantum.dataID)")
    if concerns(config.traps, context) { fatalError("a trap, as it was told") }
    if concerns(config.hangs, context) { while true { usleep(100_000) } }
    if concerns(config.dawdles, context) {
      while true {
        usleep(1000)
        try context.checkCancellation()
      }
    }
    if concerns(config.eats, context) {
      var food: [[UInt8]] = []
      while true {
        food.append([UInt8](repeating: UInt8(truncatingIfNeeded: food.count), count: 8 << 20))
        usleep(1000)
        try context.checkCancellation()
      }
    }
    let end = ContinuousClock.now + .seconds(config.seconds)
    if config.seconds > 0 {
      while ContinuousClock.now < end {
        usleep(2000)
        try context.checkCancellation()
      }
    }
    if concerns(config.fails, context) {
      log.warning("about to fail")
      throw TaskError("it was told to fail")
    }
    if concerns(config.hasNoWork, context) { throw NoWorkFound("it was told to find nothing") }
    try write(context)
  }

  /// A sum over all that is read, so that every output depends on every input.
  private func sum(_ context: any QuantumContext) throws -> Double {
    var sum = 1.0
    for (_, references) in context.quantum.inputs.sorted(by: { $0.key < $1.key }) {
      for reference in references {
        if let exposure = try context.get(reference, as: Exposure.self) {
          sum += config.factor * Double(exposure.maskedImage.image.pixels.reduce(0, +))
        }
      }
    }
    try metadata.set("sum", sum)
    try metadata.set("nInputs", context.quantum.inputs.values.reduce(0) { $0 + $1.count })
    return sum
  }

  private func write(_ context: any QuantumContext) throws {
    guard !context.quantum.outputs.isEmpty else {
      try metadata.set("ran", true)
      return
    }
    let value = try sum(context)
    let box = try Box2I(checkingMinX: 0, minY: 0, width: max(1, config.side), height: max(1, config.side))
    var isFirst = true
    for (_, references) in context.quantum.outputs.sorted(by: { $0.key < $1.key }) {
      for reference in references {
        defer { isFirst = false }
        if concerns(config.leavesOut, context), isFirst { continue }
        // No two pixels alike, so that a large image is a large file.
        var state = UInt64(bitPattern: Int64(value.bitPattern >> 1))
        var image = Image<Float>(box: box) { _, _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return Float(state >> 40) * 0x1p-24
        }
        image[0, 0] = Float(reference.dataID.number(.visit) ?? 0)
        try context.put(
          try Exposure(MaskedImage(image: image, mask: Mask(box: box), variance: Image<Float>(box: box, fill: 1))),
          reference)
        if concerns(config.writesPart, context) {
          throw AnnotatedPartialOutputsError.annotate(TaskError("the rest cannot be done"), self)
        }
      }
    }
  }
}

/// From an exposure, for each visit and detector: the head of a chain.
package final class MockCalibrateTask: MockTask {
  package static let defaultName: String? = "mockCalibrate"
  package let node: TaskNode
  package let config: MockConfig
  package init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  package static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(
      dimensions: [.visit, .detector],
      [
        Connection(
          "exposure", .prerequisiteInput, "calexp", .exposure, dimensions: [.visit, .detector], doc: "exposure"),
        Connection(
          "calibrated", .output, "mock_calibrated", .exposure, dimensions: [.visit, .detector], doc: "result"),
      ]
    ).resolved(config.connections)
  }
}

/// The second of a chain: reads what the first made.
package final class MockMeasureTask: MockTask {
  package static let defaultName: String? = "mockMeasure"
  package let node: TaskNode
  package let config: MockConfig
  package init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  package static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(
      dimensions: [.visit, .detector],
      [
        Connection("calibrated", .input, "mock_calibrated", .exposure, dimensions: [.visit, .detector], doc: "input"),
        Connection("measured", .output, "mock_measured", .exposure, dimensions: [.visit, .detector], doc: "result"),
      ]
    ).resolved(config.connections)
  }

  package func schemaCatalogs() -> [String: Catalog] {
    (try? ["mock_measured": Catalog(Schema.minimalSource())]) ?? [:]
  }
}

/// Gathers the template visits of a patch and band.
package final class MockCoaddTask: MockTask {
  package static let defaultName: String? = "mockCoadd"
  package let node: TaskNode
  package let config: MockConfig
  package init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  package static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(
      dimensions: [.tract, .patch, .band],
      [
        Connection(
          "measured", .input, "mock_measured", .exposure, dimensions: [.visit, .detector], multiple: true,
          minimum: config.minimum, visits: .template, doc: "inputs"),
        Connection("coadd", .output, "mock_coadd", .exposure, dimensions: [.tract, .patch, .band], doc: "result"),
      ]
    ).resolved(config.connections)
  }
}

/// Subtracts a template from each science visit.
package final class MockDifferenceTask: MockTask {
  package static let defaultName: String? = "mockDifference"
  package let node: TaskNode
  package let config: MockConfig
  package init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  package static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(
      dimensions: [.visit, .detector], visits: .science,
      [
        Connection("measured", .input, "mock_measured", .exposure, dimensions: [.visit, .detector], doc: "science"),
        Connection(
          "coadds", .input, "mock_coadd", .exposure, dimensions: [.tract, .patch, .band], multiple: true,
          doc: "template"),
        Connection(
          "difference", .output, "mock_difference", .exposure, dimensions: [.visit, .detector], doc: "result"),
        Connection("score", .output, "mock_score", .exposure, dimensions: [.visit, .detector], doc: "another result"),
      ]
    ).resolved(config.connections)
  }
}

/// Gathers a visit's detectors; all its quanta want to be on one rank.
package final class MockSummaryTask: MockTask {
  package static let defaultName: String? = "mockSummary"
  package static let canMultiprocess = false
  package let node: TaskNode
  package let config: MockConfig
  package init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  package static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(
      dimensions: [.visit], visits: .science,
      [
        Connection(
          "differences", .input, "mock_difference", .exposure, dimensions: [.visit, .detector], multiple: true,
          doc: "inputs"),
        Connection("summary", .output, "mock_summary", .exposure, dimensions: [.visit], doc: "result"),
      ]
    ).resolved(config.connections)
  }
}

/// Reads and writes nothing: what running it costs is what running anything costs.
package final class MockNothingTask: MockTask {
  package static let defaultName: String? = "mockNothing"
  package let node: TaskNode
  package let config: MockConfig
  package init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  package static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(dimensions: [.visit, .detector], [])
  }
}

package let mockTasks: [any PipelineTask.Type] = [
  MockCalibrateTask.self, MockMeasureTask.self, MockCoaddTask.self, MockDifferenceTask.self, MockSummaryTask.self,
  MockNothingTask.self,
]
