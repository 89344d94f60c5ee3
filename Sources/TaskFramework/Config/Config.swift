// SPDX-License-Identifier: GPL-3.0-or-later
// Configurations: typed fields that are declared once.

internal import Catalogs
internal import Digests

/// A configuration: a structure whose fields are declared with their meaning and what they may hold.
///
/// From ``fields`` come YAML, overrides by path, messages and the digest. Property names are the reference system's.
///
///     struct SubtractConfig: Config {
///       var mode = Mode.auto
///       var spatialKernelOrder = 2
///
///       static let fields: [ConfigField<Self>] = [
///         .field("mode", \.mode, doc: "which image is convolved"),
///         .field("spatialKernelOrder", \.spatialKernelOrder, in: 0...10, doc: "order of the kernel over the image"),
///       ]
///     }
package protocol Config: Sendable {
  /// The defaults.
  init()
  static var fields: [ConfigField<Self>] { get }
  /// What no field can check alone.
  ///
  /// - Throws: ``ConfigProblem`` with the path of the field at fault.
  func validate() throws(ConfigProblem)
}

extension Config {
  package func validate() throws(ConfigProblem) {}
}

/// Where a field's value lies in a configuration.
package typealias ConfigPath<Root, Value> = any WritableKeyPath<Root, Value> & Sendable

/// A field of a configuration, and all that is known about it.
package struct ConfigField<Root>: Sendable {
  package let name: String
  package let doc: String
  let read: @Sendable (Root) -> ConfigTree
  let assign: @Sendable (inout Root, ArraySlice<String>, ConfigValue) throws(ConfigProblem) -> Void
  let check: @Sendable (Root) throws(ConfigProblem) -> Void
  /// What subtasks are made of; `nil` for plain fields.
  var maker: (@Sendable (Root) -> SubtaskMaker)? = nil
}

/// A configuration as data, to be shown and searched.
package indirect enum ConfigTree: Sendable {
  case leaf(ConfigLeaf)
  case group([(name: String, doc: String, tree: ConfigTree)])

  package struct ConfigLeaf: Sendable {
    package let value: ConfigValue
    package let typeName: String
    /// What is allowed beyond the type; empty for everything.
    package let requirement: String
  }

  /// All leaves in order, with their paths.
  package var leaves: [(path: String, doc: String, leaf: ConfigLeaf)] {
    guard case .group(let members) = self else { return [] }
    return members.flatMap { name, doc, tree -> [(path: String, doc: String, leaf: ConfigLeaf)] in
      if case .leaf(let leaf) = tree { return [(name, doc, leaf)] }
      return tree.leaves.map { ("\(name).\($0.path)", $0.doc, $0.leaf) }
    }
  }

  /// What stands at a path, `nil` when nothing does.
  package func subtree(_ path: ArraySlice<String>) -> ConfigTree? {
    guard let first = path.first else { return self }
    guard case .group(let members) = self, let member = members.first(where: { $0.name == first }) else { return nil }
    return member.tree.subtree(path.dropFirst())
  }
}

extension Config {
  /// The configuration as data.
  package var tree: ConfigTree { .group(Self.fields.map { ($0.name, $0.doc, $0.read(self)) }) }

  /// The fields with their meaning and content.
  package var members: [(name: String, doc: String, tree: ConfigTree)] {
    Self.fields.map { ($0.name, $0.doc, $0.read(self)) }
  }

  /// The paths of all fields, in the order of their declaration.
  package var names: [String] { tree.leaves.map(\.path) }

  /// Sets a field by its path, such as `kernel.AL.spatialKernelOrder`.
  ///
  /// - Throws: ``ConfigProblem``: no such field, a value of another type or outside of what is allowed.
  package mutating func set(_ path: ArraySlice<String>, to value: ConfigValue) throws(ConfigProblem) {
    guard let name = path.first else {
      throw ConfigProblem(
        path: "",
        reason: "\(value.kind) is given for a whole configuration; its fields are "
          + Self.fields.map(\.name).joined(separator: ", "))
    }
    guard let field = Self.fields.first(where: { $0.name == name }) else {
      let known = Self.fields.map(\.name)
      throw ConfigProblem(
        path: name, reason: "there is no such field; the fields are \(known.joined(separator: ", "))",
        suggestion: nearestName(to: name, among: known))
    }
    do throws(ConfigProblem) {
      try field.assign(&self, path.dropFirst(), value)
    } catch {
      throw error.inside(name)
    }
  }

  package mutating func set(_ path: String, to value: ConfigValue) throws(ConfigProblem) {
    try set(path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)[...], to: value)
  }

  /// Checks every field, the configuration as a whole, and what is nested in it.
  ///
  /// - Throws: ``ConfigProblem`` for the first thing that is wrong.
  package func validateAll() throws(ConfigProblem) {
    for field in Self.fields {
      do throws(ConfigProblem) {
        try field.check(self)
      } catch {
        throw error.inside(field.name)
      }
    }
    try validate()
  }

  /// SHA-256 of all values: equal exactly for equal configurations.
  package var digest: String {
    SHA256.hex(tree.leaves.map { "\($0.path)=\(ConfigText.inline($0.leaf.value))" }.joined(separator: "\n"))
  }

  /// What differs from another configuration of this type: path, own value, other value; floats may differ by 1 in 10⁸.
  package func differences(from other: Self) -> [(path: String, own: String, other: String)] {
    ConfigText.differences(tree, other.tree)
  }
}

