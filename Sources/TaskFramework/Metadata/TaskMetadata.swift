// SPDX-License-Identifier: GPL-3.0-or-later
// What a task says about its work.

package import OrderedCollections

/// A single value of metadata.
package enum MetadataScalar: Hashable, Sendable {
  case string(String)
  case float(Double)
  case integer(Int64)
  case boolean(Bool)

  /// The name of the kind, as messages call it.
  package var kind: String {
    switch self {
    case .string: "text"
    case .float: "float"
    case .integer: "int"
    case .boolean: "bool"
    }
  }

  /// Equal values; NaN equals NaN.
  package static func == (a: MetadataScalar, b: MetadataScalar) -> Bool {
    switch (a, b) {
    case (.string(let x), .string(let y)): x == y
    case (.float(let x), .float(let y)): x == y || (x.isNaN && y.isNaN)
    case (.integer(let x), .integer(let y)): x == y
    case (.boolean(let x), .boolean(let y)): x == y
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .string(let x): hasher.combine(x)
    case .float(let x): hasher.combine(x.isNaN ? .nan : x)
    case .integer(let x): hasher.combine(x)
    case .boolean(let x): hasher.combine(x)
    }
  }
}

extension MetadataScalar: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .float(value) }
  package init(booleanLiteral value: Bool) { self = .boolean(value) }
}

/// What a name of metadata stands for.
package enum MetadataItem: Hashable, Sendable {
  case scalar(MetadataScalar)
  case array([MetadataScalar])
  case node(TaskMetadata)
}

