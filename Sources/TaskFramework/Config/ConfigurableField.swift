// SPDX-License-Identifier: GPL-3.0-or-later
// Fields that choose a task.

internal import Catalogs

/// A field that holds a task to use, and its configuration.
///
/// In YAML its fields stand under its name; `target: NAME` chooses another of the tasks that the field declares.
package struct ConfigurableField: Sendable {
  /// The task to make.
  package private(set) var target: any Task.Type
  /// The target's configuration.
  package private(set) var value: any Config
  /// What the task is for.
  package let doc: String
  /// The tasks that a configuration file may choose.
  package let alternatives: [any Task.Type]

  package init(_ target: any Task.Type, alternatives: [any Task.Type] = [], doc: String) {
    self.target = target
    self.alternatives = alternatives.contains { $0 == target } ? alternatives : [target] + alternatives
    self.doc = doc
    value = target.configClass.init()
  }

  /// Takes another task, with its default configuration: what was set before is lost, so choose first and set then.
  package mutating func retarget(_ target: any Task.Type) {
    self.target = target
    value = target.configClass.init()
  }

  /// Replaces the configuration.
  ///
  /// - Throws: ``ConfigProblem`` for one of another task.
  package mutating func setValue(_ config: any Config) throws(ConfigProblem) {
    guard type(of: config) == target.configClass else {
      throw ConfigProblem(path: "", reason: "\(type(of: config)) is no configuration of \(target.typeName)")
    }
    value = config
  }

  /// Changes the configuration as the type that it has.
  ///
  /// - Throws: ``ConfigProblem`` when it is of another type, and what the closure throws.
  package mutating func update<C: Config>(_: C.Type = C.self, _ body: (inout C) -> Void) throws(ConfigProblem) {
    guard var config = value as? C else {
      throw ConfigProblem(path: "", reason: "the configuration of \(target.typeName) is no \(C.self)")
    }
    body(&config)
    value = config
  }

  /// With one that the program chose, though no file may.
  private var choices: [any Task.Type] {
    alternatives.contains { $0 == target } ? alternatives : [target] + alternatives
  }

  var tree: ConfigTree {
    guard case .group(let members) = value.tree else { return value.tree }
    guard choices.count > 1 else { return .group(members) }
    let names = choices.map { $0.typeName }
    let leaf = ConfigTree.ConfigLeaf(
      value: .string(target.typeName), typeName: "task", requirement: "one of \(names.joined(separator: ", "))")
    return .group([("target", "the task to use; choosing one resets what follows", .leaf(leaf))] + members)
  }

  mutating func set(_ path: ArraySlice<String>, to value: ConfigValue) throws(ConfigProblem) {
    guard path == ["target"] else {
      try self.value.set(path, to: value)
      return
    }
    let names = choices.map { $0.typeName }
    guard case .string(let name) = value, let chosen = choices.first(where: { $0.typeName == name }) else {
      let suggestion: String? = if case .string(let name) = value { nearestName(to: name, among: names) } else { nil }
      throw ConfigProblem(
        path: "target", reason: "\(value.kind) is given; it must be one of \(names.joined(separator: ", "))",
        suggestion: suggestion)
    }
    // Naming what is there already is no reason to forget how it is set.
    if chosen != target { retarget(chosen) }
  }
}

/// Alternatives under names, of which a configuration selects.
package struct ConfigRegistry: Sendable {
  package struct Entry: Sendable {
    package let name: String
    package let doc: String
    package let makeConfig: @Sendable () -> any Config
    /// The task to make; `nil` for alternatives that are no tasks.
    package let target: (any Task.Type)?
  }

  /// In the order in which they were entered.
  package private(set) var entries: [Entry] = []

  package init() {}

  /// Enters an alternative that is known by its configuration.
  ///
  /// - Precondition: the name is new.
  package mutating func register(_ name: String, _ config: any Config.Type, doc: String) {
    register(Entry(name: name, doc: doc, makeConfig: { config.init() }, target: nil))
  }

  /// Enters a task.
  ///
  /// - Precondition: the name is new.
  package mutating func register(_ name: String, _ task: any Task.Type, doc: String) {
    register(Entry(name: name, doc: doc, makeConfig: { task.configClass.init() }, target: task))
  }

  private mutating func register(_ entry: Entry) {
    precondition(!entries.contains { $0.name == entry.name }, "the registry has \(entry.name) already")
    entries.append(entry)
  }

  /// A field that selects one.
  package func makeField(_ doc: String, default name: String) -> RegistryField {
    RegistryField(self, selected: [name], isMulti: false, doc: doc)
  }

  /// A field that selects several.
  package func makeField(_ doc: String, default names: [String]) -> RegistryField {
    RegistryField(self, selected: names, isMulti: true, doc: doc)
  }
}

