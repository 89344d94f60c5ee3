// SPDX-License-Identifier: GPL-3.0-or-later
// Which task feeds which.

internal import Catalogs
package import TaskFramework

/// A task of a pipeline with what it reads and writes.
package struct PipelineNode: Sendable {
  package let label: String
  package let type: any PipelineTask.Type
  package let config: any Config
  package let connections: Connections
  package let configDigest: String
  /// What its quanta are gathered by into work units.
  package let unitDimensions: Set<Dimension>

  init(_ entry: PipelineEntry, _ config: any Config) throws {
    label = entry.label
    type = entry.type
    self.config = config
    configDigest = config.digest
    func resolve<T: PipelineTask>(_: T.Type) throws -> (Connections, Set<Dimension>) {
      guard let own = config as? T.ConfigClass else {
        throw PlanError.invalidPipeline("\(entry.label): its configuration is none of \(T.typeName)")
      }
      let connections = try T.connections(own).resolved(templates: [:], names: [:])
      return (connections, T.unitDimensions(connections))
    }
    do {
      (connections, unitDimensions) = try resolve(entry.type)
    } catch let error as ConnectionsError {
      throw PlanError.invalidPipeline("\(entry.label): \(error)")
    }
    guard unitDimensions.isSubset(of: connections.dimensions) else {
      throw PlanError.invalidPipeline("\(entry.label): its work units would be about more than its quanta are")
    }
  }
}

/// The tasks of a pipeline in an order in which each follows those that it reads from.
package struct PipelineGraph: Sendable {
  package let nodes: [PipelineNode]
  /// For each task, those that it reads from.
  package let upstream: [[Int]]
  /// Which task writes a dataset type.
  let producers: [String: Int]
  /// Tasks that one rank does in one go for a data ID, by task: the number of the chain.
  package let chains: [Int]
  let chainCount: Int

  /// - Throws: ``PlanError/invalidPipeline(_:)``: a dataset type that two tasks write, a cycle, ends of a connection that differ.
  package init(_ job: Job) throws {
    var given: [PipelineNode] = []
    for entry in job.pipeline {
      guard let config = job.configs[entry.label]?.config else { continue }
      given.append(try PipelineNode(entry, config))
    }
    var producers: [String: Int] = [:]
    for (i, node) in given.enumerated() {
      for connection in node.connections.connections(.output) + node.connections.connections(.initOutput) {
        if let other = producers[connection.datasetType] {
          throw PlanError.invalidPipeline(
            "\(connection.datasetType) is written by both \(given[other].label) and \(node.label); "
              + "give one another name by its connections")
        }
        producers[connection.datasetType] = i
      }
    }
    let order = try Self.order(given, producers)
    nodes = order.map { given[$0] }
    let places = Dictionary(order.enumerated().map { ($1, $0) }) { first, _ in first }
    self.producers = producers.compactMapValues { places[$0] }
    upstream = try nodes.map { [producers = self.producers, nodes] in try Self.sources(of: $0, nodes, producers) }
    (chains, chainCount) = Self.chains(nodes, upstream, self.producers)
  }

  private static func inputs(_ node: PipelineNode) -> [Connection] {
    node.connections.connections(.input) + node.connections.connections(.prerequisiteInput)
  }

  private static func sources(
    of node: PipelineNode, _ nodes: [PipelineNode], _ producers: [String: Int]
  ) throws -> [Int] {
    var sources: Set<Int> = []
    for input in inputs(node) {
      guard let producer = producers[input.datasetType] else { continue }
      let source = nodes[producer]
      guard input.kind == .input else {
        throw PlanError.invalidPipeline(
          "\(node.label) needs \(input.datasetType) before anything runs, and \(source.label) would make it")
      }
      let output = source.connections.connections(.output).first { $0.datasetType == input.datasetType }
      guard let output, output.dimensions == input.dimensions, output.storageClass == input.storageClass else {
        throw PlanError.invalidPipeline(
          "\(source.label) writes \(input.datasetType) as \(output.map(describe) ?? "a schema"), "
            + "\(node.label) reads it as \(describe(input))")
      }
      sources.insert(producer)
    }
    return sources.sorted()
  }

  private static func describe(_ connection: Connection) -> String {
    "\(connection.storageClass.rawValue) by \(connection.dimensions.sorted().map(\.rawValue).joined(separator: ", "))"
  }

  /// An order in which each follows its sources, as close to the given one as can be.
  private static func order(_ nodes: [PipelineNode], _ producers: [String: Int]) throws -> [Int] {
    var order: [Int] = []
    var left = Array(nodes.indices)
    while !left.isEmpty {
      let next = left.first { i in
        // A task that needs a schema is made after the one that has it.
        (inputs(nodes[i]) + nodes[i].connections.connections(.initInput)).allSatisfy { input in
          producers[input.datasetType].map { order.contains($0) } ?? true
        }
      }
      guard let next else {
        throw PlanError.invalidPipeline(
          "\(left.map { nodes[$0].label }.joined(separator: ", ")) wait for one another's outputs in a circle")
      }
      order.append(next)
      left.removeAll { $0 == next }
    }
    return order
  }

  /// Joins tasks into chains: the same work units, whatever passes between two belongs to one unit, and no way from one to the
  /// other leads through a task outside.
  private static func chains(
    _ nodes: [PipelineNode], _ upstream: [[Int]], _ producers: [String: Int]
  ) -> ([Int], Int) {
    var members: [[Int]] = []
    var chains: [Int] = []
    /// The chains that wait for each chain.
    var followers: [Set<Int>] = []
    func leads(_ chain: Int, to other: Int) -> Bool {
      chain == other || followers[chain].contains { leads($0, to: other) }
    }
    for (i, node) in nodes.enumerated() {
      let sources = Set(upstream[i].map { chains[$0] })
      let chain = sources.sorted(by: >).first { chain in
        let head = nodes[members[chain][0]]
        let flows = inputs(node).filter { input in producers[input.datasetType].map { chains[$0] == chain } ?? false }
        return head.unitDimensions == node.unitDimensions && head.type.canMultiprocess == node.type.canMultiprocess
          && flows.allSatisfy { node.unitDimensions.isSubset(of: $0.dimensions) }
          // Else the chain would wait for something that waits for it.
          && !sources.contains { $0 != chain && leads(chain, to: $0) }
      }
      let own = chain ?? members.count
      if chain == nil {
        members.append([])
        followers.append([])
      }
      members[own].append(i)
      chains.append(own)
      for source in sources where source != own { followers[source].insert(own) }
    }
    return (chains, members.count)
  }
}