/// What a task says about its work: named values, arrays and nodes of further names (framework C.3).
///
/// A name stands for one of the three. Keys may lead through nodes, with dots: `a.b.c`. The order of names is kept, but does not
/// count for equality.
package struct TaskMetadata: Hashable, Sendable {
  package private(set) var scalars: OrderedDictionary<String, MetadataScalar> = [:]
  package private(set) var arrays: OrderedDictionary<String, [MetadataScalar]> = [:]
  package private(set) var nodes: OrderedDictionary<String, TaskMetadata> = [:]

  package init() {}

  package static func == (a: TaskMetadata, b: TaskMetadata) -> Bool {
    a.scalars.count == b.scalars.count && a.arrays.count == b.arrays.count && a.nodes.count == b.nodes.count
      && a.scalars.allSatisfy { b.scalars[$0.key] == $0.value } && a.arrays.allSatisfy { b.arrays[$0.key] == $0.value }
      && a.nodes.allSatisfy { b.nodes[$0.key] == $0.value }
  }

  package func hash(into hasher: inout Hasher) {
    for name in scalars.keys.sorted() { hasher.combine(name) }
  }

  package var isEmpty: Bool { count == 0 }
  /// The number of top-level names.
  package var count: Int { scalars.count + arrays.count + nodes.count }
  /// The top-level names: scalars, arrays, nodes.
  package var keys: [String] { Array(scalars.keys) + Array(arrays.keys) + Array(nodes.keys) }

  /// What stands under a top-level name.
  private func item(_ name: String) -> MetadataItem? {
    if let scalar = scalars[name] { return .scalar(scalar) }
    if let array = arrays[name] { return .array(array) }
    return nodes[name].map { .node($0) }
  }

  private mutating func removeItem(_ name: String) {
    scalars[name] = nil
    arrays[name] = nil
    nodes[name] = nil
  }

  private static func parts(_ key: String) -> [Substring] {
    key.split(separator: ".", omittingEmptySubsequences: false)
  }

  /// What stands under a key; `nil` when nothing does.
  package func item(atKey key: String) -> MetadataItem? { item(at: Self.parts(key)[...]) }

  private func item(at path: ArraySlice<Substring>) -> MetadataItem? {
    guard let first = path.first else { return .node(self) }
    guard path.count > 1 else { return item(String(first)) }
    return nodes[String(first)]?.item(at: path.dropFirst())
  }

  package func contains(_ key: String) -> Bool { item(atKey: key) != nil }

  // MARK: - Reading

  /// A scalar, the last element of an array, or a node.
  ///
  /// - Throws: ``MetadataError/missing(key:)`` with the whole key, also for an empty array.
  package subscript(key: String) -> MetadataItem {
    get throws(MetadataError) {
      switch item(atKey: key) {
      case .array(let values):
        guard let last = values.last else { throw .missing(key: key) }
        return .scalar(last)
      case .some(let item): return item
      case nil: throw .missing(key: key)
      }
    }
  }

  /// A value, or another one where there is none.
  package func value(_ key: String, default other: MetadataItem) -> MetadataItem { (try? self[key]) ?? other }

  /// - Throws: ``MetadataError/missing(key:)``, ``MetadataError/wrongKind(key:found:expected:)`` for a node.
  package func scalar(_ key: String) throws(MetadataError) -> MetadataScalar {
    guard case .scalar(let value) = try self[key] else {
      throw .wrongKind(key: key, found: "a node", expected: "a value")
    }
    return value
  }

  /// An array, which may be empty; a scalar is an array of one.
  ///
  /// - Throws: ``MetadataError``.
  package func array(_ key: String) throws(MetadataError) -> [MetadataScalar] {
    switch item(atKey: key) {
    case .scalar(let value): return [value]
    case .array(let values): return values
    case .node: throw .wrongKind(key: key, found: "a node", expected: "values")
    case nil: throw .missing(key: key)
    }
  }

  /// - Throws: ``MetadataError``.
  package func node(_ key: String) throws(MetadataError) -> TaskMetadata {
    guard let item = item(atKey: key) else { throw .missing(key: key) }
    guard case .node(let node) = item else { throw .wrongKind(key: key, found: "a value", expected: "a node") }
    return node
  }

  /// - Throws: ``MetadataError``; a whole number is no float (see ``number(_:)``).
  package func double(_ key: String) throws(MetadataError) -> Double {
    guard case .float(let value) = try scalar(key) else { throw try wrong(key, "float") }
    return value
  }

  /// A number, whole or not.
  ///
  /// - Throws: ``MetadataError``.
  package func number(_ key: String) throws(MetadataError) -> Double {
    switch try scalar(key) {
    case .float(let value): return value
    case .integer(let value): return Double(value)
    default: throw try wrong(key, "a number")
    }
  }

  /// - Throws: ``MetadataError``.
  package func integer(_ key: String) throws(MetadataError) -> Int64 {
    guard case .integer(let value) = try scalar(key) else { throw try wrong(key, "int") }
    return value
  }

  /// - Throws: ``MetadataError``.
  package func string(_ key: String) throws(MetadataError) -> String {
    guard case .string(let value) = try scalar(key) else { throw try wrong(key, "text") }
    return value
  }

  /// - Throws: ``MetadataError``.
  package func boolean(_ key: String) throws(MetadataError) -> Bool {
    guard case .boolean(let value) = try scalar(key) else { throw try wrong(key, "bool") }
    return value
  }

  private func wrong(_ key: String, _ expected: String) throws(MetadataError) -> MetadataError {
    .wrongKind(key: key, found: try scalar(key).kind, expected: expected)
  }

  // MARK: - Writing

  /// Lets a key stand for something new, whatever stood there; nodes on the way are made.
  ///
  /// - Throws: ``MetadataError``: a value in the middle of the key, an array of several kinds, an empty name.
  package mutating func set(_ key: String, _ item: MetadataItem) throws(MetadataError) {
    if case .array(let values) = item, let first = values.first {
      for value in values where value.kind != first.kind {
        throw .mixedKinds(key: key, first: first.kind, other: value.kind)
      }
    }
    try set(Self.parts(key)[...], item, key: key)
  }

  private mutating func set(_ path: ArraySlice<Substring>, _ item: MetadataItem, key: String) throws(MetadataError) {
    let name = String(path[path.startIndex])
    guard !name.isEmpty else { throw .invalidName(key: key) }
    guard path.count == 1 else {
      guard scalars[name] == nil, arrays[name] == nil else {
        throw .wrongKind(key: key, found: "a value at \(name)", expected: "a node there")
      }
      try nodes[name, default: TaskMetadata()].set(path.dropFirst(), item, key: key)
      return
    }
    // The place in the order is kept where the kind stays.
    switch item {
    case .scalar(let value):
      if scalars[name] == nil { removeItem(name) }
      scalars[name] = value
    case .array(let values):
      if arrays[name] == nil { removeItem(name) }
      arrays[name] = values
    case .node(let node):
      if nodes[name] == nil { removeItem(name) }
      nodes[name] = node
    }
  }

  package mutating func set(_ key: String, _ value: MetadataScalar) throws(MetadataError) {
    try set(key, .scalar(value))
  }
  package mutating func set(_ key: String, _ values: [MetadataScalar]) throws(MetadataError) {
    try set(key, .array(values))
  }
  package mutating func set(_ key: String, _ value: Double) throws(MetadataError) {
    try set(key, .scalar(.float(value)))
  }
  package mutating func set(_ key: String, _ value: Int) throws(MetadataError) {
    try set(key, .scalar(.integer(Int64(value))))
  }
  package mutating func set(_ key: String, _ value: String) throws(MetadataError) {
    try set(key, .scalar(.string(value)))
  }
  package mutating func set(_ key: String, _ value: Bool) throws(MetadataError) {
    try set(key, .scalar(.boolean(value)))
  }

  /// Appends a value: what is there becomes an array with it at the end, and a first value an array of one.
  ///
  /// - Throws: ``MetadataError``: another kind than is there, a node, or nodes on the way that are missing.
  package mutating func add(_ key: String, _ value: MetadataScalar) throws(MetadataError) {
    try add(Self.parts(key)[...], value, key: key)
  }

  /// Appends several values.
  ///
  /// - Throws: ``MetadataError``.
  package mutating func add(_ key: String, _ values: [MetadataScalar]) throws(MetadataError) {
    var changed = self
    for value in values { try changed.add(key, value) }
    self = changed
  }

  private mutating func add(_ path: ArraySlice<Substring>, _ value: MetadataScalar, key: String) throws(MetadataError) {
    let name = String(path[path.startIndex])
    guard !name.isEmpty else { throw .invalidName(key: key) }
    guard path.count == 1 else {
      guard nodes[name] != nil else { throw .missing(key: key) }
      try nodes[name, default: TaskMetadata()].add(path.dropFirst(), value, key: key)
      return
    }
    guard nodes[name] == nil else { throw .wrongKind(key: key, found: "a node", expected: "values") }
    let present = scalars[name].map { [$0] } ?? arrays[name] ?? []
    if let first = present.first, first.kind != value.kind {
      throw .mixedKinds(key: key, first: first.kind, other: value.kind)
    }
    scalars[name] = nil
    arrays[name] = present + [value]
  }

  /// Takes away what stands under a key.
  ///
  /// - Throws: ``MetadataError/missing(key:)`` with the whole key.
  package mutating func remove(_ key: String) throws(MetadataError) {
    guard contains(key) else { throw .missing(key: key) }
    remove(Self.parts(key)[...])
  }

  private mutating func remove(_ path: ArraySlice<Substring>) {
    let name = String(path[path.startIndex])
    if path.count == 1 { removeItem(name) } else { nodes[name]?.remove(path.dropFirst()) }
  }

  mutating func insert(_ name: String, scalar: MetadataScalar) { scalars[name] = scalar }
  mutating func insert(_ name: String, array: [MetadataScalar]) { arrays[name] = array }
  mutating func insert(_ name: String, node: TaskMetadata) { nodes[name] = node }

  /// Takes what another one holds; where both have a value the other's counts, nodes are joined.
  package mutating func merge(_ other: TaskMetadata) {
    for (name, value) in other.scalars {
      if scalars[name] == nil { removeItem(name) }
      scalars[name] = value
    }
    for (name, values) in other.arrays {
      if arrays[name] == nil { removeItem(name) }
      arrays[name] = values
    }
    for (name, node) in other.nodes {
      if nodes[name] == nil { removeItem(name) }
      nodes[name, default: TaskMetadata()].merge(node)
    }
  }

  // MARK: - Names

  /// All names, with those of nodes and what is in them.
  package var names: [String] {
    Array(scalars.keys) + Array(arrays.keys)
      + nodes.flatMap { name, node in [name] + node.names.map { "\(name).\($0)" } }
  }

  /// The names of values, without those of nodes.
  package func paramNames(topLevelOnly: Bool = false) -> Set<String> {
    var names = Set(scalars.keys).union(arrays.keys)
    if !topLevelOnly {
      for (name, node) in nodes { names.formUnion(node.paramNames().map { "\(name).\($0)" }) }
    }
    return names
  }
}

/// What can be wrong with a use of metadata.
package enum MetadataError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nothing stands under the key (category KeyError).
  case missing(key: String)
  case wrongKind(key: String, found: String, expected: String)
  case mixedKinds(key: String, first: String, other: String)
  case invalidName(key: String)
  /// Text that is no metadata.
  case invalidJSON(String)

  package var category: String { if case .missing = self { "KeyError" } else { "ValueError" } }

  package var description: String {
    switch self {
    case .missing(let key): "metadata has no \"\(key)\""
    case .wrongKind(let key, let found, let expected): "metadata \"\(key)\" is \(found), not \(expected)"
    case .mixedKinds(let key, let first, let other):
      "metadata \"\(key)\" holds \(first), so \(other) cannot be put beside it"
    case .invalidName(let key): "metadata \"\(key)\": a name is empty"
    case .invalidJSON(let reason): "metadata: \(reason)"
    }
  }
}
