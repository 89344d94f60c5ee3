// SPDX-License-Identifier: GPL-3.0-or-later
// What is to be done.

internal import Catalogs
internal import Foundation
internal import Repository
package import TaskFramework

/// What is to be done: a job file with everything that it leaves open filled in.
package struct Job: Sendable {
  /// The input repository's folder, absolute.
  package var repository: String
  /// The run's name: a folder under `runs` of the repository.
  package var run: String
  package var selection: Selection
  /// What the job file selects, of which the command line may take a part.
  package var wholeSelection: Selection
  /// More selections: what any of them selects is wanted too.
  package var alternatives: [Selection] = []
  /// The visits that templates are made of; `nil` when the job says nothing of them.
  package var template: Selection?
  /// Whether visits of the template are subtracted too.
  package var allowsSelf: Bool
  package var pipeline: [PipelineEntry]
  package var configs: ConfigSet
  /// Dataset types whose files stay; `nil` for all.
  package var retain: Set<String>?
  /// Where they are named.
  package var retainOrigin: ConfigOrigin
  package var execution: ExecutionConfig
  /// Tasks whose metadata get files of their own, `LABEL_metadata`, also of quanta that fail.
  package var writesMetadata: Set<String> = []
  /// What the job file says about the lot, to be shown and kept.
  package var origin: String

  /// Whether a name can be that of a run, which is a folder's.
  package static func isRunName(_ name: String) -> Bool { (try? DataID([.band: .name(name)])) != nil }

  /// The folder of the run.
  package var runFolder: String { "\(repository)/runs/\(run)" }

  /// What the command line adds to a job file.
  package struct Overrides: Sendable {
    /// `task:field=value`.
    package var settings: [String] = []
    package var configFiles: [String] = []
    package var selection: String?
    package var timeout: Double?
    package var run: String?

    package init() {}
  }

  /// Reads a job file; settings take precedence in the order command line, job file, instrument, default.
  ///
  /// - Throws: ``TaskFramework/ConfigError`` with line and key for anything that is unknown or out of range, and what opening the
  ///   repository throws.
  package init(file: String, _ registry: TaskRegistry, _ overrides: Overrides = .init()) throws {
    let value: ConfigValue
    do throws(YAMLError) {
      value = try YAMLText.parse(try ConfigSet.text(ofFile: file))
    } catch {
      throw ConfigError(origin: .file(file, line: error.line), path: "", reason: error.reason)
    }
    try self.init(value, from: .file(file, line: nil), name: file, registry, overrides)
  }

  /// The same from what has been read already.
  package init(
    _ value: ConfigValue, from origin: ConfigOrigin, name: String, _ registry: TaskRegistry,
    _ overrides: Overrides = .init()
  ) throws {
    let keys = try JobKeys(value, origin)
    self.origin = name
    repository = absolutePath(try keys.text("repository"))
    run = try overrides.run ?? keys.text("run")
    guard Self.isRunName(run) else {
      throw keys.error("run", "\"\(run)\" cannot be a folder's name; it must be 1 to 64 letters, digits, _, -, + or .")
    }
    selection = try Selection(keys["select"], key: "select", from: keys.origin("select"))
    wholeSelection = selection
    if let text = overrides.selection { selection = selection.narrowed(by: try Selection(parsing: text)) }
    (template, allowsSelf) = try keys.template()
    pipeline = try keys.pipeline(registry)

    let input = try InputRepository(describing: repository)
    configs = ConfigSet(pipeline.map { ($0.label, $0.type.configClass.init()) })
    try configs.apply(
      input.overridesOfTasks(named: Set(pipeline.map(\.label))),
      from: .instrument(file: "\(repository)/repository.yaml", line: nil))
    for entry in pipeline { try configs.applyOverrides(of: entry.type, label: entry.label) }
    try configs.apply(keys["config"], from: keys.origin("config"))
    for path in overrides.configFiles { try configs.apply(file: path) }
    for setting in overrides.settings { try configs.apply(argument: setting) }
    try configs.freeze()

    var execution = LoadedConfig("execution", ExecutionConfig())
    try execution.apply(keys["execution"], from: keys.origin("execution"))
    if let timeout = overrides.timeout {
      try execution.set("timeout", to: .number(timeout), from: .commandLine("--timeout \(timeout)"))
    }
    try execution.freeze()
    self.execution = execution.config as? ExecutionConfig ?? ExecutionConfig()
    retain = try keys.retain()
    retainOrigin = keys.origin("retain")
    writesMetadata = Set(pipeline.map(\.label).filter { [retain] in retain?.contains("\($0)_metadata") == true })
  }

  /// A job that no file describes.
  package init(
    repository: String, run: String, pipeline: [PipelineEntry], configs: ConfigSet, selection: Selection = .init(),
    execution: ExecutionConfig = .init(), origin: String
  ) {
    self.repository = absolutePath(repository)
    self.run = run
    self.pipeline = pipeline
    self.configs = configs
    self.selection = selection
    wholeSelection = selection
    self.execution = execution
    self.origin = origin
    template = nil
    allowsSelf = true
    retain = nil
    retainOrigin = .code(origin)
  }
}

/// A path from the root on; `~` is the user's home.
package func absolutePath(_ path: String) -> String {
  let expanded = (path as NSString).expandingTildeInPath
  let whole = expanded.hasPrefix("/") ? expanded : FileManager.default.currentDirectoryPath + "/" + expanded
  return (whole as NSString).standardizingPath
}

extension Selection {
  /// What both select.
  func narrowed(by other: Selection) -> Selection {
    var result = self
    for (dimension, wanted) in other.values { result.intersect(dimension, wanted) }
    return result
  }
}

extension InputRepository {
  /// The instrument's overrides of the tasks that a job has; those of others do not matter to it.
  fileprivate func overridesOfTasks(named labels: Set<String>) -> ConfigValue {
    guard case .mapping(let entries) = overrides else { return overrides }
    return .mapping(entries.filter { labels.contains($0.key) })
  }
}
