// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff run

internal import ArgumentParser
internal import Campaign
internal import Foundation
internal import MPI
internal import TaskFramework

extension ProgressStyle: ExpressibleByArgument {}

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a job, or go on with it.",
    discussion: """
      Alone, or on any number of ranks: mpirun -n 8 skydiff run JOB, srun --mpi=pmix skydiff run JOB. The same command on a run that was \
      interrupted goes on where it stood; on one that came to its end it tries again what failed.

      SIGUSR1 drains: what runs is finished, and the exit status is 75. SIGTERM and SIGINT end at once; nothing that was recorded is lost.

      Exit status: 0 all done, 1 finished and some quanta failed, 65 the job or the data are wrong, 66 nothing is selected or input is \
      missing, 73 the run is in use, 74 input or output failed, 75 interrupted, the same command goes on, 78 configuration.
      """)

  @OptionGroup var options: JobOptions

  @Flag(help: "End at the first failure.")
  var failFast = false

  @Flag(help: "It is no error when the job selects nothing.")
  var allowEmpty = false

  @Option(help: ArgumentHelp("Seconds for a quantum, in place of the job's.", valueName: "seconds"))
  var timeout: Double?

  @Option(help: "How progress is shown: auto, bar, log, json, none.")
  var progress = ProgressStyle.auto

  @Option(help: .hidden)
  var inject = ""

  @Option(help: .hidden)
  var shuffle: UInt64?

  func validate() throws {
    if let timeout, !(timeout > 0 && timeout.isFinite) {
      throw ValidationError("--timeout \(timeout): it must be above 0.")
    }
    guard FaultInjection(parsing: inject, rank: 0) != nil else {
      throw ValidationError("--inject \(inject): it must be site:action[:count][@rank][/text].")
    }
  }

  func run() throws {
    try reportingErrors {
      let environment = ProcessInfo.processInfo.environment
      let end: CampaignEnd
      switch Launch(environment: environment) {
      case .alone: end = try run(on: nil, environment)
      case .ranks: end = try MPIWorld.run { try run(on: $0, environment) }
      case .tasksWithoutPMIx(let count):
        throw ValidationError(
          "srun started \(count) tasks that do not know of one another; start them with srun --mpi=pmix, or use mpirun."
        )
      }
      if end.exitCode != 0 { throw ExitCode(end.exitCode) }
    }
  }

  private func run(on world: MPIWorld?, _ environment: [String: String]) throws -> CampaignEnd {
    var campaign = options.campaignOptions
    // A job that goes back to the queue runs its command again, and means to go on.
    if let count = environment["SLURM_RESTART_COUNT"].flatMap({ Int($0) }), count > 0 { campaign.restarts = false }
    campaign.failsFast = failFast
    campaign.allowsEmpty = allowEmpty
    campaign.progress = progress
    campaign.faults = inject
    campaign.shuffleSeed = shuffle
    if let world, world.rank > 0 {
      WorkerRank.run(on: world, InstalledTasks.registry, campaign, environment: environment)
      return .complete(failed: 0, blocked: 0)
    }
    return try Campaign.run(on: world, campaign, environment: environment) { try options.load(timeout: timeout) }
  }
}
