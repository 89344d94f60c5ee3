// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff status and skydiff report

internal import ArgumentParser
internal import Campaign

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show where a run stands, also while it runs.")

  @Argument(help: ArgumentHelp("The run's folder: REPOSITORY/runs/RUN.", valueName: "run"), completion: .directory)
  var folder: String

  @Flag(help: "As JSON.")
  var json = false

  func run() throws {
    try reportingErrors {
      let status = try RunStatus(absolutePath(folder))
      for warning in status.warnings { say("warning: \(warning)") }
      try output(json ? status.json : status.text)
    }
  }
}

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write the report of a run again, from its record.",
    discussion: "The result is the same, byte for byte, as what the run itself wrote, but for its timing section.")

  @Argument(help: ArgumentHelp("The run's folder: REPOSITORY/runs/RUN.", valueName: "run"), completion: .directory)
  var folder: String

  func run() throws {
    try reportingErrors { try output(try RunReport.rewrite(absolutePath(folder)) + "\n") }
  }
}

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Read every output of a run and compare it with the record.",
    discussion:
      "Exit status 65 when something is missing, damaged or was never made. `skydiff run` makes again what is damaged.")

  @Argument(help: ArgumentHelp("The run's folder: REPOSITORY/runs/RUN.", valueName: "run"), completion: .directory)
  var folder: String

  func run() throws {
    try reportingErrors {
      let verification = try RunVerification(absolutePath(folder))
      try output(verification.text)
      if !verification.isSound { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Show what differs between two runs: datasets, pixels, columns, metadata.",
    discussion: "Exit status 0 when nothing does, else 1.")

  @Argument(help: "A run's folder.", completion: .directory)
  var first: String

  @Argument(help: "Another run's folder.", completion: .directory)
  var second: String

  func run() throws {
    try reportingErrors {
      let comparison = try RunComparison(absolutePath(first), absolutePath(second))
      try output(comparison.text)
      if !comparison.isEqual { throw ExitCode(1) }
    }
  }
}
