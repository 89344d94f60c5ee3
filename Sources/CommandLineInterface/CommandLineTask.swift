// SPDX-License-Identifier: GPL-3.0-or-later
// A task with a command line of its own.

package import ArgumentParser
package import Campaign
internal import Foundation
internal import Repository
package import TaskFramework

/// The arguments of a task that is run by itself (framework C.11).
package struct TaskArguments: ParsableArguments {
  @Argument(help: "The input repository.", completion: .directory)
  package var input: String

  @Option(
    name: [.long, .customLong("rerun")],
    help: ArgumentHelp("The run to write, under the repository's runs.", valueName: "run"))
  package var output: String?

  @Option(
    name: .long, parsing: .upToNextOption,
    help: ArgumentHelp(
      "Data: visit=100^103..109:2 detector=0..3; every combination. Several --id are taken together.",
      valueName: "key=values"))
  package var id: [String] = []

  @Option(
    name: [.customShort("c"), .customLong("config")],
    help: ArgumentHelp("One setting. May be repeated.", valueName: "field=value"))
  package var settings: [String] = []

  @Option(
    name: [.customShort("C"), .customLong("configfile")],
    help: ArgumentHelp("A YAML file of the task's settings.", valueName: "file"))
  package var configFiles: [String] = []

  @Option(name: [.customShort("t"), .long], help: ArgumentHelp("Seconds for each data ID.", valueName: "seconds"))
  package var timeout = 2_592_000.0

  @Option(name: [.customShort("j"), .long], help: .hidden)
  package var processes = 1

  @Option(
    name: .long, parsing: .upToNextOption, help: "Show config, data or tasks, and do nothing unless run is there too.")
  package var show: [String] = []

  @Flag(name: .customLong("doraise"), help: "End at the first failure with its message.")
  package var doRaise = false

  @Flag(name: .customLong("noExit"), help: "Do not turn failures into an exit status.")
  package var noExit = false

  @Flag(name: .customLong("clobber-config"), help: "Replace a configuration that is there; the old one is kept.")
  package var clobberConfig = false

  package init() {}
}

/// What ``TaskFramework/PipelineTask`` gives back when it has parsed its command line and run.
package struct ParsedRun {
  package let argumentParser: TaskArguments.Type
  package let parsedCmd: TaskArguments
  package let taskRunner: TaskRunner
  package let resultList: [TaskResult]

  /// 0, or the number of failures up to 125: a number beyond 255 would come out as another one, 256 as success.
  package var exitStatus: Int32 {
    parsedCmd.noExit ? 0 : Int32(min(125, resultList.count { $0.exitStatus != 0 }))
  }
}

extension PipelineTask {
  /// Parses a command line and runs the task on what it selects, in this process.
  ///
  /// Settings are applied in the order of precedence: `config` or the defaults, the instrument's overrides, `applyOverrides`, files, and
  /// single settings.
  ///
  /// - Parameters:
  ///   - args: without the program's name; the process's own when left out.
  ///   - config: in place of the defaults.
  ///   - doReturnResults: whether results name the datasets that were written.
  /// - Throws: a `ValidationError` or an error of the parser for a command line that makes no sense, and what a campaign throws before it
  ///   begins.
  package static func parseAndRun(
    args: [String]? = nil, config: (any Config)? = nil, doReturnResults: Bool = false
  ) throws -> ParsedRun {
    let arguments = try TaskArguments.parse(args ?? Array(CommandLine.arguments.dropFirst()))
    let runner = try TaskRunner(
      job(arguments, config), options(arguments), doRaise: arguments.doRaise, doReturnResults: doReturnResults)
    if try shows(arguments, runner) {
      return ParsedRun(argumentParser: TaskArguments.self, parsedCmd: arguments, taskRunner: runner, resultList: [])
    }
    if arguments.clobberConfig, RunReport.exists(runner.job.runFolder) { try runner.writeConfig(clobber: true) }
    let results = try runner.run(environment: ProcessInfo.processInfo.environment)
    return ParsedRun(argumentParser: TaskArguments.self, parsedCmd: arguments, taskRunner: runner, resultList: results)
  }

  private static func options(_ arguments: TaskArguments) -> CampaignOptions {
    var options = CampaignOptions()
    options.progress = .log
    return options
  }