extension ConfigField where Root: Config {
  /// A field whose values are all allowed, but for a condition.
  ///
  /// - Parameters:
  ///   - requirement: what `isAllowed` asks for, as it reads behind "must be".
  package static func field<Value: ConfigValueConvertible>(
    _ name: String, _ path: ConfigPath<Root, Value>, doc: String, requirement: String = "",
    where isAllowed: @escaping @Sendable (Value) -> Bool = { _ in true }
  ) -> ConfigField {
    let choices = Value.configChoices.map { "one of " + $0.joined(separator: ", ") } ?? ""
    let allowed = requirement.isEmpty ? choices : requirement
    @Sendable func refuse(_ found: ConfigValue) -> ConfigProblem {
      let suggestion: String? =
        if case .string(let text) = found { Value.configChoices.flatMap { nearestName(to: text, among: $0) } } else {
          nil
        }
      let expected = choices.isEmpty ? Value.configTypeName + (allowed.isEmpty ? "" : ", \(allowed)") : allowed
      return ConfigProblem(path: "", reason: "\(found.kind) is given; it must be \(expected)", suggestion: suggestion)
    }
    return ConfigField(
      name: name, doc: doc,
      read: {
        .leaf(.init(value: $0[keyPath: path].configValue, typeName: Value.configTypeName, requirement: allowed))
      },
      assign: { root, rest, value throws(ConfigProblem) in
        guard rest.isEmpty else {
          throw ConfigProblem(
            path: rest.joined(separator: "."), reason: "\(name) is \(Value.configTypeName) and has no fields")
        }
        guard let converted = Value(configValue: value), isAllowed(converted) else { throw refuse(value) }
        root[keyPath: path] = converted
      },
      check: { root throws(ConfigProblem) in
        guard isAllowed(root[keyPath: path]) else { throw refuse(root[keyPath: path].configValue) }
      })
  }

  /// A number with both limits.
  package static func field<Value: ConfigValueConvertible & Comparable>(
    _ name: String, _ path: ConfigPath<Root, Value>, in range: ClosedRange<Value>, doc: String
  ) -> ConfigField where Value: SendableMetatype {
    field(
      name, path, doc: doc,
      requirement:
        "from \(ConfigText.inline(range.lowerBound.configValue)) to \(ConfigText.inline(range.upperBound.configValue))",
      where: { range.contains($0) })
  }

  /// A number with a lower limit, which is allowed itself.
  package static func field<Value: ConfigValueConvertible & Comparable>(
    _ name: String, _ path: ConfigPath<Root, Value>, in range: PartialRangeFrom<Value>, doc: String
  ) -> ConfigField where Value: SendableMetatype {
    field(
      name, path, doc: doc, requirement: "at least \(ConfigText.inline(range.lowerBound.configValue))",
      where: { $0 >= range.lowerBound })
  }

  /// A number above zero.
  package static func field(
    positive name: String, _ path: ConfigPath<Root, Double>, doc: String
  ) -> ConfigField {
    field(name, path, doc: doc, requirement: "above 0", where: { $0 > 0 && $0.isFinite })
  }

  /// A list with limits on its length and a condition on each item.
  package static func field<Item: ConfigValueConvertible>(
    _ name: String, _ path: ConfigPath<Root, [Item]>, count: ClosedRange<Int>, doc: String,
    requirement: String = "", eachItem isAllowed: @escaping @Sendable (Item) -> Bool = { _ in true }
  ) -> ConfigField {
    let length =
      count.lowerBound == count.upperBound
      ? "\(count.lowerBound) items" : "\(count.lowerBound) to \(count.upperBound) items"
    return field(
      name, path, doc: doc, requirement: length + (requirement.isEmpty ? "" : ", each \(requirement)"),
      where: { count.contains($0.count) && $0.allSatisfy(isAllowed) })
  }

  /// A configuration in a configuration.
  package static func config<Nested: Config>(
    _ name: String, _ path: ConfigPath<Root, Nested>, doc: String
  ) -> ConfigField {
    ConfigField(
      name: name, doc: doc, read: { $0[keyPath: path].tree },
      assign: { root, rest, value throws(ConfigProblem) in try root[keyPath: path].set(rest, to: value) },
      check: { root throws(ConfigProblem) in try root[keyPath: path].validateAll() })
  }

  /// The fields of a configuration that this one holds, as its own: under their names, without one of the part.
  ///
  /// What the part can only check as a whole is not a field's: ``Config/validate()`` has to call the part's.
  package static func lifted<Part: Config>(_ path: ConfigPath<Root, Part>) -> [ConfigField] {
    Part.fields.map { (field: ConfigField<Part>) -> ConfigField<Root> in
      var result = ConfigField<Root>(
        name: field.name, doc: field.doc, read: { field.read($0[keyPath: path]) },
        assign: { root, rest, value throws(ConfigProblem) in try field.assign(&root[keyPath: path], rest, value) },
        check: { root throws(ConfigProblem) in try field.check(root[keyPath: path]) })
      if let maker = field.maker { result.maker = { maker($0[keyPath: path]) } }
      return result
    }
  }
}
