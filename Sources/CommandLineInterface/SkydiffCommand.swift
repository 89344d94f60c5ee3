// SPDX-License-Identifier: GPL-3.0-or-later
// The commands.

internal import ArgumentParser
internal import Repository

struct SkydiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skydiff",
    abstract: "Finds what changed in the sky.",
    discussion: """
      Errors go to stderr in one line each, those of usage with the usage. Exit status: 0 done, 1 finished and something failed or differs, 64 usage, 65 bad data, 66 missing input, 70 a bug, 73 cannot \
      create, 74 input or output failed, 75 interrupted, 78 configuration.
      """,
    version: Software.version,
    subcommands: [
      RunCommand.self, PlanCommand.self, StatusCommand.self, ReportCommand.self, VerifyCommand.self,
      CompareCommand.self,
      TaskCommand.self, ConfigCommand.self, SimulateCommand.self, IngestCommand.self, ExportCommand.self,
      MatchBackgroundsCommand.self, SubtractCommand.self, DecorrelateCommand.self, DetectCommand.self,
      ForcedCommand.self,
      AssociateCommand.self,
    ])
}