  private static func job(_ arguments: TaskArguments, _ config: (any Config)?) throws -> Job {
    let label = defaultName ?? typeName
    let repository = try InputRepository(describing: absolutePath(arguments.input))
    var configs = ConfigSet([(label, config ?? configClass.init())])
    if case .mapping(let entries) = repository.overrides {
      try configs.apply(
        .mapping(entries.filter { $0.key == label }),
        from: .instrument(file: "\(repository.path)/repository.yaml", line: nil))
    }
    try configs.applyOverrides(of: self, label: label)
    for file in arguments.configFiles { try configs.apply(file: file) }
    for setting in arguments.settings { try configs.apply(argument: "\(label):\(setting)") }
    try configs.freeze()
    let selections = try selections(arguments)
    let run = arguments.output ?? label
    guard Job.isRunName(run) else {
      throw ValidationError("--output \(run): a run's name must be 1 to 64 letters, digits, _, -, + or .")
    }
    var execution = ExecutionConfig()
    guard arguments.timeout > 0, arguments.timeout <= 2_592_000 else {
      throw ValidationError("--timeout \(arguments.timeout): it must be above 0, at most 2592000.")
    }
    execution.timeout = arguments.timeout
    var job = Job(
      repository: repository.path, run: run, pipeline: [PipelineEntry(label: label, type: self)],
      configs: configs, selection: selections.first ?? Selection(), execution: execution, origin: label)
    job.alternatives = Array(selections.dropFirst())
    return job
  }

  /// `--id visit=1 detector=2 --id visit=3` comes as one list; a key that is there already begins another selection.
  private static func selections(_ arguments: TaskArguments) throws -> [Selection] {
    var groups: [[String]] = []
    var keys: Set<Substring> = []
    for part in arguments.id {
      let key = part.prefix { $0 != "=" }
      if groups.isEmpty || keys.contains(key) {
        groups.append([])
        keys = []
      }
      keys.insert(key)
      groups[groups.count - 1].append(part)
    }
    return try groups.map { try Selection(parsing: $0.joined(separator: " "), flag: "--id") }
  }

  /// - Returns: whether that was all.
  private static func shows(_ arguments: TaskArguments, _ runner: TaskRunner) throws -> Bool {
    for item in arguments.show {
      switch item {
      case "config": for config in runner.job.configs.configs { try output(config.yaml) }
      case "data": for target in try runner.targetList() { try output("\(target)\n") }
      case "tasks": for name in try runner.taskNames() { try output(name + "\n") }
      case "run": continue
      default: throw ValidationError("--show \(item): it must be config, data, tasks or run.")
      }
    }
    return !arguments.show.isEmpty && !arguments.show.contains("run")
  }
}

/// The command `skydiff task`.
struct TaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Run one task by itself on data of a repository, with a command line as command-line tasks have it.",
    discussion: "Exit status 0, or the number of data IDs that failed (125 for more).")

  @Argument(help: "The task.")
  var task: String

  @Argument(
    parsing: .captureForPassthrough,
    help: "REPOSITORY [--output RUN] [--id visit=100^103..109 …] [-c field=value …]; TASK -h lists them.")
  var arguments: [String] = []

  func run() throws {
    guard let type = InstalledTasks.registry[task] else {
      let names = InstalledTasks.registry.tasks.map(\.name)
      throw ValidationError(
        "There is no task \(task)" + (names.isEmpty ? " yet." : "; the tasks are \(names.joined(separator: ", "))."))
    }
    // What the task's own parser has to say, help included, is said in its words.
    do {
      _ = try TaskArguments.parse(arguments)
    } catch {
      let code = TaskArguments.exitCode(for: error)
      // The parser does not know under which name it is called.
      let text = TaskArguments.fullMessage(for: error).replacing("task_arguments", with: "skydiff task \(task)")
      if code == .success { try output(text + "\n") } else { say(TaskArguments.message(for: error)) }
      throw code
    }
    try reportingErrors {
      let parsed = try type.parseAndRun(args: arguments)
      for result in parsed.resultList where result.exitStatus != 0 { say("\(result.dataRef): \(result.message)") }
      if parsed.exitStatus != 0 { throw ExitCode(parsed.exitStatus) }
    }
  }
}
