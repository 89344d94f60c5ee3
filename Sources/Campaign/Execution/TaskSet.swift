// SPDX-License-Identifier: GPL-3.0-or-later
// The tasks of a pipeline, made once and used for many quanta.

internal import Catalogs
internal import TaskFramework

/// The tasks of a pipeline, made once on each rank and used for many quanta.
struct TaskSet {
  let tasks: [String: any PipelineTask]
  let connections: [String: Connections]
  /// Empty catalogs that show the schemas of what is written, by the names of init-outputs.
  let schemas: [String: Catalog]

  /// - Parameter nodes: in an order in which each follows those whose schemas it needs.
  /// - Throws: what making a task throws.
  init(_ nodes: [PipelineNode], context: TaskContext) throws {
    var tasks: [String: any PipelineTask] = [:]
    var schemas: [String: Catalog] = [:]
    for node in nodes {
      var inputs: [String: any Sendable] = [:]
      for connection in node.connections.connections(.initInput) {
        inputs[connection.argument] = schemas[connection.datasetType]
      }
      func make<T: PipelineTask>(_: T.Type) throws -> any PipelineTask {
        try T(config: node.config, name: node.label, context: context, initInputs: InitInputs(inputs))
      }
      let task = try make(node.type)
      tasks[node.label] = task
      for (type, catalog) in task.allSchemaCatalogs() {
        schemas[type.hasSuffix("_schema") ? type : type + "_schema"] = catalog
      }
    }
    self.tasks = tasks
    self.schemas = schemas
    connections = Dictionary(nodes.map { ($0.label, $0.connections) }) { first, _ in first }
  }
}
