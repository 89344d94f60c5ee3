// SPDX-License-Identifier: GPL-3.0-or-later
// The tasks that a pipeline may name.

internal import Catalogs
package import TaskFramework

/// The tasks that a pipeline may name, by their default names.
package struct TaskRegistry: Sendable {
  package let tasks: [(name: String, type: any PipelineTask.Type)]

  package init(_ types: [any PipelineTask.Type]) {
    tasks = types.map { ($0.defaultName ?? $0.typeName, $0) }
  }

  package subscript(name: String) -> (any PipelineTask.Type)? {
    tasks.first { $0.name == name || $0.type.typeName == name }?.type
  }

  func problem(with name: String) -> ConfigProblem {
    let names = tasks.map(\.name)
    return ConfigProblem(
      path: "pipeline",
      reason: "there is no task \"\(name)\""
        + (names.isEmpty ? "" : "; the tasks are \(names.joined(separator: ", "))"),
      suggestion: nearestName(to: name, among: names))
  }
}

/// A task in a pipeline, under the name by which the job calls it.
package struct PipelineEntry: Sendable {
  package let label: String
  package let type: any PipelineTask.Type

  package init(label: String, type: any PipelineTask.Type) {
    self.label = label
    self.type = type
  }
}
