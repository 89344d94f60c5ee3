// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of a job file.

internal import Catalogs
internal import TaskFramework

/// The keys of a job file with their lines.
struct JobKeys {
  private let entries: [String: ConfigValue.Entry]
  private let whole: ConfigOrigin

  static let known = ["repository", "run", "select", "template", "pipeline", "config", "retain", "execution"]

  /// - Throws: ``TaskFramework/ConfigError`` for a key that no job has.
  init(_ value: ConfigValue, _ origin: ConfigOrigin) throws(ConfigError) {
    guard case .mapping(let list) = value else {
      throw ConfigError(
        origin: origin, path: "",
        reason: "\(value.kind) is given; a job is a mapping with the keys \(Self.known.joined(separator: ", "))")
    }
    for entry in list where !Self.known.contains(entry.key) {
      throw ConfigError(
        origin: origin.at(line: entry.line), path: entry.key,
        reason: "there is no such key; the keys are \(Self.known.joined(separator: ", "))",
        suggestion: nearestName(to: entry.key, among: Self.known))
    }
    whole = origin
    entries = Dictionary(list.map { ($0.key, $0) }) { first, _ in first }
  }

  subscript(key: String) -> ConfigValue { entries[key]?.value ?? .null }

  func origin(_ key: String) -> ConfigOrigin { whole.at(line: entries[key]?.line) }

  func error(_ key: String, _ reason: String) -> ConfigError {
    ConfigError(origin: origin(key), path: key, reason: reason)
  }

  func text(_ key: String) throws(ConfigError) -> String {
    switch self[key] {
    case .string(let text) where !text.isEmpty: return text
    case .integer(let number): return "\(number)"
    case .null: throw error(key, "it is missing")
    case let other: throw error(key, "\(other.kind) is given; it must be text")
    }
  }

  /// The visits of the template, and whether they are subtracted too.
  func template() throws(ConfigError) -> (Selection?, Bool) {
    guard case .mapping(let list) = self["template"] else {
      if self["template"] == .null { return (nil, false) }
      throw error("template", "\(self["template"].kind) is given; it must be a mapping such as { visit: 100..115 }")
    }
    var allowsSelf = false
    if let entry = list.first(where: { $0.key == "allowSelf" }) {
      guard case .boolean(let flag) = entry.value else {
        throw ConfigError(
          origin: whole.at(line: entry.line), path: "template.allowSelf",
          reason: "\(entry.value.kind) is given; it must be true or false")
      }
      allowsSelf = flag
    }
    let rest = list.filter { $0.key != "allowSelf" }
    guard !rest.isEmpty else { return (nil, allowsSelf) }
    // Whether an exposure is in the template does not depend on the patch, so tract and patch would say nothing.
    let known = [Dimension.visit, .detector, .band].map(\.rawValue) + ["allowSelf"]
    for entry in rest where !known.contains(entry.key) {
      throw ConfigError(
        origin: whole.at(line: entry.line), path: "template.\(entry.key)",
        reason: "exposures are put into the template by visit, detector and band; there is allowSelf besides",
        suggestion: nearestName(to: entry.key, among: known))
    }
    return (try Selection(.mapping(rest), key: "template", from: origin("template")), allowsSelf)
  }

  /// The tasks: names, or `{label: task}` for a task under another name.
  func pipeline(_ registry: TaskRegistry) throws(ConfigError) -> [PipelineEntry] {
    guard case .list(let items) = self["pipeline"], !items.isEmpty else {
      throw error("pipeline", "\(self["pipeline"].kind) is given; it must be a list of tasks")
    }
    var result: [PipelineEntry] = []
    for item in items {
      let (label, task): (String, String)
      switch item {
      case .string(let name): (label, task) = (name, name)
      case .mapping(let entries):
        guard entries.count == 1, case .string(let name) = entries[0].value else {
          throw error("pipeline", "an entry must be a task, or a label with one task behind it")
        }
        (label, task) = (entries[0].key, name)
      default: throw error("pipeline", "\(item.kind) is given; it must be a task's name")
      }
      guard let type = registry[task] else {
        let problem = registry.problem(with: task)
        throw ConfigError(
          origin: origin("pipeline"), path: "pipeline", reason: problem.reason, suggestion: problem.suggestion)
      }
      guard Field.isName(label) else { throw error("pipeline", "\"\(label)\" is no label: letters, digits and _") }
      guard !result.contains(where: { $0.label == label }) else {
        throw error("pipeline", "\(label) is there twice; give one a label of its own, as in - again: \(task)")
      }
      result.append(PipelineEntry(label: label, type: type))
    }
    for entry in result {
      for step in entry.type.precedingSteps where !result.contains(where: { $0.type == step }) {
        let place = result.firstIndex { $0.label == entry.label } ?? 0
        result.insert(PipelineEntry(label: step.defaultName ?? step.typeName, type: step), at: place)
      }
    }
    return result
  }

  func retain() throws(ConfigError) -> Set<String>? {
    switch self["retain"] {
    case .null: return nil
    case .list(let items):
      var names: Set<String> = []
      for item in items {
        guard case .string(let name) = item else {
          throw error("retain", "\(item.kind) is given; it must be the name of a dataset type")
        }
        names.insert(name)
      }
      return names
    case let other: throw error("retain", "\(other.kind) is given; it must be a list of dataset types")
    }
  }
}
