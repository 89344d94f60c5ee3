// SPDX-License-Identifier: GPL-3.0-or-later
// What a task needs of the machine.

import TaskFramework
import Testing

@Suite struct ResourceConfigTests {
  private struct HungryConfig: ConfigWithResources {
    var resources = ResourceConfig()
    static let fields: [ConfigField<Self>] = [.config("resources", \.resources, doc: "needs")]
  }

  private final class HungryTask: PipelineTask {
    let node: TaskNode
    let config: HungryConfig
    init(_ node: TaskNode) throws {
      self.node = node
      config = try node.config()
    }
    static func connections(_ config: HungryConfig) throws -> Connections { try Connections(dimensions: [.visit], []) }
    func execute(_ context: any QuantumContext) {}
  }

  private final class Rank: QuantumContext {
    let quantum: Quantum
    let resources: QuantumResources
    let isCancelled = false
    init(_ resources: QuantumResources) throws {
      self.resources = resources
      quantum = Quantum(label: "hungry", dataID: try DataID([.visit: .number(1)]), inputs: [:], outputs: [:])
    }
    func get<Value>(_ reference: DatasetRef, as type: Value.Type) -> Value? { nil }
    func put<Value>(_ value: Value, _ reference: DatasetRef) {}
  }

  @Test func aRankThatHasTooLittleIsToldBeforeTheWork() throws {
    var config = HungryConfig()
    func error(_ resources: QuantumResources) throws -> String {
      let task = try HungryTask(config: config, name: "hungry")
      #expect(task.resourceConfig() == config.resources)
      do {
        try task.runQuantum(try Rank(resources))
        return ""
      } catch { return "\(error)" }
    }
    #expect(try error(QuantumResources(memory: 1)) == "")
    config.resources.minMemoryMB = 2048
    #expect(try error(QuantumResources()) == "", "no limit is enough")
    #expect(try error(QuantumResources(memory: 2 << 30)) == "")
    #expect(try error(QuantumResources(memory: 1 << 30)).contains("2048 MiB"))
    config.resources.minNumCores = 4
    #expect(try error(QuantumResources(threadCount: 2)).contains("4 threads"))
    #expect(try CopyTask(name: "copy").resourceConfig() == nil)
  }
}
