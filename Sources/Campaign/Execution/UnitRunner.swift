// SPDX-License-Identifier: GPL-3.0-or-later
// A work unit, from its inputs to its record.

internal import Digests
internal import Logging
internal import OrderedCollections
internal import Reporting
internal import Repository
internal import Scheduling
internal import TaskFramework

/// What a rank has to say of a unit that it was given.
struct UnitResult: Sendable {
  var verdict: Verdict
  /// ``UnitSummary`` and the journal's line, for the coordinator.
  var record: [UInt8]
  /// What is kept of when and where it ran: an ``Reporting/AttemptRecord`` as JSON.
  var attempt: [UInt8]
  var quanta: [QuantumRecord]
}

/// Does work units, one after the other, on one thread.
final class UnitRunner {
  private let job: WorkerJob
  private let tasks: TaskSet
  private let store: UnitStore
  private let log = LogTail()
  private let meter = ProcessResourceMeter()
  private let resources: QuantumResources
  private let host = hostName()
  private let rank: Int
  private let faults: FaultInjection
  private let flag: CancellationFlag
  private let configYAML: [String: String]

  /// - Throws: what making the tasks throws.
  init(
    _ job: WorkerJob, rank: Int, resources: QuantumResources, flag: CancellationFlag, faults: FaultInjection,
    environment: [String: String]
  ) throws {
    self.job = job
    self.rank = rank
    self.resources = resources
    self.flag = flag
    self.faults = faults
    tasks = try TaskSet(
      job.graph.nodes, context: TaskContext(meter: meter, log: log.logger(), environment: environment))
    store = UnitStore(job, memory: resources.memory ?? 1 << 32, faults: faults)
    configYAML = Dictionary(
      job.graph.nodes.map { ($0.label, ConfigText.yaml($0.label, $0.config.tree.withoutDocs)) }
    ) { first, _ in first }
  }

  /// How one quantum ended.
  private struct QuantumEnd {
    var entry: UnitRecord.Entry
    var end: UnitSummary.End
    var files: [Int: FileDigest] = [:]
    /// What the unit as a whole is to be judged by; `nil` for a failure of the data, or none.
    var verdict: Verdict?
    var timing: QuantumTiming
    var fullTiming: TaskMetadata?
  }

  /// Does a unit.
  ///
  /// Nothing that a quantum does ends the unit but what may pass: the following quanta go on with what is there.
  func run(_ order: UnitOrder, _ assignment: Assignment, onQuantum: (UInt64) -> Void) -> UnitResult {
    let start = ContinuousClock.now
    let startUTC = meter.usage().utc
    CrashNote.set(order.name, place: 0)
    defer { CrashNote.set(nil) }
    faults.pass(.unitStart, about: order.name)
    var made = UnitProducts()
    var ends: [QuantumEnd] = []
    var failed: Set<DatasetRef> = []
    for (place, quantum) in order.quanta.enumerated() {
      onQuantum(flag.begin())
      CrashNote.set(order.name, place: place)
      let isBlocked = quantum.isBlocked || needs(quantum, failed)
      var end = isBlocked ? blocked(quantum) : run(quantum, order, &made)
      end.entry.absent =
        quantum.absent + quantum.inputs.map(\.reference).filter(failed.contains).map(\.relativePath)
      if end.end != .succeeded { failed.formUnion(quantum.outputs.map(\.reference)) }
      ends.append(end)
      if end.verdict != nil { break }
    }
    let verdict =
      ends.compactMap(\.verdict).first ?? (ends.contains { $0.end == .failed } ? .failed : .succeeded)
    for quantum in order.quanta.dropFirst(ends.count) { ends.append(blocked(quantum)) }
    faults.pass(.unitEnd, about: order.name)
    return result(order, assignment, ends, verdict, startUTC, seconds: (ContinuousClock.now - start).inSeconds)
  }

  private func needs(_ quantum: UnitOrder.QuantumOrder, _ failed: Set<DatasetRef>) -> Bool {
    guard !failed.isEmpty else { return false }
    return quantum.inputs.contains { input in
      failed.contains(input.reference) && (tasks.connections[quantum.label]?[input.argument]?.minimum ?? 1) > 0
    }
  }

  // MARK: - A quantum

