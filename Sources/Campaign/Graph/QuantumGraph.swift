// SPDX-License-Identifier: GPL-3.0-or-later
// Every quantum of a campaign, and what it reads and writes.

internal import Repository
package import TaskFramework

/// Every quantum of a campaign, in an order in which each follows those that it reads from.
///
/// Quanta and datasets are numbers; a hundred thousand take some ten megabytes.
package struct QuantumGraph: Sendable {
  package struct Node: Sendable {
    /// The task, as a number in the pipeline.
    package let task: Int
    package let dataID: DataID
  }

  /// A dataset that a quantum reads or writes.
  struct Use: Hashable, Sendable {
    /// The connection, as a number among the task's.
    let connection: Int32
    let dataset: Int32
  }

  /// Quanta that turned out to have nothing to do, of one task.
  package struct Pruned: Sendable {
    package var count = 0
    /// Why the first of them has nothing to do.
    package var example = ""
  }

  package let pipeline: PipelineGraph
  package internal(set) var quanta: [Node] = []
  private(set) var inputOffsets: [Int32] = [0]
  private(set) var inputs: [Use] = []
  private(set) var outputOffsets: [Int32] = [0]
  private(set) var outputs: [Use] = []
  private(set) var datasetTypes: [String] = []
  private(set) var datasets: [(type: Int32, dataID: DataID)] = []
  /// The quantum that writes each dataset; −1 for those that are there.
  private(set) var producers: [Int32] = []
  /// Where those are that are there.
  private(set) var external: [Int32: DatasetSource] = [:]
  /// By task.
  package private(set) var pruned: [Pruned]
  package private(set) var warnings: [String]
  package let exposureCount: Int

  func inputDatasets(of quantum: Int) -> ArraySlice<Use> {
    inputs[Int(inputOffsets[quantum])..<Int(inputOffsets[quantum + 1])]
  }
  func outputDatasets(of quantum: Int) -> ArraySlice<Use> {
    outputs[Int(outputOffsets[quantum])..<Int(outputOffsets[quantum + 1])]
  }

  package func reference(_ dataset: Int) -> DatasetRef {
    DatasetRef(datasetTypes[Int(datasets[dataset].type)], datasets[dataset].dataID)
  }

  func connection(_ use: Use, of quantum: Int) -> Connection {
    pipeline.nodes[quanta[quantum].task].connections.all[Int(use.connection)]
  }

  /// A quantum as its task sees it.
  package func quantum(_ index: Int) -> Quantum {
    let node = pipeline.nodes[quanta[index].task]
    var quantum = Quantum(label: node.label, dataID: quanta[index].dataID, inputs: [:], outputs: [:])
    for use in inputDatasets(of: index) {
      quantum.inputs[node.connections.all[Int(use.connection)].argument, default: []].append(
        reference(Int(use.dataset)))
    }
    for use in outputDatasets(of: index) {
      quantum.outputs[node.connections.all[Int(use.connection)].argument, default: []].append(
        reference(Int(use.dataset)))
    }
    return quantum
  }

  /// `makeWarp of tract 0, patch 3, band r`.
  package func name(_ quantum: Int) -> String {
    "\(pipeline.nodes[quanta[quantum].task].label) of \(quanta[quantum].dataID)"
  }

  /// How many quanta each task has, in the order of the pipeline.
  package var countsByTask: [Int] {
    quanta.reduce(into: Array(repeating: 0, count: pipeline.nodes.count)) { $0[$1.task] += 1 }
  }

  // MARK: - Making it

  /// - Parameter inputs: finds what no task of the pipeline makes.
  /// - Throws: ``PlanError``, and what asking a task about its quanta throws.
  package init(_ job: Job, _ pipeline: PipelineGraph, _ inputs: InputFinder) throws {
    let needsPatches = pipeline.nodes.contains { node in
      node.connections.all.contains { !$0.dimensions.isDisjoint(with: [.tract, .patch]) }
        || !node.connections.dimensions.isDisjoint(with: [.tract, .patch])
    }
    let margins = Set(pipeline.nodes.flatMap { $0.connections.all.map(\.margin) })
    let rows = try SkyRows(inputs.repository, job, needsPatches: needsPatches, margins: margins)
    warnings = rows.warnings + (try Self.checkTemplate(job, pipeline, rows))
    self.pipeline = pipeline
    exposureCount = rows.exposureCount
    pruned = Array(repeating: Pruned(), count: pipeline.nodes.count)
    var index = DatasetIndex()
    for task in pipeline.nodes.indices { try addQuanta(of: task, rows, inputs, &index) }
    let counts = countsByTask
    for (task, node) in pipeline.nodes.enumerated() where counts[task] == 0 && !rows.rows.isEmpty {
      if pruned[task].count > 0 { try checkSources(of: node) }
      let reason = pruned[task].example.isEmpty ? "no data ID of its kind is selected" : pruned[task].example
      warnings.append("\(node.label) has nothing to do at all: \(reason)")
    }
  }

  /// A task that can do nothing at all because nobody makes what it reads was meant to do something.
  ///
  /// - Throws: ``PlanError/missingInput(_:)``.
  private func checkSources(of node: PipelineNode) throws(PlanError) {
    for connection in node.connections.connections(.input) where connection.minimum > 0 || connection.multiple {
      let type = connection.datasetType
      guard pipeline.producers[type] == nil,
        !external.keys.contains(where: { datasetTypes[Int(datasets[Int($0)].type)] == type })
      else { continue }
      throw .missingInput(
        "\(node.label) reads \(type) (\(connection.doc)), which no task of the pipeline makes and which is not there yet; "
          + "name the task that makes it in the pipeline, before \(node.label), or take it from a run that has it (--skip-existing-in)"
      )
    }
  }

  /// - Returns: what is worth a warning.
  private static func checkTemplate(_ job: Job, _ pipeline: PipelineGraph, _ rows: SkyRows) throws(PlanError)
    -> [String]
  {
    let usesTemplates = pipeline.nodes.contains { node in node.connections.all.contains { $0.visits == .template } }
    let subtracts = pipeline.nodes.contains { $0.connections.visits == .science }
    guard subtracts, !job.allowsSelf, !rows.rows.isEmpty else { return [] }
    guard job.template != nil || !usesTemplates else {
      throw .selfSubtraction(
        "every visit would be in the template that is subtracted from it; name the visits of the template "
          + "(template: { visit: 100..115 }), or allow it (template: { allowSelf: true })")
    }
    guard !rows.rows.contains(where: \.isScience) else { return [] }
    return ["every selected visit is in the template, so it is subtracted from none"]
  }

  /// Datasets by what they are.
  struct DatasetIndex {
    var types: [String: Int32] = [:]
    var byType: [[DataID: Int32]] = []
  }

  private mutating func intern(_ type: String, _ dataID: DataID, _ index: inout DatasetIndex) -> Int32 {
    let number: Int32
    if let known = index.types[type] {
      number = known
    } else {
      number = Int32(datasetTypes.count)
      index.types[type] = number
      index.byType.append([:])
      datasetTypes.append(type)
    }
    if let known = index.byType[Int(number)][dataID] { return known }
    let dataset = Int32(datasets.count)
    index.byType[Int(number)][dataID] = dataset
    datasets.append((number, dataID))
    producers.append(-1)
    return dataset
  }

  private mutating func addQuanta(
    of task: Int, _ rows: SkyRows, _ finder: InputFinder, _ index: inout DatasetIndex
  ) throws {
    let node = pipeline.nodes[task]
    let dimensions = node.connections.dimensions
    let connections = node.connections.all.enumerated().filter {
      $1.kind == .input || $1.kind == .prerequisiteInput || $1.kind == .output
    }
    // What follows from the quantum alone is looked up once a quantum, the rest once a row.
    let own = connections.filter { $1.dimensions.isSubset(of: dimensions) }
    let joined = connections.filter { !$1.dimensions.isSubset(of: dimensions) }
    var places: [DataID: Int] = [:]
    var found: [(dataID: DataID, uses: [Use])] = []
    for row in rows.rows where row.has(node.connections.visits) || !dimensions.contains(.visit) {
      guard let dataID = row.dataID.restricted(to: dimensions) else { continue }
      let place: Int
      if row.margin > 0 {
        // What an exposure does not cover gives nobody work, but may be read.
        guard let known = places[dataID] else { continue }
        place = known
      } else if let known = places[dataID] {
        place = known
      } else {
        place = found.count
        places[dataID] = place
        var uses: [Use] = []
        for (number, connection) in own where row.has(connection.visits) || !connection.dimensions.contains(.visit) {
          guard let id = dataID.restricted(to: connection.dimensions) else { continue }
          uses.append(Use(connection: Int32(number), dataset: intern(connection.datasetType, id, &index)))
        }
        found.append((dataID, uses))
      }
      for (number, connection) in joined where row.has(connection.visits) || !connection.dimensions.contains(.visit) {
        guard row.margin <= connection.margin else { continue }
        guard let id = row.dataID.restricted(to: connection.dimensions) else { continue }
        found[place].uses.append(Use(connection: Int32(number), dataset: intern(connection.datasetType, id, &index)))
      }
    }
    found.sort { $0.dataID < $1.dataID }
    for (dataID, uses) in found { try addQuantum(task, dataID, uses, finder) }
  }

  /// Adds a quantum unless it has nothing to do: what does not exist and is not made is left out of its inputs.
  private mutating func addQuantum(_ task: Int, _ dataID: DataID, _ uses: [Use], _ finder: InputFinder) throws {
    let node = pipeline.nodes[task]
    var kept: [(use: Use, reference: DatasetRef)] = []
    for use in Set(uses) {
      let connection = node.connections.all[Int(use.connection)]
      let reference = reference(Int(use.dataset))
      guard
        connection.kind == .output || producers[Int(use.dataset)] >= 0
          || exists(use.dataset, reference, connection, finder)
      else {
        continue
      }
      kept.append((use, reference))
    }
    kept.sort {
      $0.use.connection == $1.use.connection ? $0.reference < $1.reference : $0.use.connection < $1.use.connection
    }
    var quantum = Quantum(label: node.label, dataID: dataID, inputs: [:], outputs: [:])
    for (use, reference) in kept {
      let connection = node.connections.all[Int(use.connection)]
      if connection.kind == .output {
        quantum.outputs[connection.argument, default: []].append(reference)
      } else {
        quantum.inputs[connection.argument, default: []].append(reference)
      }
    }
    do {
      quantum = try node.type.adjustQuantum(quantum, node.connections)
    } catch let error as NoWorkFound {
      pruned[task].count += 1
      if pruned[task].example.isEmpty { pruned[task].example = error.message }
      return
    } catch let error as AdjustQuantumError {
      throw error.category == "FileNotFoundError"
        ? PlanError.missingInput("\(error)") : PlanError.invalidPipeline("\(error)")
    }
    let number = Int32(quanta.count)
    quanta.append(Node(task: task, dataID: dataID))
    for (use, reference) in kept {
      let connection = node.connections.all[Int(use.connection)]
      if connection.kind == .output {
        guard quantum.outputs[connection.argument]?.contains(reference) == true else { continue }
        outputs.append(use)
        producers[Int(use.dataset)] = number
      } else if quantum.inputs[connection.argument]?.contains(reference) == true {
        inputs.append(use)
      }
    }
    inputOffsets.append(Int32(inputs.count))
    outputOffsets.append(Int32(outputs.count))
  }

  private mutating func exists(
    _ dataset: Int32, _ reference: DatasetRef, _ connection: Connection, _ finder: InputFinder
  ) -> Bool {
    if external[dataset] != nil { return true }
    guard let source = finder.find(reference, connection.storageClass) else { return false }
    external[dataset] = source
    return true
  }
}
