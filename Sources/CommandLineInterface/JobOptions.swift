// SPDX-License-Identifier: GPL-3.0-or-later
// What commands about jobs have in common.

internal import ArgumentParser
internal import Campaign
internal import TaskFramework

/// A job file and what the command line changes of it.
struct JobOptions: ParsableArguments {
  @Argument(help: "The job file (YAML).", completion: .file(extensions: ["yaml", "yml"]))
  var job: String

  @Option(
    name: [.customShort("C"), .customLong("config-file")],
    help: ArgumentHelp("A YAML file of settings: tasks, and under each its fields. May be repeated.", valueName: "file")
  )
  var configFiles: [String] = []

  @Option(
    name: [.customShort("c"), .customLong("config")],
    help: ArgumentHelp("One setting, stronger than those of files. May be repeated.", valueName: "task:field=value"))
  var settings: [String] = []

  @Option(
    help: ArgumentHelp(
      "Take only a part of what the job selects: \"visit=100..110 band=g,r\".", valueName: "expression"))
  var select: String?

  @Option(help: ArgumentHelp("The run's name, in place of the job's.", valueName: "name"))
  var run: String?

  @Option(
    help: ArgumentHelp(
      "Use results of another run of the repository where they are what this job would make. May be repeated.",
      valueName: "run"))
  var skipExistingIn: [String] = []

  @Flag(help: "Begin the run anew; the old record is kept beside it.")
  var restart = false

  @Flag(help: "Try again what is in quarantine: work whose rank died, or whose time ran out, too often.")
  var retryQuarantined = false

  /// What commands about a run ask of it.
  var campaignOptions: CampaignOptions {
    var campaign = CampaignOptions()
    campaign.restarts = restart
    campaign.skipExistingIn = skipExistingIn
    campaign.retriesQuarantined = retryQuarantined
    return campaign
  }

  func load(timeout: Double? = nil) throws -> Job {
    var overrides = Job.Overrides()
    overrides.settings = settings
    overrides.configFiles = configFiles
    overrides.selection = select
    overrides.run = run
    overrides.timeout = timeout
    return try Job(file: job, InstalledTasks.registry, overrides)
  }
}