  private func run(
    _ order: UnitOrder.QuantumOrder, _ unit: UnitOrder, _ made: inout UnitProducts
  ) -> QuantumEnd {
    let start = ContinuousClock.now
    let cpuBefore = meter.usage().cpuTime
    log.clear()
    let task = tasks.tasks[order.label]
    let (thrown, hasStarted, context) = execute(order, task, made)
    var error = thrown
    var entry = UnitRecord.Entry(
      recipe: order.recipe,
      record: QuantumRecord(
        task: order.label, dataID: order.dataID, outcome: .blocked,
        metadata: task.map { $0.fullValues().pruned } ?? TaskMetadata()))
    var files: [Int: FileDigest] = [:]
    if error == nil || error is AnnotatedPartialOutputsError || error is NoWorkFound, let context {
      do {
        try keep(context, order, unit, &entry, &files, &made)
      } catch let thrown {
        error = thrown
        entry.record.outputs = []
        entry.stamps = []
        entry.passedOn = []
        files = [:]
      }
    }
    let predicted = order.outputs.count
    let missing = predicted - entry.record.outputs.count - entry.passedOn.count
    var outcome = QuantumOutcome(
      error: error, missing: (missing, predicted), raisesOnPartialOutputs: job.execution.raiseOnPartialOutputs)
    if !hasStarted, error is NoWorkFound { outcome = .noWorkBeforeStart }
    let reason = flag.current
    if error is QuantumCancelled { outcome = cancelled(reason) }
    if reason == .memory { store.forget() }
    entry.record.outcome = RecordedOutcome(outcome)
    var end = UnitSummary.End.succeeded
    if case .failed = outcome {
      end = .failed
      entry.record.inputs = order.inputs.map { "\($0.reference)" }
      entry.record.logTail = log.tail
    }
    if job.writesMetadata.contains(order.label) { writeMetadata(order, &entry) }
    let usage = meter.usage()
    return QuantumEnd(
      entry: entry, end: end, files: files, verdict: end == .failed ? verdict(of: error, reason) : nil,
      timing: QuantumTiming(
        task: order.label, dataID: order.dataID, seconds: (ContinuousClock.now - start).inSeconds,
        cpuSeconds: usage.cpuTime - cpuBefore, maxResidentSetSize: usage.maxResidentSetSize),
      fullTiming: task?.fullTiming())
  }

  /// Lets the task run on a quantum.
  ///
  /// - Returns: what it threw, whether it came so far, and what it read and wrote.
  private func execute(
    _ order: UnitOrder.QuantumOrder, _ task: (any PipelineTask)?, _ made: UnitProducts
  ) -> (error: (any Error)?, hasStarted: Bool, context: UnitContext?) {
    guard let task, let connections = tasks.connections[order.label] else {
      return (TaskError("this rank has no task \(order.label)"), false, nil)
    }
    task.emptyMetadata()
    var quantum = Quantum(label: order.label, dataID: order.dataID, inputs: [:], outputs: [:])
    for input in order.inputs where input.source != nil || made.contains(input.reference) {
      quantum.inputs[input.argument, default: []].append(input.reference)
    }
    for output in order.outputs { quantum.outputs[output.argument, default: []].append(output.reference) }
    do {
      quantum = try type(of: task).adjustQuantum(quantum, connections)
    } catch {
      return (error, false, nil)
    }
    let context = UnitContext(
      quantum, order, made: made, store: store, resources: resources, cancellation: { [flag] in flag.current })
    do {
      try task.runQuantum(context)
    } catch {
      return (error, true, context)
    }
    return (nil, true, context)
  }

  /// Writes what stays, and keeps in memory what a later quantum of the unit reads.
  private func keep(
    _ context: UnitContext, _ order: UnitOrder.QuantumOrder, _ unit: UnitOrder, _ entry: inout UnitRecord.Entry,
    _ files: inout [Int: FileDigest], _ made: inout UnitProducts
  ) throws {
    for (place, output) in order.outputs.enumerated() {
      guard let value = context.written[output.reference] else { continue }
      let path = output.reference.relativePath
      if output.isStored, let content = value as? any DatasetContent {
        let (digest, stamp) = try store.write(
          content, output.reference, metadata: entry.record.metadata, provenance(order, output.reference))
        entry.record.outputs.append(
          OutputRecord(
            datasetType: output.reference.datasetType, bytes: digest.size, path: path, sha256: digest.sha256))
        if let stamp { entry.stamps.append(stamp) }
        files[place] = digest
        made.files[output.reference] = store.source(of: output.reference, digest)
      } else {
        entry.passedOn.append(path)
      }
    }
    // A stamp belongs to an output by its place; half a list would be read wrongly.
    if entry.stamps.count != entry.record.outputs.count { entry.stamps = [] }
    for output in order.outputs {
      // Who reads in parts reads the file: a unit may make more images than memory holds.
      let isReadWhole = unit.quanta.contains { quantum in
        quantum.inputs.contains {
          $0.reference == output.reference && tasks.connections[quantum.label]?[$0.argument]?.deferLoad != true
        }
      }
      if isReadWhole, let value = context.written[output.reference] { made.values[output.reference] = value }
    }
  }

