// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata in a file: a group a node, an attribute a name.

internal import HDF5
internal import OrderedCollections
internal import TaskFramework

extension TaskMetadata {
  private static let largestDepth = 32
  /// Attributes lie in an object's header; longer arrays get a dataset.
  private static let largestAttribute = 16_384

  /// Writes into a group that is empty.
  func write(to group: HDF5Group) throws {
    for (name, value) in scalars { try group.setAttribute(name, Self.attribute([value]), isScalar: true) }
    for (name, values) in arrays {
      let attribute = Self.attribute(values)
      if Self.size(of: attribute) <= Self.largestAttribute {
        try group.setAttribute(name, attribute, isScalar: false)
      } else {
        let target = try group.contains("_arrays") ? group.group("_arrays") : group.makeGroup("_arrays")
        try Self.write(attribute, to: target, Self.escaped(name))
      }
    }
    for (name, node) in nodes { try node.write(to: try group.makeGroup(Self.escaped(name))) }
  }

  init(reading group: HDF5Group, depth: Int = 0) throws {
    self.init()
    guard depth <= Self.largestDepth else {
      throw FormatError(
        file: group.file, object: group.path, reason: "metadata nested more than \(Self.largestDepth) deep")
    }
    for name in try group.attributeNames {
      guard let (attribute, isScalar) = try group.attributeIfPresent(name) else { continue }
      let values = Self.values(attribute)
      try put(name, isScalar ? .scalar(values[0]) : .array(values))
    }
    for name in try group.names {
      guard name == "_arrays" else {
        try put(Self.unescaped(name), .node(try TaskMetadata(reading: try group.group(name), depth: depth + 1)))
        continue
      }
      let arrays = try group.group(name)
      for name in try arrays.names { try put(Self.unescaped(name), .array(try Self.read(try arrays.dataset(name)))) }
    }
  }

  /// An array has values of one kind; an empty one has none, and is kept as one of whole numbers.
  private static func attribute(_ values: [MetadataScalar]) -> HDF5Attribute {
    switch values.first {
    case .string: .strings(values.map { if case .string(let value) = $0 { value } else { "" } })
    case .float: .doubles(values.map { if case .float(let value) = $0 { value } else { .nan } })
    case .boolean: .booleans(values.map { if case .boolean(let value) = $0 { value } else { false } })
    case .integer, nil: .integers(values.map { if case .integer(let value) = $0 { value } else { 0 } })
    }
  }

  private static func values(_ attribute: HDF5Attribute) -> [MetadataScalar] {
    switch attribute {
    case .strings(let values): values.map { .string($0) }
    case .integers(let values): values.map { .integer($0) }
    case .doubles(let values): values.map { .float($0) }
    case .booleans(let values): values.map { .boolean($0) }
    }
  }

  private static func size(of attribute: HDF5Attribute) -> Int {
    if case .strings(let values) = attribute { return values.count * (values.map(\.utf8.count).max() ?? 1) }
    return attribute.count * 8
  }

  private static func write(_ attribute: HDF5Attribute, to group: HDF5Group, _ name: String) throws {
    switch attribute {
    case .strings(let values): try group.writeStrings(name, values)
    case .integers(let values): try group.write(name, values)
    case .doubles(let values): try group.write(name, values)
    case .booleans(let values): try group.writeTable(name, [HDF5Column("value", values)], rowCount: values.count)
    }
  }

  private static func read(_ dataset: HDF5Dataset) throws -> [MetadataScalar] {
    switch dataset.type {
    case .string: return try dataset.readStrings().map { .string($0) }
    case .int64: return try dataset.read(Int64.self).map { .integer($0) }
    case .float64: return try dataset.read(Double.self).map { .float($0) }
    default:
      guard let flags = try dataset.readTable().columns.first?.booleans else {
        throw FormatError(file: dataset.file, object: dataset.path, reason: "\(dataset.type.name) is no metadata")
      }
      return flags.map { .boolean($0) }
    }
  }

  /// Names of groups hold no `/`, and `_arrays` is taken.
  private static func escaped(_ name: String) -> String {
    let text = name.reduce(into: "") { $0 += $1 == "/" ? "%2F" : $1 == "%" ? "%25" : String($1) }
    return text == "_arrays" || text == "." ? "%" + text : text
  }

  private static func unescaped(_ name: String) -> String {
    if name.hasPrefix("%_") || name == "%." { return String(name.dropFirst()) }
    return name.split(separator: "%2F", omittingEmptySubsequences: false).joined(separator: "/")
      .split(separator: "%25", omittingEmptySubsequences: false).joined(separator: "%")
  }
}
