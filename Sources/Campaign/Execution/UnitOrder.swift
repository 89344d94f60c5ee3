// SPDX-License-Identifier: GPL-3.0-or-later
// A work unit as a rank gets it.

package import Digests
internal import Repository
package import Scheduling
package import TaskFramework

/// A work unit with all that a rank has to know to do it; ranks plan nothing.
package struct UnitOrder: Hashable, Sendable {
  package struct Input: Hashable, Sendable {
    package let argument: String
    package let reference: DatasetRef
    /// `nil` for what the unit itself makes before.
    package let source: DatasetSource?
    /// Of the quantum that makes it; `nil` for what was there before the run.
    package let recipe: Digest256?

    package init(
      argument: String, reference: DatasetRef, source: DatasetSource?, recipe: Digest256?
    ) {
      self.argument = argument
      self.reference = reference
      self.source = source
      self.recipe = recipe
    }
  }

  package struct Output: Hashable, Sendable {
    package let argument: String
    package let reference: DatasetRef
    package let isStored: Bool

    package init(
      argument: String, reference: DatasetRef, isStored: Bool
    ) {
      self.argument = argument
      self.reference = reference
      self.isStored = isStored
    }
  }

  package struct QuantumOrder: Hashable, Sendable {
    package let label: String
    package let dataID: DataID
    package let recipe: Digest256
    /// Whether something that it needs has failed before.
    package let isBlocked: Bool
    /// Paths of inputs that it does without, since what should have made them failed.
    package let absent: [String]
    package let inputs: [Input]
    package let outputs: [Output]

    package init(
      label: String, dataID: DataID, recipe: Digest256, isBlocked: Bool, absent: [String] = [], inputs: [Input],
      outputs: [Output]
    ) {
      self.label = label
      self.dataID = dataID
      self.recipe = recipe
      self.isBlocked = isBlocked
      self.absent = absent
      self.inputs = inputs
      self.outputs = outputs
    }
  }

  package let name: String
  package let quanta: [QuantumOrder]

  package init(name: String, quanta: [QuantumOrder]) {
    self.name = name
    self.quanta = quanta
  }
}

extension UnitOrder {
  package var encoded: [UInt8] {
    var out = WireWriter()
    out.put(name)
    out.put(quanta) { out, quantum in
      out.put(quantum.label)
      out.put(quantum.dataID)
      out.put(quantum.recipe.hex)
      out.put(quantum.isBlocked)
      out.put(quantum.absent) { $0.put($1) }
      out.put(quantum.inputs) { out, input in
        out.put(input.argument)
        out.put(input.reference)
        out.put(input.source != nil)
        if let source = input.source {
          out.put(source.path)
          out.put(Int64(source.digest.size))
          out.put(source.digest.sha256)
        }
        out.put(input.recipe?.hex ?? "")
      }
      out.put(quantum.outputs) { out, output in
        out.put(output.argument)
        out.put(output.reference)
        out.put(output.isStored)
      }
    }
    return out.bytes
  }

  /// - Throws: ``Scheduling/WireError``.
  package init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = WireReader(bytes)
    name = try reader.string()
    quanta = try reader.list { reader throws(WireError) in
      let label = try reader.string()
      let dataID = try reader.dataID()
      guard let recipe = try reader.recipe() else { throw WireError("a quantum has no recipe") }
      let isBlocked = try reader.boolean()
      let absent = try reader.list { reader throws(WireError) in try reader.string() }
      let inputs = try reader.list { reader throws(WireError) in
        Input(
          argument: try reader.string(), reference: try reader.reference(), source: try reader.source(),
          recipe: try reader.recipe())
      }
      let outputs = try reader.list { reader throws(WireError) in
        Output(argument: try reader.string(), reference: try reader.reference(), isStored: try reader.boolean())
      }
      return QuantumOrder(
        label: label, dataID: dataID, recipe: recipe, isBlocked: isBlocked, absent: absent, inputs: inputs,
        outputs: outputs)
    }
    try reader.expectEnd()
  }
}

extension WireWriter {
  fileprivate mutating func put(_ reference: DatasetRef) {
    put(reference.datasetType)
    put(reference.dataID)
  }

  mutating func put(_ dataID: DataID) {
    put(dataID.pairs) { out, pair in
      out.put(pair.dimension.rawValue)
      switch pair.value {
      case .number(let number):
        out.put(true)
        out.put(number)
      case .name(let name):
        out.put(false)
        out.put(name)
      }
    }
  }
}

extension WireReader {
  fileprivate mutating func reference() throws(WireError) -> DatasetRef {
    DatasetRef(try string(), try dataID())
  }

  mutating func dataID() throws(WireError) -> DataID {
    var values: [Dimension: DimensionValue] = [:]
    for (dimension, value) in try list({ reader throws(WireError) -> (Dimension, DimensionValue) in
      guard let dimension = Dimension(rawValue: try reader.string()) else {
        throw WireError("there is no such dimension")
      }
      return (dimension, try reader.boolean() ? .number(try reader.number()) : .name(try reader.string()))
    }) { values[dimension] = value }
    do throws(DataIDError) {
      return try DataID(values)
    } catch {
      throw WireError("\(error)")
    }
  }

  /// Of what was there before the run, an empty text.
  fileprivate mutating func recipe() throws(WireError) -> Digest256? {
    let hex = try string()
    if hex.isEmpty { return nil }
    guard let recipe = Digest256(hex: hex) else { throw WireError("a recipe is no digest") }
    return recipe
  }

  fileprivate mutating func source() throws(WireError) -> DatasetSource? {
    guard try boolean() else { return nil }
    let path = try string()
    let size = try number(Int64.self)
    guard Manifest.staysInside(path), size >= 0 else { throw WireError("\(path) is no place of a dataset") }
    return DatasetSource(path: path, digest: FileDigest(size: Int(size), sha256: try string()))
  }
}
