// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks that run on quanta.

/// One task on one data ID: what it reads and writes.
package struct Quantum: Hashable, Sendable {
  package let label: String
  package let dataID: DataID
  /// By the connection's argument.
  package var inputs: [String: [DatasetRef]]
  package var outputs: [String: [DatasetRef]]

  package init(label: String, dataID: DataID, inputs: [String: [DatasetRef]], outputs: [String: [DatasetRef]]) {
    self.label = label
    self.dataID = dataID
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// What a task may use.
package struct QuantumResources: Hashable, Sendable {
  package var threadCount: Int
  /// Bytes; `nil` for no limit.
  package var memory: Int?

  package init(threadCount: Int = 1, memory: Int? = nil) {
    self.threadCount = threadCount
    self.memory = memory
  }
}

/// What a task has to know of the world while it runs on a quantum: the only way to data.
package protocol QuantumContext: AnyObject {
  var quantum: Quantum { get }
  var resources: QuantumResources { get }

  /// Whether the work should end; tasks ask between their steps and throw ``QuantumCancelled``.
  var isCancelled: Bool { get }

  /// Reads a dataset; `nil` for one that is optional and not there.
  ///
  /// - Throws: ``QuantumContextError/notAnInput(_:)`` for one that is no input of the quantum, and what reading throws.
  func get<Value>(_ reference: DatasetRef, as type: Value.Type) throws -> Value?

  /// Writes a dataset.
  ///
  /// - Throws: ``QuantumContextError/notAnOutput(_:)`` for one that the quantum does not declare, and what writing throws.
  func put<Value>(_ value: Value, _ reference: DatasetRef) throws
}

extension QuantumContext {
  /// Reads the dataset of a connection that has one.
  ///
  /// - Throws: ``QuantumContextError``, and what reading throws.
  package func get<Value>(_ argument: String, as type: Value.Type = Value.self) throws -> Value {
    guard let reference = quantum.inputs[argument]?.first else { throw QuantumContextError.missingInput(argument) }
    guard let value = try get(reference, as: type) else { throw QuantumContextError.missingInput(argument) }
    return value
  }

  /// Reads the datasets of a connection that has several, leaving out those that are not there.
  package func getAll<Value>(_ argument: String, as type: Value.Type = Value.self) throws -> [(DatasetRef, Value)] {
    try (quantum.inputs[argument] ?? []).compactMap { reference in
      try get(reference, as: type).map { (reference, $0) }
    }
  }

  /// Writes the dataset of a connection; `nil` leaves it out on purpose.
  ///
  /// - Throws: ``QuantumContextError``, and what writing throws.
  package func put<Value>(_ value: Value?, argument: String) throws {
    guard let references = quantum.outputs[argument] else { throw QuantumContextError.notAConnection(argument) }
    guard references.count == 1 else {
      throw QuantumContextError.countMismatch(argument, found: 1, expected: references.count)
    }
    if let value { try put(value, references[0]) }
  }

  /// Writes the datasets of a connection that has several, in the order of their references; `nil` leaves one out.
  ///
  /// - Throws: ``QuantumContextError``, and what writing throws.
  package func putAll<Value>(_ values: [Value?], argument: String) throws {
    guard let references = quantum.outputs[argument] else { throw QuantumContextError.notAConnection(argument) }
    guard references.count == values.count else {
      throw QuantumContextError.countMismatch(argument, found: values.count, expected: references.count)
    }
    for (value, reference) in zip(values, references) { if let value { try put(value, reference) } }
  }

  /// - Throws: ``QuantumCancelled`` when the work should end.
  package func checkCancellation() throws(QuantumCancelled) { if isCancelled { throw QuantumCancelled() } }
}

/// The work was told to end.
package struct QuantumCancelled: Error, Hashable, Sendable, CustomStringConvertible {
  package init() {}
  package var description: String { "cancelled" }
}

/// A task that asks for what its quantum does not have (category ValueError).
package enum QuantumContextError: CategorizedError, Hashable, CustomStringConvertible {
  case notAnInput(DatasetRef)
  case notAnOutput(DatasetRef)
  case notAConnection(String)
  case missingInput(String)
  case countMismatch(String, found: Int, expected: Int)

  package var category: String {
    switch self {
    case .missingInput: "FileNotFoundError"
    default: "ValueError"
    }
  }

  package var description: String {
    switch self {
    case .notAnInput(let reference): "\(reference) is no input of this quantum"
    case .notAnOutput(let reference): "\(reference) is no output of this quantum"
    case .notAConnection(let name): "\(name) is no output connection of this quantum"
    case .missingInput(let name): "the input \(name) is missing"
    case .countMismatch(let name, let found, let expected):
      "\(found) datasets are written to \(name), which has \(expected)"
    }
  }
}

/// A task that runs on quanta.
package protocol PipelineTask: Task {
  /// What tasks with this configuration read and write.
  ///
  /// - Throws: ``ConnectionsError``.
  static func connections(_ config: ConfigClass) throws -> Connections
  /// Runs the task on a quantum: reads, calls the task's `run`, writes.
  ///
  /// - Throws: ``NoWorkFound``, ``QuantumCancelled``, ``AnnotatedPartialOutputsError``, and what the steps throw.
  func execute(_ context: any QuantumContext) throws
  static func adjustQuantum(_ quantum: Quantum, _ connections: Connections) throws -> Quantum
  /// Tasks that do a part of its work before it: a pipeline that does not name them has them all the same.
  static var precedingSteps: [any PipelineTask.Type] { get }
  /// What its quanta are gathered by into work units, which one rank does in one go; coarser than the quanta's own dimensions, or
  /// the same.
  static func unitDimensions(_ connections: Connections) -> Set<Dimension>
  /// What a quantum is expected to take, in seconds or anything that is proportional to them; only the order of work depends on it.
  static func cost(of quantum: Quantum) -> Double
}

extension PipelineTask {
  package static func unitDimensions(_ connections: Connections) -> Set<Dimension> { connections.dimensions }
  package static var precedingSteps: [any PipelineTask.Type] { [] }

  package static func cost(of quantum: Quantum) -> Double {
    quantum.inputs.values.reduce(1) { $0 + Double($1.count) }
  }

  /// ``execute(_:)`` with its time and resources recorded.
  package func runQuantum(_ context: any QuantumContext) throws {
    try timer("runQuantum") { () throws in
      try checkResources(context.resources)
      try execute(context)
    }
  }

  /// Chooses among what a quantum could read and write, when the graph is made and again just before it runs.
  ///
  /// The default takes all, if there is enough of each.
  ///
  /// - Throws: ``NoWorkFound`` for too few inputs, ``AdjustQuantumError`` for too few prerequisites or several of what is one.
  package static func adjustQuantum(_ quantum: Quantum, _ connections: Connections) throws -> Quantum {
    try requireCounts(quantum, connections)
    return quantum
  }

  /// Whether a quantum has as many inputs and outputs as its connections ask for: for tasks that ask for more than that.
  ///
  /// - Throws: as ``adjustQuantum(_:_:)``.
  package static func requireCounts(_ quantum: Quantum, _ connections: Connections) throws {
    for connection in connections.all {
      let isOutput = connection.kind == .output
      guard isOutput || connection.kind == .input || connection.kind == .prerequisiteInput else { continue }
      let count = (isOutput ? quantum.outputs : quantum.inputs)[connection.argument]?.count ?? 0
      guard count <= 1 || connection.multiple else {
        throw AdjustQuantumError(
          category: "ScalarError",
          description:
            "\(quantum.label) of \(quantum.dataID): \(count) datasets for \(connection.argument), which takes one")
      }
      guard !isOutput, count < connection.minimum else { continue }
      let text =
        "\(quantum.label) of \(quantum.dataID): \(count) of \(connection.datasetType) where at least "
        + "\(connection.minimum) is needed"
      if connection.kind == .input { throw NoWorkFound(text) }
      throw AdjustQuantumError(category: "FileNotFoundError", description: text)
    }
  }
}

/// A quantum that cannot be.
package struct AdjustQuantumError: CategorizedError, Hashable, CustomStringConvertible {
  package let category: String
  package let description: String
}
