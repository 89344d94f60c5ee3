// SPDX-License-Identifier: GPL-3.0-or-later
// What a run is made with.

internal import Digests
internal import Foundation
internal import Repository
internal import SkyGeometry
package import TaskFramework

/// A run that was begun with another configuration than the job has now.
package struct ConfigurationChange: Error, Hashable, Sendable, CustomStringConvertible {
  package let path: String
  package let differences: [String]

  package init(path: String, differences: [String]) {
    self.path = path
    self.differences = differences
  }

  package var description: String {
    let shown = differences.prefix(20).joined(separator: "; ")
    let more = differences.count > 20 ? "; and \(differences.count - 20) more" : ""
    return "\(path): the run was begun with another configuration: \(shown)\(more). "
      + "Give the job another run name, or --restart to begin this one anew (the old file is kept)"
  }
}

/// `run.yaml`: what a run is made with, written once, compared at every start.
package struct RunDescription {
  /// By label, without what the fields mean.
  let configs: [(label: String, tree: ConfigTree)]
  /// SHA-256 of each schema.
  let schemas: [String: String]
  let skyMapDigest: String
  let software: [String: String]
  private let job: Job

  static let name = "run.yaml"
  static let format = "skydiff run 1"

  package init(_ job: Job, schemas: [String: String], skyMapDigest: String, software: [String: String]) {
    self.job = job
    self.schemas = schemas
    self.skyMapDigest = skyMapDigest
    self.software = software
    configs = job.pipeline.compactMap { entry in
      job.configs[entry.label].map { (entry.label, $0.config.tree.withoutDocs) }
    }
  }

  /// The text of the file.
  ///
  /// - Parameter earlier: what a file that is there already holds, of which nothing is lost.
  package func text(keeping earlier: Earlier?) -> String {
    var lines = [
      "# What this run is made with. It is compared at every start: a task's configuration or a schema that differs is an error.",
      "format: \(ConfigText.quoted(Self.format))",
      "job: \(ConfigText.quoted((job.origin as NSString).lastPathComponent))",
      "skyMap: \(ConfigText.quoted(skyMapDigest))",
      "select: \(ConfigText.quoted(job.wholeSelection.description))",
      "template: \(ConfigText.quoted(job.template?.description ?? "none"))",
      "allowSelf: \(job.allowsSelf)",
      "pipeline: [\(job.pipeline.map { "{ \($0.label): \($0.type.typeName) }" }.joined(separator: ", "))]",
      "retain: \(job.retain.map { "[\($0.sorted().joined(separator: ", "))]" } ?? "all")",
    ]
    lines.append("schemas:" + (schemas.isEmpty && earlier?.schemas.isEmpty ?? true ? " {}" : ""))
    for (name, digest) in schemas.merging(earlier?.schemas ?? [:], uniquingKeysWith: { own, _ in own }).sorted(by: {
      $0.key < $1.key
    }) {
      lines.append("  \(name): \(ConfigText.quoted(digest))")
    }
    lines.append("software:")
    let names = Set(software.keys).union(earlier?.software.keys.map { $0 } ?? []).sorted()
    for name in names {
      var versions = earlier?.software[name] ?? []
      if let own = software[name], !versions.contains(own) { versions.append(own) }
      lines.append("  \(name): [\(versions.map(ConfigText.quoted).joined(separator: ", "))]")
    }
    lines.append("config:")
    var text = lines.joined(separator: "\n") + "\n"
    for (label, tree) in configs { text += Self.indented(ConfigText.yaml(label, tree)) }
    let own = Set(configs.map(\.label))
    for (label, value) in earlier?.configs ?? [] where !own.contains(label) {
      text += "  \(ConfigText.quoted(label)): \(ConfigText.inline(value))\n"
    }
    return text
  }

  private static func indented(_ yaml: String) -> String {
    yaml.split(separator: "\n").map { "  \($0)\n" }.joined()
  }

  /// What an earlier `run.yaml` says.
  package struct Earlier {
    package private(set) var configs: [(label: String, value: ConfigValue)] = []
    package private(set) var schemas: [String: String] = [:]
    package private(set) var software: [String: [String]] = [:]
    package private(set) var skyMapDigest = ""
    /// The type of each task, by label.
    package private(set) var taskTypes: [String: String] = [:]

    /// - Throws: ``TaskFramework/ConfigError`` for a file that is none of ours.
    package init(_ path: String) throws(ConfigError) {
      let value: ConfigValue
      do throws(YAMLError) {
        value = try YAMLText.parse(try ConfigSet.text(ofFile: path))
      } catch {
        throw ConfigError(origin: .file(path, line: error.line), path: "", reason: error.reason)
      }
      func entries(_ value: ConfigValue?) -> [ConfigValue.Entry] {
        if case .mapping(let entries) = value { entries } else { [] }
      }
      let all = Dictionary(entries(value).map { ($0.key, $0.value) }) { first, _ in first }
      guard all["format"] == .string(RunDescription.format) else {
        throw ConfigError(
          origin: .file(path, line: nil), path: "format",
          reason: "the file describes no run that this program knows; --restart puts it aside and begins the run anew")
      }
      if case .string(let digest) = all["skyMap"] { skyMapDigest = digest }
      if case .list(let items) = all["pipeline"] {
        for entry in items.flatMap(entries) { if case .string(let name) = entry.value { taskTypes[entry.key] = name } }
      }
      configs = entries(all["config"]).map { ($0.key, $0.value) }
      for entry in entries(all["schemas"]) { if case .string(let text) = entry.value { schemas[entry.key] = text } }
      for entry in entries(all["software"]) {
        if case .list(let values) = entry.value {
          software[entry.key] = values.compactMap { if case .string(let text) = $0 { text } else { nil } }
        }
      }
    }
  }

  /// What differs from an earlier description in a way that changes results.
  package func differences(from earlier: Earlier) -> [String] {
    var result: [String] = []
    if earlier.skyMapDigest != skyMapDigest { result.append("the repository's sky map is another") }
    for entry in job.pipeline {
      if let old = earlier.taskTypes[entry.label], old != entry.type.typeName {
        result.append("\(entry.label) was a \(old), is a \(entry.type.typeName)")
      }
    }
    for (label, value) in earlier.configs {
      guard let entry = job.pipeline.first(where: { $0.label == label }), let now = job.configs[label]?.config else {
        continue
      }
      var then = LoadedConfig(label, entry.type.configClass.init())
      do throws(ConfigError) {
        try then.apply(value, from: .file(Self.name, line: nil))
      } catch {
        result.append("\(label) cannot be compared (\(error.reason))")
        continue
      }
      for difference in ConfigText.differences(now.tree, then.config.tree) {
        result.append("\(label).\(difference.path) was \(difference.other), is \(difference.own)")
      }
    }
    for (name, digest) in schemas.sorted(by: { $0.key < $1.key }) {
      if let old = earlier.schemas[name], old != digest { result.append("the schema \(name) is another") }
    }
    return result
  }

  /// Versions of software that differ, which changes no more than the last bits.
  package func softwareDifferences(from earlier: Earlier) -> [String] {
    software.sorted { $0.key < $1.key }.compactMap { name, version in
      guard let last = earlier.software[name]?.last, last != version else { return nil }
      return "\(name) \(last) → \(version)"
    }
  }
}
