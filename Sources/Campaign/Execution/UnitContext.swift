// SPDX-License-Identifier: GPL-3.0-or-later
// What a quantum sees of the world.

internal import Repository
internal import SkyGeometry
internal import TaskFramework

/// What the quanta of a unit have made so far.
struct UnitProducts {
  /// What a later quantum reads whole.
  var values: [DatasetRef: any Sendable] = [:]
  /// What has a file.
  var files: [DatasetRef: DatasetSource] = [:]

  func contains(_ reference: DatasetRef) -> Bool { values[reference] != nil || files[reference] != nil }
}

/// A quantum's way to its data: inputs from files, or from memory where the same unit made them; outputs into memory until the task
/// is through.
final class UnitContext: QuantumContext {
  let quantum: Quantum
  let resources: QuantumResources
  private(set) var written: [DatasetRef: any Sendable] = [:]
  private(set) var filesRead: [DatasetRef] = []
  private let inputs: Set<DatasetRef>
  private let outputs: Set<DatasetRef>
  private let sources: [DatasetRef: DatasetSource]
  private let made: UnitProducts
  private let store: UnitStore
  private let cancellation: () -> Cancellation

  init(
    _ quantum: Quantum, _ order: UnitOrder.QuantumOrder, made: UnitProducts, store: UnitStore,
    resources: QuantumResources, cancellation: @escaping () -> Cancellation
  ) {
    self.quantum = quantum
    self.resources = resources
    self.made = made
    self.store = store
    self.cancellation = cancellation
    inputs = Set(quantum.inputs.values.joined())
    outputs = Set(quantum.outputs.values.joined())
    sources = Dictionary(order.inputs.compactMap { input in input.source.map { (input.reference, $0) } }) { first, _ in
      first
    }
  }

  var isCancelled: Bool { cancellation() != .none }

  func get<Value>(_ reference: DatasetRef, as type: Value.Type) throws -> Value? {
    guard inputs.contains(reference) else { throw QuantumContextError.notAnInput(reference) }
    try checkCancellation()
    if let value = made.values[reference], type != DatasetFile.self {
      guard let typed = value as? Value else {
        throw TaskError("\(reference) is a \(Swift.type(of: value)), and is read as a \(type)")
      }
      return typed
    }
    guard let source = made.files[reference] ?? sources[reference] else { return nil }
    filesRead.append(reference)
    return try store.read(source, as: type)
  }

  func put<Value>(_ value: Value, _ reference: DatasetRef) throws {
    guard outputs.contains(reference) else { throw QuantumContextError.notAnOutput(reference) }
    guard let sendable = value as? any Sendable & DatasetContent else {
      throw TaskError("\(reference): a \(Value.self) cannot be stored")
    }
    written[reference] = sendable
  }
}
