// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks that are nothing but their connections.

import Campaign
import MockTasks
import TaskFramework

/// What a ``WiredTask`` is about, reads and writes.
protocol Wiring: Sendable {
  static var name: String { get }
  static var dimensions: Set<Dimension> { get }
  static var unitDimensions: Set<Dimension>? { get }
  static var canMultiprocess: Bool { get }
  static var wires: [Connection] { get }
}

extension Wiring {
  static var name: String { "\(self)" }
  static var dimensions: Set<Dimension> { [.visit, .detector] }
  static var unitDimensions: Set<Dimension>? { nil }
  static var canMultiprocess: Bool { true }

  /// An image that goes in or out; by visit and detector unless something else is said.
  static func wire(
    _ kind: Connection.Kind, _ type: String, by dimensions: Set<Dimension> = [.visit, .detector],
    storage: Connection.StorageClass = .exposure, multiple: Bool = false, minimum: Int = 1
  ) -> Connection {
    Connection(
      "\(type)_\(kind)", kind, type, storage, dimensions: dimensions, multiple: multiple, minimum: minimum,
      doc: "a wire")
  }
}

final class WiredTask<W: Wiring>: MockTask {
  static var defaultName: String? { W.name }
  static var canMultiprocess: Bool { W.canMultiprocess }
  let node: TaskNode
  let config: MockConfig

  init(node: TaskNode, config: MockConfig) {
    self.node = node
    self.config = config
  }

  static func connections(_ config: MockConfig) throws -> Connections {
    try Connections(dimensions: W.dimensions, W.wires)
  }
  static func unitDimensions(_ connections: Connections) -> Set<Dimension> {
    W.unitDimensions ?? connections.dimensions
  }
}

extension Job {
  /// A job of some tasks under their own names.
  init(tasks: [any PipelineTask.Type], repository: String = "/nowhere") {
    let pipeline = tasks.map { PipelineEntry(label: $0.defaultName ?? $0.typeName, type: $0) }
    self.init(
      repository: repository, run: "run", pipeline: pipeline,
      configs: ConfigSet(pipeline.map { ($0.label, $0.type.configClass.init()) }), origin: "a test")
  }
}
