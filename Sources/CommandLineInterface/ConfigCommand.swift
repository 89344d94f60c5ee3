// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff config

internal import ArgumentParser
internal import BackgroundMatching
internal import Campaign
internal import Catalogs
internal import ImageDifferencing
internal import Pipeline
internal import Repository
internal import SingleFrame
internal import TaskFramework

/// Where settings come from besides their defaults.
struct ConfigOptions: ParsableArguments {
  @Option(
    name: [.customShort("C"), .customLong("config-file")],
    help: ArgumentHelp("A YAML file of settings: tasks, and under each its fields. May be repeated.", valueName: "file")
  )
  var configFiles: [String] = []

  @Option(
    name: [.customShort("c"), .customLong("config")],
    help: ArgumentHelp("One setting, stronger than those of files. May be repeated.", valueName: "task:field=value"))
  var settings: [String] = []

  /// The configurations of all tasks, checked.
  ///
  /// - Parameters:
  ///   - repository: its overrides come before files and settings.
  ///   - own: what a command sets otherwise than the defaults, by task and field; the weakest of all.
  /// - Throws: ``TaskFramework/ConfigError``.
  func load(
    for repository: InputRepository? = nil, with own: KeyValuePairs<String, KeyValuePairs<String, ConfigValue>> = [:],
    reason: String = ""
  ) throws(ConfigError) -> ConfigSet {
    var configs = ConfigSet(knownTasks.map { ($0.defaultName ?? $0.typeName, $0.configClass.init()) })
    for (task, fields) in own {
      let mapping = ConfigValue.mapping(fields.map { .init($0.key, $0.value) })
      try configs.apply(.mapping([.init(task, mapping)]), from: .code(reason))
    }
    if let repository {
      try configs.apply(
        repository.overrides, from: .instrument(file: repository.path + "/repository.yaml", line: nil))
    }
    for file in configFiles { try configs.apply(file: file) }
    for setting in settings { try configs.apply(argument: setting) }
    try configs.freeze()
    return configs
  }
}

/// The tasks that there are.
var knownTasks: [any Task.Type] {
  [IngestTask.self, CharacterizeImageTask.self, DecorrelateALKernelSpatialTask.self, FileForcedTask.self]
    + InstalledTasks.registry.tasks.map { $0.type as any Task.Type }
}

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Check settings, and show every field with its meaning, range and value.",
    discussion: """
      What is shown is YAML that -C reads; a value that is not the default says where it comes from. Files are applied in order, \
      then the settings of the command line.
      """)

  @Argument(help: "The task to show; all when left out.")
  var task: String?

  @OptionGroup var options: ConfigOptions

  func run() throws {
    try reportingErrors {
      let configs = try options.load()
      if let task, configs[task] == nil {
        let labels = configs.configs.map(\.label)
        throw ConfigError(
          origin: .classDefault, path: task,
          reason: "there is no such task; the tasks are \(labels.joined(separator: ", "))",
          suggestion: nearestName(to: task, among: labels))
      }
      for config in configs.configs where task == nil || config.label == task { try output(config.yaml) }
    }
  }
}
