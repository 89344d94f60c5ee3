// SPDX-License-Identifier: GPL-3.0-or-later
// Configurations of several tasks, from files and command lines.

internal import Catalogs
internal import Foundation

/// The configurations of all tasks of a pipeline, by label.
package struct ConfigSet: Sendable {
  package private(set) var configs: [LoadedConfig]

  /// - Parameter tasks: labels and defaults, in the order in which they are shown.
  package init(_ tasks: [(label: String, config: any Config)]) {
    configs = tasks.map { LoadedConfig($0.label, $0.config) }
  }

  package subscript(label: String) -> LoadedConfig? { configs.first { $0.label == label } }

  private func index(of label: String, _ origin: ConfigOrigin) throws(ConfigError) -> Int {
    guard let index = configs.firstIndex(where: { $0.label == label }) else {
      let labels = configs.map(\.label)
      throw ConfigError(
        origin: origin, path: label, reason: "there is no such task; the tasks are \(labels.joined(separator: ", "))",
        suggestion: nearestName(to: label, among: labels))
    }
    return index
  }

  /// Lets a task's class change its configuration, after the instrument's overrides and before those of files.
  ///
  /// - Throws: what the class throws.
  package mutating func applyOverrides(of type: any Task.Type, label: String) throws {
    guard let index = configs.firstIndex(where: { $0.label == label }) else { return }
    try type.applyOverrides(&configs[index])
  }

  /// Applies a mapping of labels to fields, as job files have it under `config:`.
  ///
  /// - Throws: ``ConfigError``.
  package mutating func apply(_ mapping: ConfigValue, from origin: ConfigOrigin) throws(ConfigError) {
    guard case .mapping(let entries) = mapping else {
      if mapping == .null { return }
      throw ConfigError(
        origin: origin, path: "", reason: "\(mapping.kind) is given; it must be a mapping of tasks to fields")
    }
    for entry in entries {
      let place = origin.at(line: entry.line)
      try configs[index(of: entry.key, place)].apply(entry.value, from: place)
    }
  }

  /// Applies a file of such a mapping.
  ///
  /// - Throws: ``ConfigError``, also for a file that cannot be read or is no YAML.
  package mutating func apply(file path: String) throws(ConfigError) {
    let value: ConfigValue
    do throws(YAMLError) {
      value = try YAMLText.parse(try ConfigSet.text(ofFile: path))
    } catch {
      throw ConfigError(origin: .file(path, line: error.line), path: "", reason: error.reason)
    }
    try apply(value, from: .file(path, line: nil))
  }

  /// The text of a configuration file; it is not read further than a configuration may be long.
  ///
  /// - Throws: ``YAMLError``.
  package static func text(ofFile path: String) throws(YAMLError) -> String {
    func failure(_ reason: String) -> YAMLError { YAMLError(line: nil, reason: reason) }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw failure("there is no such file")
    }
    guard !isFolder.boolValue else { throw failure("it is a directory, not a file") }
    guard let handle = FileHandle(forReadingAtPath: path) else { throw failure("it cannot be read: permission denied") }
    defer { try? handle.close() }
    let data: Data
    do {
      data = try handle.read(upToCount: YAMLText.largestSize + 1) ?? Data()
    } catch {
      throw failure("it cannot be read: \(error.localizedDescription)")
    }
    guard data.count <= YAMLText.largestSize else { throw failure("it has more than \(YAMLText.largestSize) bytes") }
    // Some editors begin a text with a mark of its byte order.
    let bytes = Array(data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("it is not text in UTF-8") }
    return text
  }

  /// Applies `task:field=value`, as it is typed behind `-c`.
  ///
  /// - Throws: ``ConfigError``.
  package mutating func apply(argument: String) throws(ConfigError) {
    let origin = ConfigOrigin.commandLine("-c \(argument)")
    guard let equals = argument.firstIndex(of: "="), let colon = argument[..<equals].firstIndex(of: ":"),
      colon != argument.startIndex, argument.index(after: colon) != equals
    else {
      throw ConfigError(origin: origin, path: "", reason: "it must have the form task:field=value")
    }
    let label = String(argument[..<colon])
    let path = String(argument[argument.index(after: colon)..<equals])
    let value = YAMLText.parseValue(String(argument[argument.index(after: equals)...]))
    let index = try index(of: label, origin)
    if case .mapping(let entries) = value {
      try configs[index].apply(.mapping([.init(path, .mapping(entries))]), from: origin)
    } else {
      try configs[index].set(path, to: value, from: origin)
    }
  }

  /// Checks all; from then on nothing can be set.
  ///
  /// - Throws: ``ConfigError``.
  package mutating func freeze() throws(ConfigError) {
    for index in configs.indices { try configs[index].freeze() }
  }
}
