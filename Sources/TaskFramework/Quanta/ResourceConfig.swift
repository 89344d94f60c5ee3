// SPDX-License-Identifier: GPL-3.0-or-later
// What a task needs of the machine.

/// What a task needs of the machine at least (framework C.6); the field `resources` of a configuration.
package struct ResourceConfig: Config, Equatable {
  package var minMemoryMB: Int?
  package var minNumCores = 1

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "minMemoryMB", \.minMemoryMB, doc: "memory that a rank must have for the task, MiB; null for any",
      requirement: "1 to 1000000000, or null", where: { $0.map { (1...1_000_000_000).contains($0) } ?? true }),
    .field("minNumCores", \.minNumCores, in: 1...100_000, doc: "threads that a rank must have for the task"),
  ]
}

/// A configuration that says what its task needs.
package protocol ConfigWithResources: Config {
  var resources: ResourceConfig { get }
}

extension PipelineTask {
  /// What the task needs of the machine; `nil` when its configuration has nothing to say about it.
  package func resourceConfig() -> ResourceConfig? { (config as? any ConfigWithResources)?.resources }

  /// - Throws: ``TaskError`` for a rank that has less than the task needs: better now than killed amid the work.
  func checkResources(_ available: QuantumResources) throws(TaskError) {
    guard let needed = resourceConfig() else { return }
    if let least = needed.minMemoryMB, let memory = available.memory, memory >> 20 < least {
      throw TaskError(
        "\(name) needs \(least) MiB (resources.minMemoryMB), and a rank may use \(memory >> 20) (execution.memoryPerRank)"
      )
    }
    guard available.threadCount >= needed.minNumCores else {
      throw TaskError(
        "\(name) needs \(needed.minNumCores) threads (resources.minNumCores), and a rank has \(available.threadCount)")
    }
  }
}