/// A field that holds a configuration for each alternative of a registry, and which are selected.
///
/// In YAML the alternatives' fields stand under their names; `name: AL` selects one, `names: [a, b]` several.
package struct RegistryField: Sendable {
  package let registry: ConfigRegistry
  package let doc: String
  package let isMulti: Bool
  package private(set) var names: [String]
  private var configs: [String: any Config]

  init(_ registry: ConfigRegistry, selected: [String], isMulti: Bool, doc: String) {
    precondition(selected.allSatisfy { name in registry.entries.contains { $0.name == name } }, "not in the registry")
    self.registry = registry
    self.doc = doc
    self.isMulti = isMulti
    names = selected
    configs = Dictionary(uniqueKeysWithValues: registry.entries.map { ($0.name, $0.makeConfig()) })
  }

  /// The selected alternative of a field that selects one.
  package var name: String { names.first ?? "" }

  /// The selected configuration of a field that selects one.
  package var active: any Config { configs[name] ?? registry.entries[0].makeConfig() }

  /// The configuration of an alternative, selected or not.
  package subscript(name: String) -> (any Config)? { configs[name] }

  /// Selects.
  ///
  /// - Throws: ``ConfigProblem`` for an alternative that is not there or is named twice.
  package mutating func select(_ names: [String]) throws(ConfigProblem) {
    let known = registry.entries.map(\.name)
    for (i, name) in names.enumerated() {
      guard known.contains(name) else {
        throw ConfigProblem(
          path: isMulti ? "names" : "name",
          reason: "\"\(name)\" is given; it must be one of \(known.joined(separator: ", "))",
          suggestion: nearestName(to: name, among: known))
      }
      guard !names[..<i].contains(name) else { throw ConfigProblem(path: "names", reason: "\(name) is named twice") }
    }
    self.names = names
  }

  /// Changes the configuration of an alternative as the type that it has.
  ///
  /// - Throws: ``ConfigProblem`` when there is none of this type.
  package mutating func update<C: Config>(
    _ name: String, _: C.Type = C.self, _ body: (inout C) -> Void
  ) throws(ConfigProblem) {
    guard var config = configs[name] as? C else {
      throw ConfigProblem(path: name, reason: "there is no configuration of type \(C.self)")
    }
    body(&config)
    configs[name] = config
  }

  var tree: ConfigTree {
    let known = registry.entries.map(\.name).joined(separator: ", ")
    let selection =
      isMulti
      ? ConfigTree.ConfigLeaf(
        value: .list(names.map { .string($0) }), typeName: "list of names", requirement: "of \(known)")
      : ConfigTree.ConfigLeaf(value: .string(name), typeName: "name", requirement: "one of \(known)")
    return .group(
      [(isMulti ? "names" : "name", "which of the following is used", .leaf(selection))]
        + registry.entries.map { ($0.name, $0.doc, configs[$0.name]?.tree ?? .group([])) })
  }

  mutating func set(_ path: ArraySlice<String>, to value: ConfigValue) throws(ConfigProblem) {
    guard let first = path.first, first != "name", first != "names" else {
      guard path.count <= 1 else {
        throw ConfigProblem(path: path.joined(separator: "."), reason: "a name has no fields")
      }
      switch value {
      case .string(let name) where !isMulti: try select([name])
      case .list(let values) where isMulti:
        var names: [String] = []
        for item in values {
          guard case .string(let name) = item else {
            throw ConfigProblem(path: "names", reason: "\(item.kind) is given; it must be a name")
          }
          names.append(name)
        }
        try select(names)
      default:
        throw ConfigProblem(
          path: isMulti ? "names" : "name",
          reason: "\(value.kind) is given; it must be \(isMulti ? "a list of names" : "a name")")
      }
      return
    }
    guard var config = configs[first] else {
      let known = registry.entries.map(\.name) + [isMulti ? "names" : "name"]
      throw ConfigProblem(
        path: first, reason: "there is no such alternative; there are \(known.joined(separator: ", "))",
        suggestion: nearestName(to: first, among: known))
    }
    do throws(ConfigProblem) {
      try config.set(path.dropFirst(), to: value)
    } catch {
      throw error.inside(first)
    }
    configs[first] = config
  }

  /// Only what is selected has to be right.
  func check() throws(ConfigProblem) {
    guard isMulti || names.count == 1 else { throw ConfigProblem(path: "name", reason: "nothing is selected") }
    for name in names {
      do throws(ConfigProblem) {
        try configs[name]?.validateAll()
      } catch {
        throw error.inside(name)
      }
    }
  }
}

extension ConfigField where Root: Config {
  /// A subtask.
  package static func subtask(
    _ name: String, _ path: ConfigPath<Root, ConfigurableField>
  ) -> ConfigField {
    ConfigField(
      name: name, doc: Root()[keyPath: path].doc, read: { $0[keyPath: path].tree },
      assign: { root, rest, value throws(ConfigProblem) in try root[keyPath: path].set(rest, to: value) },
      check: { root throws(ConfigProblem) in try root[keyPath: path].value.validateAll() },
      maker: { .configurable($0[keyPath: path]) })
  }

  /// A choice from a registry.
  package static func registry(
    _ name: String, _ path: ConfigPath<Root, RegistryField>
  ) -> ConfigField {
    ConfigField(
      name: name, doc: Root()[keyPath: path].doc, read: { $0[keyPath: path].tree },
      assign: { root, rest, value throws(ConfigProblem) in try root[keyPath: path].set(rest, to: value) },
      check: { root throws(ConfigProblem) in try root[keyPath: path].check() },
      maker: { .registry($0[keyPath: path]) })
  }
}

/// What a field of a configuration makes subtasks of.
enum SubtaskMaker {
  case configurable(ConfigurableField)
  case registry(RegistryField)
}

extension Config {
  /// What a field makes subtasks of; `nil` when there is no such field, `.some(nil)` when it makes none.
  func subtaskMaker(_ name: String) -> SubtaskMaker?? {
    guard let field = Self.fields.first(where: { $0.name == name }) else { return nil }
    return .some(field.maker?(self))
  }
}
