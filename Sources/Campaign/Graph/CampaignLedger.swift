// SPDX-License-Identifier: GPL-3.0-or-later
// What has become of the quanta of a session.

internal import Digests
package import Reporting
internal import Repository
package import TaskFramework

/// What has become of the quanta of a session, and where their products are.
package struct CampaignLedger: Sendable {
  let plan: RunPlan
  private var ends: [UnitSummary.End?]
  /// Files of what ran in this session.
  private var files: [Int32: FileDigest] = [:]
  private var readerOffsets: [Int32]
  private var readers: [Int32]
  private let runPath: String

  package init(_ plan: RunPlan, run: String) {
    self.plan = plan
    runPath = "runs/\(run)"
    let graph = plan.graph
    ends = graph.quanta.indices.map { quantum in
      switch plan.decisions[quantum] {
      case .run: nil
      case .reuse, .reuseElsewhere: .succeeded
      case .failedBefore: .failed
      case .blocked: .blocked
      }
    }
    var offsets = [Int32](repeating: 0, count: graph.datasets.count + 1)
    for use in graph.inputs { offsets[Int(use.dataset) + 1] += 1 }
    for i in graph.datasets.indices { offsets[i + 1] += offsets[i] }
    var next = offsets
    var list = [Int32](repeating: 0, count: graph.inputs.count)
    for quantum in graph.quanta.indices {
      for use in graph.inputDatasets(of: quantum) {
        list[Int(next[Int(use.dataset)])] = Int32(quantum)
        next[Int(use.dataset)] += 1
      }
    }
    readerOffsets = offsets
    readers = list
    for case let end? in ends { endCounts[Int(end.rawValue)] += 1 }
  }

  /// `nil` for a quantum that has not ended.
  package func end(of quantum: Int) -> UnitSummary.End? { ends[quantum] }

  /// How many quanta have ended in each way, in the order succeeded, failed, blocked.
  package private(set) var endCounts = [0, 0, 0]

  private mutating func setEnd(_ quantum: Int, _ end: UnitSummary.End) {
    if let old = ends[quantum] { endCounts[Int(old.rawValue)] -= 1 }
    endCounts[Int(end.rawValue)] += 1
    ends[quantum] = end
  }

  private func readers(of dataset: Int32) -> ArraySlice<Int32> {
    readers[Int(readerOffsets[Int(dataset)])..<Int(readerOffsets[Int(dataset) + 1])]
  }

  // MARK: - Orders

  package func order(for unit: Int) -> UnitOrder {
    let graph = plan.graph
    var madeHere: Set<Int32> = []
    let quanta = plan.units[unit].quanta.map { number -> UnitOrder.QuantumOrder in
      let quantum = Int(number)
      var absent: [String] = []
      let inputs = graph.inputDatasets(of: quantum).compactMap { use -> UnitOrder.Input? in
        let source = source(of: use.dataset)
        // What was not made, and will not be, is no input.
        guard source != nil || madeHere.contains(use.dataset) else {
          let producer = Int(graph.producers[Int(use.dataset)])
          if producer >= 0, ends[producer] != .succeeded {
            absent.append(graph.reference(Int(use.dataset)).relativePath)
          }
          return nil
        }
        return UnitOrder.Input(
          argument: graph.connection(use, of: quantum).argument, reference: graph.reference(Int(use.dataset)),
          source: source,
          recipe: graph.producers[Int(use.dataset)] >= 0 ? plan.recipes[Int(graph.producers[Int(use.dataset)])] : nil)
      }
      let outputs = graph.outputDatasets(of: quantum).map { use -> UnitOrder.Output in
        madeHere.insert(use.dataset)
        let reference = graph.reference(Int(use.dataset))
        return UnitOrder.Output(
          argument: graph.connection(use, of: quantum).argument, reference: reference,
          isStored: plan.storedTypes.contains(reference.datasetType))
      }
      return UnitOrder.QuantumOrder(
        label: graph.pipeline.nodes[graph.quanta[quantum].task].label, dataID: graph.quanta[quantum].dataID,
        recipe: plan.recipes[quantum], isBlocked: ends[quantum] == .blocked, absent: absent, inputs: inputs,
        outputs: outputs)
    }
    return UnitOrder(name: plan.name(ofUnit: unit), quanta: quanta)
  }

  private func source(of dataset: Int32) -> DatasetSource? {
    if let source = plan.graph.external[dataset] ?? plan.sources[dataset] { return source }
    guard let digest = files[dataset] else { return nil }
    return DatasetSource(path: "\(runPath)/\(plan.graph.reference(Int(dataset)).relativePath)", digest: digest)
  }

  // MARK: - Results

  /// What follows from a unit's end, if it counts.
  package struct Consequences: Sendable {
    package let unit: Int
    let summary: UnitSummary
    fileprivate let blockedQuanta: [Int]
    /// Units of which nothing can run any more.
    package let blockedUnits: [Int]
  }

  /// - Returns: `nil` for a summary that is none of this unit.
  package func consequences(of unit: Int, _ summary: UnitSummary) -> Consequences? {
    guard plan.units.indices.contains(unit), plan.units[unit].quanta.count == summary.quanta.count else { return nil }
    let own = Set(plan.units[unit].quanta)
    var blocked: Set<Int> = []
    var queue: [Int] = []
    for (number, quantum) in zip(plan.units[unit].quanta, summary.quanta) where quantum.end != .succeeded {
      queue.append(Int(number))
    }
    while let quantum = queue.popLast() {
      for use in plan.graph.outputDatasets(of: quantum) {
        for reader in readers(of: use.dataset) where !own.contains(reader) && ends[Int(reader)] == nil {
          let needs = plan.graph.inputDatasets(of: Int(reader)).contains {
            $0.dataset == use.dataset && plan.graph.connection($0, of: Int(reader)).minimum > 0
          }
          if needs, blocked.insert(Int(reader)).inserted { queue.append(Int(reader)) }
        }
      }
    }
    let units = Set(blocked.map { Int(plan.unitOfQuantum[$0]) }.filter { $0 >= 0 }).sorted().filter { unit in
      plan.units[unit].quanta.allSatisfy { blocked.contains(Int($0)) || ends[Int($0)] == .blocked }
    }
    return Consequences(unit: unit, summary: summary, blockedQuanta: blocked.sorted(), blockedUnits: units)
  }

  /// Takes in what follows from a unit's end.
  ///
  /// - Returns: datasets that nobody will read any more and that need not stay.
  package mutating func accept(_ consequences: Consequences) -> [DatasetRef] {
    for quantum in consequences.blockedQuanta { setEnd(quantum, .blocked) }
    var candidates: Set<Int32> = []
    for (number, quantum) in zip(plan.units[consequences.unit].quanta, consequences.summary.quanta) {
      setEnd(Int(number), quantum.end)
      let outputs = Array(plan.graph.outputDatasets(of: Int(number)))
      for (place, digest) in quantum.files where outputs.indices.contains(place) {
        files[outputs[place].dataset] = digest
        candidates.insert(outputs[place].dataset)
      }
      for use in plan.graph.inputDatasets(of: Int(number)) where plan.graph.producers[Int(use.dataset)] >= 0 {
        candidates.insert(use.dataset)
      }
    }
    return candidates.sorted().filter(isDone).map { plan.graph.reference(Int($0)) }
  }

  /// Whether a file of this run has served all that it was made for.
  ///
  /// What failed may be tried again, so its input stays.
  private func isDone(_ dataset: Int32) -> Bool {
    guard !plan.isRetained(plan.graph.datasetTypes[Int(plan.graph.datasets[Int(dataset)].type)]),
      let source = source(of: dataset), source.path.hasPrefix(runPath + "/")
    else { return false }
    return readers(of: dataset).allSatisfy { ends[Int($0)] == .succeeded }
  }

  /// Files of this run that have served all that they were made for.
  var servedDatasets: [DatasetRef] {
    plan.graph.datasets.indices.map { Int32($0) }.filter { plan.graph.producers[Int($0)] >= 0 && isDone($0) }
      .map { plan.graph.reference(Int($0)) }
  }

  /// Quanta of whole units, or of none, that could not run, for the record.
  package var unrecordedBlocked: [QuantumRecord] {
    let graph = plan.graph
    return graph.quanta.indices.compactMap { quantum in
      guard ends[quantum] == .blocked else { return nil }
      let unit = Int(plan.unitOfQuantum[quantum])
      // A unit that ran says itself what of it was blocked.
      if unit >= 0, !plan.units[unit].quanta.allSatisfy({ ends[Int($0)] == .blocked }) { return nil }
      return QuantumRecord(
        task: graph.pipeline.nodes[graph.quanta[quantum].task].label, dataID: graph.quanta[quantum].dataID,
        outcome: .blocked)
    }
  }
}