  /// Gives the metadata a file of their own, whatever became of the quantum; that it cannot be written is no failure.
  private func writeMetadata(_ order: UnitOrder.QuantumOrder, _ entry: inout UnitRecord.Entry) {
    let reference = DatasetRef("\(order.label)_metadata", order.dataID)
    guard
      let (digest, stamp) = try? store.write(
        MetadataOnly(), reference, metadata: entry.record.metadata, provenance(order, reference))
    else { return }
    if let stamp, entry.stamps.count == entry.record.outputs.count { entry.stamps.append(stamp) }
    entry.record.outputs.append(
      OutputRecord(
        datasetType: reference.datasetType, bytes: digest.size, path: reference.relativePath, sha256: digest.sha256))
  }

  private func provenance(_ order: UnitOrder.QuantumOrder, _ reference: DatasetRef) -> Provenance {
    var provenance = Provenance()
    provenance.datasetType = reference.datasetType
    provenance.dataID = "\(reference.dataID)"
    provenance.task = order.label
    provenance.configYAML = configYAML[order.label] ?? ""
    provenance.recipe = order.recipe.hex
    provenance.inputs = order.inputs.map { input in
      if let recipe = input.recipe {
        return Provenance.Input(
          datasetType: input.reference.datasetType, dataID: "\(input.reference.dataID)", recipe: recipe.hex)
      }
      return Provenance.Input(
        datasetType: input.reference.datasetType, dataID: "\(input.reference.dataID)",
        digest: input.source?.digest ?? FileDigest(size: 0, sha256: ""))
    }
    return provenance
  }

  private func blocked(_ order: UnitOrder.QuantumOrder) -> QuantumEnd {
    QuantumEnd(
      entry: UnitRecord.Entry(
        recipe: order.recipe, record: QuantumRecord(task: order.label, dataID: order.dataID, outcome: .blocked)),
      end: .blocked,
      timing: QuantumTiming(task: order.label, dataID: order.dataID, seconds: 0, cpuSeconds: 0, maxResidentSetSize: 0))
  }

  private func cancelled(_ reason: Cancellation) -> QuantumOutcome {
    switch reason {
    case .memory:
      .failed(
        category: "MemoryError",
        message:
          "it needed more memory than its rank may use (execution.memoryPerRank, \((resources.memory ?? 0) >> 20) MiB)")
    default:
      .failed(category: "TimeoutError", message: "it took more than \(job.execution.timeout) s (execution.timeout)")
    }
  }

  /// What an error says about trying again.
  private func verdict(of error: (any Error)?, _ reason: Cancellation) -> Verdict? {
    switch error {
    case is QuantumCancelled: reason == .memory ? nil : .timedOut(isStuck: false)
    case let error as PublishError: if case .diskFull = error { .storageFull } else { .failedTransiently }
    case let error as ReadError: if case .unreadable = error { .failedTransiently } else { nil }
    default: nil
    }
  }

  // MARK: - The result

  private func result(
    _ order: UnitOrder, _ assignment: Assignment, _ ends: [QuantumEnd], _ verdict: Verdict, _ startUTC: String,
    seconds: Double
  ) -> UnitResult {
    let record = UnitRecord(unit: order.name, attempt: assignment.attempt, entries: ends.map(\.entry))
    let summary = UnitSummary(quanta: ends.map { UnitSummary.Quantum(end: $0.end, files: $0.files) })
    let ran = ends.filter { $0.end != .blocked }
    let outcome: AttemptRecord.Outcome =
      switch verdict {
      case .succeeded: .succeeded
      case .timedOut: .timeout
      case .interrupted: .interrupted
      default: .failed
      }
    let attempt = AttemptRecord(
      unit: order.name, attempt: assignment.attempt, session: job.session, rank: rank, host: host, start: startUTC,
      seconds: seconds, outcome: outcome, quanta: ran.map(\.timing))
    var json = attempt.json
    // The whole record of the timers is longer than everything else; of what is over in no time nobody looks at it.
    let timings = ran.filter { $0.timing.seconds >= 0.01 }.compactMap { end in
      end.fullTiming.map { (end.timing.task, $0.json) }
    }
    if case .object(var members) = json, !timings.isEmpty {
      members["timing"] = .object(OrderedDictionary(timings) { first, _ in first })
      json = .object(members)
    }
    return UnitResult(
      verdict: verdict, record: summary.encoded(with: record.journalMembers), attempt: Array(json.text().utf8),
      quanta: ends.map(\.entry.record))
  }
}

extension TaskMetadata {
  /// Without tasks that have nothing to say.
  var pruned: TaskMetadata {
    var result = self
    for (name, node) in nodes where node.isEmpty { try? result.remove(name) }
    return result
  }
}

extension Duration {
  package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
