// SPDX-License-Identifier: GPL-3.0-or-later
// A work unit as a rank gets it.

internal import Digests
internal import Repository
internal import Scheduling
internal import TaskFramework

/// A work unit with all that a rank has to know to do it; ranks plan nothing.
struct UnitOrder: Hashable, Sendable {
  struct Input: Hashable, Sendable {
    let argument: String
    let reference: DatasetRef
    /// `nil` for what the unit itself makes before.
    let source: DatasetSource?
    /// Of the quantum that makes it; `nil` for what was there before the run.
    let recipe: Digest256?
  }

  struct Output: Hashable, Sendable {
    let argument: String
    let reference: DatasetRef
    let isStored: Bool
  }

  struct QuantumOrder: Hashable, Sendable {
    let label: String
    let dataID: DataID
    let recipe: Digest256
    /// Whether something that it needs has failed before.
    let isBlocked: Bool
    let inputs: [Input]
    let outputs: [Output]
  }

  let name: String
  let quanta: [QuantumOrder]
}

extension UnitOrder {
  var encoded: [UInt8] {
    var out = WireWriter()
    out.put(name)
    out.put(quanta) { out, quantum in
      out.put(quantum.label)
      out.put(quantum.dataID)
      out.put(quantum.recipe.hex)
      out.put(quantum.isBlocked)
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
  init(decoding bytes: [UInt8]) throws(WireError) {
    var reader = WireReader(bytes)
    name = try reader.string()
    quanta = try reader.list { reader throws(WireError) in
      let label = try reader.string()
      let dataID = try reader.dataID()
      guard let recipe = Digest256(hex: try reader.string()) else { throw WireError("a recipe is no digest") }
      let isBlocked = try reader.boolean()
      let inputs = try reader.list { reader throws(WireError) in
        Input(
          argument: try reader.string(), reference: try reader.reference(), source: try reader.source(),
          recipe: Digest256(hex: try reader.string()))
      }
      let outputs = try reader.list { reader throws(WireError) in
        Output(argument: try reader.string(), reference: try reader.reference(), isStored: try reader.boolean())
      }
      return QuantumOrder(
        label: label, dataID: dataID, recipe: recipe, isBlocked: isBlocked, inputs: inputs, outputs: outputs)
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

  fileprivate mutating func source() throws(WireError) -> DatasetSource? {
    guard try boolean() else { return nil }
    let path = try string()
    let size = try number(Int64.self)
    guard Manifest.staysInside(path), size >= 0 else { throw WireError("\(path) is no place of a dataset") }
    return DatasetSource(path: path, digest: FileDigest(size: Int(size), sha256: try string()))
  }
}
