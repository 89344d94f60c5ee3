// SPDX-License-Identifier: GPL-3.0-or-later
// What a session of a run will do.

package import Digests
internal import Reporting
internal import Repository
package import Scheduling
package import TaskFramework

/// What a session of a run will do: which quanta run, which results are used again, and the work units of those that run.
package struct RunPlan: Sendable {
  package enum Decision: UInt8, Hashable, Sendable, CaseIterable {
    case run
    /// There is a result that counts.
    case reuse
    /// There is one in another run.
    case reuseElsewhere
    /// It failed before the run was interrupted.
    case failedBefore
    /// It cannot run, since something before it failed.
    case blocked
  }

  /// The quanta that a rank does in one go.
  package struct Unit: Sendable {
    package let chain: Int
    package let dataID: DataID
    package var quanta: [Int32]
  }

  package let graph: QuantumGraph
  /// What the outputs of each quantum follow from.
  package let recipes: [Digest256]
  package private(set) var decisions: [Decision]
  package private(set) var units: [Unit] = []
  /// The unit of each quantum that runs; −1 for others.
  private(set) var unitOfQuantum: [Int32]
  package private(set) var workGraph: WorkGraph
  /// Files of quanta that do not run again.
  package private(set) var sources: [Int32: DatasetSource] = [:]
  /// Dataset types of which files are written at all.
  let storedTypes: Set<String>
  let retainedTypes: Set<String>?
  private let writesMetadata: Set<String>
  /// Products that are not what was recorded, and why.
  package private(set) var damaged: [String] = []
  /// Records that no longer count.
  package private(set) var forgotten: [Digest256] = []

  /// - Parameters:
  ///   - others: runs whose results may be used.
  ///   - shuffleSeed: lets units go out in an order that is as good as any, to test that none matters.
  /// - Throws: ``Scheduling/WorkGraphError``.
  package init(
    _ graph: QuantumGraph, _ job: Job, _ history: RunHistory, others: [(run: String, history: RunHistory)] = [],
    shuffleSeed: UInt64? = nil
  ) throws {
    self.graph = graph
    recipes = Recipe.all(of: graph)
    decisions = Array(repeating: .run, count: graph.quanta.count)
    unitOfQuantum = Array(repeating: -1, count: graph.quanta.count)
    workGraph = try WorkGraph([], upstream: [])
    retainedTypes = job.retain
    writesMetadata = job.writesMetadata
    storedTypes = Self.storedTypes(graph.pipeline, job.retain)
    var files = ProductFiles(job.repository)
    var found: [RecordedQuantum?] = recipes.map { recipe in
      if let entry = history.entries[recipe] { return RecordedQuantum(entry, run: job.run, isOwn: true) }
      for (run, history) in others {
        guard let entry = history.entries[recipe], case .succeeded = entry.record.outcome else { continue }
        return RecordedQuantum(entry, run: run, isOwn: false)
      }
      return nil
    }
    decideForward(found, &files)
    decideBackward(&found, &files)
    blockBehindFailures()
    collectSources(found, &files)
    damaged = files.damaged
    forgotten = graph.quanta.indices.filter {
      (decisions[$0] == .run || decisions[$0] == .blocked) && history.entries[recipes[$0]] != nil
    }.map {
      recipes[$0]
    }
    try makeUnits(shuffleSeed)
  }

  /// A dataset type has files when they are to stay, when a task of another chain reads them, or one that reads them in parts.
  private static func storedTypes(_ pipeline: PipelineGraph, _ retain: Set<String>?) -> Set<String> {
    var types: Set<String> = []
    for (type, producer) in pipeline.producers {
      let isRead = pipeline.nodes.indices.contains { reader in
        let isElsewhere = pipeline.chains[reader] != pipeline.chains[producer]
        return pipeline.nodes[reader].connections.all.contains {
          $0.kind == .input && $0.datasetType == type && (isElsewhere || $0.deferLoad)
        }
      }
      if isRead || retain?.contains(type) ?? true { types.insert(type) }
    }
    return types
  }

  func isRetained(_ type: String) -> Bool { retainedTypes?.contains(type) ?? true }

  private struct RecordedQuantum {
    let entry: UnitRecord.Entry
    let run: String
    let isOwn: Bool
    /// By path in the run.
    let outputs: [String: (digest: FileDigest, stamp: FileStamp?)]

    init(_ entry: UnitRecord.Entry, run: String, isOwn: Bool) {
      self.entry = entry
      self.run = run
      self.isOwn = isOwn
      var outputs: [String: (digest: FileDigest, stamp: FileStamp?)] = [:]
      for (i, output) in entry.record.outputs.enumerated() where Manifest.staysInside(output.path) {
        outputs[output.path] = (
          FileDigest(size: output.bytes, sha256: output.sha256),
          entry.stamps.indices.contains(i) ? entry.stamps[i] : nil
        )
      }
      self.outputs = outputs
    }
  }

  /// What can be said of each quantum from what is before it.
  private mutating func decideForward(_ found: [RecordedQuantum?], _ files: inout ProductFiles) {
    var outdated = Array(repeating: false, count: graph.quanta.count)
    for quantum in graph.quanta.indices {
      if let record = found[quantum] {
        switch record.entry.record.outcome {
        case .succeeded:
          outdated[quantum] = isOutdated(quantum, record, outdated)
          if !outdated[quantum], hasRetainedFiles(quantum, record, &files) {
            decisions[quantum] = record.isOwn ? .reuse : .reuseElsewhere
            continue
          }
        case .failed:
          decisions[quantum] = .failedBefore
          continue
        case .blocked: break
        }
      }
      if needsFailure(quantum) { decisions[quantum] = .blocked }
    }
  }

  /// Whether a result was made without an input that is made again now, and so may be there, or of a result that was.
  ///
  /// What is outdated is forgotten all at once when the session begins, so that a kill in the middle leaves none of it behind.
  ///
  /// - Parameter outdated: what is known of the quanta before this one.
  private func isOutdated(_ quantum: Int, _ record: RecordedQuantum, _ outdated: [Bool]) -> Bool {
    let absent = record.entry.absent
    return graph.inputDatasets(of: quantum).contains { use in
      let producer = Int(graph.producers[Int(use.dataset)])
      guard producer >= 0, decisions[producer] != .failedBefore, decisions[producer] != .blocked else { return false }
      return outdated[producer]
        || !absent.isEmpty && absent.contains(graph.reference(Int(use.dataset)).relativePath)
    }
  }

  /// Whether a quantum cannot be without something that failed, or that could not run.
  private func needsFailure(_ quantum: Int) -> Bool {
    graph.inputDatasets(of: quantum).contains { use in
      let producer = Int(graph.producers[Int(use.dataset)])
      guard producer >= 0, graph.connection(use, of: quantum).minimum > 0 else { return false }
      return decisions[producer] == .failedBefore || decisions[producer] == .blocked
    }
  }

  /// What had succeeded and has to run again, since a file is missing, may need what has failed in the meantime.
  private mutating func blockBehindFailures() {
    for quantum in graph.quanta.indices where decisions[quantum] == .run && needsFailure(quantum) {
      decisions[quantum] = .blocked
    }
  }

  private func hasRetainedFiles(_ quantum: Int, _ record: RecordedQuantum, _ files: inout ProductFiles) -> Bool {
    var isWhole = true
    let label = graph.pipeline.nodes[graph.quanta[quantum].task].label
    if writesMetadata.contains(label) {
      let path = DatasetRef("\(label)_metadata", graph.quanta[quantum].dataID).relativePath
      guard let file = record.outputs[path],
        files.isSound(run: record.run, path, file.digest, file.stamp, mustBeThere: record.isOwn)
      else { return false }
    }
    for use in graph.outputDatasets(of: quantum) {
      let reference = graph.reference(Int(use.dataset))
      guard isRetained(reference.datasetType) else { continue }
      let path = reference.relativePath
      if let output = record.outputs[path] {
        if !files.isSound(run: record.run, path, output.digest, output.stamp, mustBeThere: record.isOwn) {
          isWhole = false
        }
      } else if record.entry.passedOn.contains(path) {
        isWhole = false
      }
    }
    return isWhole
  }

  /// What a quantum that runs reads has to be there, so what made it may have to run too.
  private mutating func decideBackward(_ found: inout [RecordedQuantum?], _ files: inout ProductFiles) {
    for quantum in graph.quanta.indices.reversed() where decisions[quantum] == .run {
      for use in graph.inputDatasets(of: quantum) {
        let producer = Int(graph.producers[Int(use.dataset)])
        guard producer >= 0, decisions[producer] == .reuse || decisions[producer] == .reuseElsewhere,
          let record = found[producer]
        else { continue }
        let path = graph.reference(Int(use.dataset)).relativePath
        if let output = record.outputs[path] {
          if !files.isSound(run: record.run, path, output.digest, output.stamp, mustBeThere: false) {
            decisions[producer] = .run
          }
        } else if record.entry.passedOn.contains(path) {
          decisions[producer] = .run
        }
      }
    }
  }

  private mutating func collectSources(_ found: [RecordedQuantum?], _ files: inout ProductFiles) {
    for quantum in graph.quanta.indices where decisions[quantum] == .reuse || decisions[quantum] == .reuseElsewhere {
      guard let record = found[quantum], !record.outputs.isEmpty else { continue }
      for use in graph.outputDatasets(of: quantum) {
        let path = graph.reference(Int(use.dataset)).relativePath
        if let output = record.outputs[path] {
          sources[use.dataset] = DatasetSource(path: "runs/\(record.run)/\(path)", digest: output.digest)
        }
      }
    }
  }

  private struct UnitKey: Hashable {
    let chain: Int
    let dataID: DataID
  }

  private mutating func makeUnits(_ shuffleSeed: UInt64?) throws {
    var random = shuffleSeed.map { SeededGenerator(seed: $0) }
    var places: [UnitKey: Int] = [:]
    for quantum in graph.quanta.indices where decisions[quantum] == .run {
      let node = graph.quanta[quantum]
      let chain = graph.pipeline.chains[node.task]
      let dataID = node.dataID.restricted(to: graph.pipeline.nodes[node.task].unitDimensions) ?? node.dataID
      let key = UnitKey(chain: chain, dataID: dataID)
      if let place = places[key] {
        units[place].quanta.append(Int32(quantum))
        unitOfQuantum[quantum] = Int32(place)
      } else {
        places[key] = units.count
        unitOfQuantum[quantum] = Int32(units.count)
        units.append(Unit(chain: chain, dataID: dataID, quanta: [Int32(quantum)]))
      }
    }
    var traits: [WorkUnitTraits] = []
    var offsets: [Int32] = [0]
    var upstream: [Int32] = []
    traits.reserveCapacity(units.count)
    for (number, unit) in units.enumerated() {
      var sources: Set<Int32> = []
      var cost = 0.0
      var affinity: Int?
      for quantum in unit.quanta {
        let node = graph.pipeline.nodes[graph.quanta[Int(quantum)].task]
        cost += max(0, node.type.cost(of: graph.quantum(Int(quantum))))
        for use in graph.inputDatasets(of: Int(quantum)) {
          let producer = graph.producers[Int(use.dataset)]
          if producer >= 0, unitOfQuantum[Int(producer)] >= 0 { sources.insert(unitOfQuantum[Int(producer)]) }
          // What is not about the quantum alone others read too.
          if affinity == nil,
            !graph.connection(use, of: Int(quantum)).dimensions.isSubset(of: node.connections.dimensions)
          {
            affinity = Int(use.dataset)
          }
        }
      }
      sources.remove(Int32(number))
      upstream += sources.sorted()
      offsets.append(Int32(upstream.count))
      let isExclusive = graph.quanta[Int(unit.quanta[0])].task
      traits.append(
        WorkUnitTraits(
          stage: unit.chain, cost: random?.unit() ?? (cost.isFinite ? min(cost, 1e30) : 1), affinity: affinity,
          exclusiveGroup: graph.pipeline.nodes[isExclusive].type.canMultiprocess ? nil : unit.chain))
    }
    workGraph = try WorkGraph(traits, upstreamOffsets: offsets, upstreamList: upstream)
  }

  /// `getTemplate+subtractImages of visit 100, detector 3`.
  package func name(ofUnit unit: Int) -> String {
    let pipeline = graph.pipeline
    let labels = pipeline.nodes.indices.filter { pipeline.chains[$0] == units[unit].chain }.map {
      pipeline.nodes[$0].label
    }
    return "\(labels.joined(separator: "+")) of \(units[unit].dataID)"
  }

  /// Quanta by decision, of each task in the order of the pipeline.
  package var counts: [[Int]] {
    var counts = Array(
      repeating: [Int](repeating: 0, count: Decision.allCases.count), count: graph.pipeline.nodes.count)
    for quantum in graph.quanta.indices { counts[graph.quanta[quantum].task][Int(decisions[quantum].rawValue)] += 1 }
    return counts
  }
}
