// SPDX-License-Identifier: GPL-3.0-or-later
// Dataset types that a configuration renames.

/// What a configuration says of a task's connections: values of templates and whole names of dataset types.
///
/// In YAML they stand under `connections`: `connections: { coaddName: goodSeeing, science: pvi }`, or as a path,
/// `connections.coaddName`. Whether a task has such a template or connection is known once its connections are resolved.
package struct ConnectionNames: Hashable, Sendable {
  /// By template or connection.
  package private(set) var values: [String: String] = [:]

  package init(_ values: [String: String] = [:]) { self.values = values }

  var tree: ConfigTree {
    .group(
      values.sorted { $0.key < $1.key }.map { key, value in
        (key, "", .leaf(.init(value: .string(value), typeName: "name", requirement: "")))
      })
  }

  mutating func set(_ path: ArraySlice<String>, to value: ConfigValue) throws(ConfigProblem) {
    if path.isEmpty, case .mapping(let entries) = value {
      for entry in entries { try set([entry.key], to: entry.value) }
      return
    }
    guard path.count == 1, let name = path.first, case .string(let text) = value else {
      throw ConfigProblem(
        path: path.joined(separator: "."),
        reason: "\(value.kind) is given; it must be the value of a template or the name of a dataset type")
    }
    values[name] = text
  }
}

extension ConfigField where Root: Config {
  /// The names of a task's connections.
  package static func connections(
    _ name: String = "connections", _ path: ConfigPath<Root, ConnectionNames>
  ) -> ConfigField {
    ConfigField(
      name: name, doc: "values of templates in dataset types' names, and whole names", read: { $0[keyPath: path].tree },
      assign: { root, rest, value throws(ConfigProblem) in try root[keyPath: path].set(rest, to: value) },
      check: { _ in })
  }
}

extension Connections {
  /// The connections with the names that a configuration gives.
  ///
  /// - Throws: ``ConnectionsError`` for a name that is neither template nor connection.
  package func resolved(_ names: ConnectionNames) throws(ConnectionsError) -> Connections {
    try resolved(
      templates: names.values.filter { templates[$0.key] != nil },
      names: names.values.filter { templates[$0.key] == nil })
  }
}
