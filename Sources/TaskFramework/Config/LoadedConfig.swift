// SPDX-License-Identifier: GPL-3.0-or-later
// A configuration and where its values came from.

/// A task's configuration while it is put together: each value remembers where it came from.
///
/// Settings are applied in the order of precedence, the strongest last: defaults, environment, instrument, job file, command line.
package struct LoadedConfig: Sendable {
  /// What someone set, and where.
  package struct Entry: Hashable, Sendable {
    package let value: String
    package let origin: ConfigOrigin
  }

  /// What errors and files call the task.
  package let label: String
  package private(set) var config: any Config
  /// By path, oldest first; without the defaults.
  package private(set) var history: [String: [Entry]] = [:]
  private var isFrozen = false

  package init(_ label: String, _ config: any Config) {
    self.label = label
    self.config = config
  }

  /// Sets one field.
  ///
  /// - Throws: ``ConfigError`` with the origin, the path and what is allowed.
  package mutating func set(_ path: String, to value: ConfigValue, from origin: ConfigOrigin) throws(ConfigError) {
    let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    try set(parts, value, origin)
  }

  /// Sets the fields that a mapping names, also nested and dotted ones.
  ///
  /// In each mapping `target`, `name` and `names` are applied first: they reset or select what the others set.
  ///
  /// - Throws: ``ConfigError``.
  package mutating func apply(_ mapping: ConfigValue, from origin: ConfigOrigin) throws(ConfigError) {
    switch mapping {
    case .mapping(let entries): try apply(entries, under: [], origin)
    case .null: return
    default:
      throw ConfigError(
        origin: origin, path: label, reason: "\(mapping.kind) is given; it must be a mapping of fields to values")
    }
  }

  private mutating func apply(
    _ entries: [ConfigValue.Entry], under path: [String], _ origin: ConfigOrigin
  ) throws(ConfigError) {
    let selectors: Set<String> = ["target", "name", "names"]
    for entry in entries.filter({ selectors.contains($0.key) }) + entries.filter({ !selectors.contains($0.key) }) {
      let place = origin.at(line: entry.line)
      let full = path + entry.key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      if case .mapping(let inner) = entry.value, case .group = config.tree.subtree(full[...]) {
        try apply(inner, under: full, place)
      } else {
        try set(full, entry.value, place)
      }
    }
  }

  private mutating func set(_ path: [String], _ value: ConfigValue, _ origin: ConfigOrigin) throws(ConfigError) {
    let name = path.joined(separator: ".")
    guard !isFrozen else {
      throw ConfigError(
        origin: origin, path: "\(label).\(name)", reason: "the configuration is in use and cannot be changed")
    }
    do throws(ConfigProblem) {
      try config.set(path[...], to: value)
    } catch {
      throw ConfigError(error.inside(label), origin: origin)
    }
    if path.last == "target" {
      // The new task starts from its defaults.
      let prefix = path.dropLast().joined(separator: ".") + "."
      history = history.filter { !$0.key.hasPrefix(prefix) }
    }
    history[name, default: []].append(Entry(value: ConfigText.inline(value), origin: origin))
  }

  /// Checks everything; from then on nothing can be set.
  ///
  /// - Throws: ``ConfigError`` that names where the value at fault came from.
  package mutating func freeze() throws(ConfigError) {
    do throws(ConfigProblem) {
      try config.validateAll()
    } catch {
      throw ConfigError(error.inside(label), origin: origins[error.path] ?? .classDefault)
    }
    isFrozen = true
  }

  /// Where each value that is not a default came from, by path.
  package var origins: [String: ConfigOrigin] { history.compactMapValues { $0.last?.origin } }

  /// Every value of a field that was ever set, oldest first, with its origin.
  package func formattedHistory(of path: String) -> [String] {
    (history[path] ?? []).map { "\(path) = \($0.value)  # \($0.origin)" }
  }

  /// YAML with the meaning of every field and the origin of what is not the default.
  package var yaml: String { ConfigText.yaml(label, config.tree, origins: origins) }
}
