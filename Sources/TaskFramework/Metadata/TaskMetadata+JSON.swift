// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata as text.

internal import OrderedCollections

extension TaskMetadata {
  /// The form that the reference system writes: `{"scalars": {}, "arrays": {}, "metadata": {}}`.
  package var json: JSONValue {
    .object([
      "scalars": .object(scalars.mapValues(\.json)),
      "arrays": .object(arrays.mapValues { .array($0.map(\.json)) }),
      "metadata": .object(nodes.mapValues(\.json)),
    ])
  }

  /// - Throws: ``MetadataError/invalidJSON(_:)``.
  package init(json: JSONValue) throws(MetadataError) {
    self.init()
    guard case .object(let parts) = json else { throw .invalidJSON("it is no object") }
    func members(_ name: String) throws(MetadataError) -> OrderedDictionary<String, JSONValue> {
      guard case .object(let members) = parts[name] ?? .object([:]) else {
        throw .invalidJSON("\"\(name)\" is no object")
      }
      return members
    }
    for name in parts.keys where !["scalars", "arrays", "metadata"].contains(name) {
      throw .invalidJSON("there is no part \"\(name)\"")
    }
    // A name may hold dots here, which a key may not.
    for (name, value) in try members("scalars") {
      guard let scalar = MetadataScalar(json: value) else { throw .invalidJSON("\"\(name)\" is no value") }
      try put(name, .scalar(scalar))
    }
    for (name, value) in try members("arrays") {
      guard case .array(let elements) = value else { throw .invalidJSON("\"\(name)\" is no array") }
      var scalars: [MetadataScalar] = []
      for element in elements {
        guard let scalar = MetadataScalar(json: element) else {
          throw .invalidJSON("\"\(name)\" holds what is no value")
        }
        scalars.append(scalar)
      }
      // Whole numbers that a foreign writer left among floats.
      if scalars.contains(where: { $0.kind == "float" }) {
        scalars = scalars.map { if case .integer(let whole) = $0 { .float(Double(whole)) } else { $0 } }
      }
      try put(name, .array(scalars))
    }
    for (name, value) in try members("metadata") { try put(name, .node(try TaskMetadata(json: value))) }
  }

  /// Lets a top-level name, which may hold dots, stand for something.
  ///
  /// - Throws: ``MetadataError``: a name that is there already, an empty one, an array of several kinds.
  package mutating func put(_ name: String, _ item: MetadataItem) throws(MetadataError) {
    guard !name.isEmpty else { throw .invalidName(key: name) }
    guard !keys.contains(name) else { throw .invalidJSON("\"\(name)\" is there twice") }
    var single = TaskMetadata()
    try single.set("x", item)
    switch item {
    case .scalar(let value): insert(name, scalar: value)
    case .array(let values): insert(name, array: values)
    case .node(let node): insert(name, node: node)
    }
  }
}

extension MetadataScalar {
  package var json: JSONValue {
    switch self {
    case .string(let value): .string(value)
    case .float(let value): .number(value)
    case .integer(let value): .integer(value)
    case .boolean(let value): .boolean(value)
    }
  }

  /// `null` is a float without a value, as some writers have it.
  package init?(json: JSONValue) {
    switch json {
    case .string(let value): self = .string(value)
    case .number(let value): self = .float(value)
    case .integer(let value): self = .integer(value)
    case .boolean(let value): self = .boolean(value)
    case .null: self = .float(.nan)
    case .array, .object: return nil
    }
  }
}
