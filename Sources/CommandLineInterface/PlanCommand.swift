// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff plan

internal import ArgumentParser
internal import Campaign
internal import Repository

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what a run would do, and do nothing.",
    discussion: """
      For each task: the quanta that would run, those whose results are there (in this run, in another one of --skip-existing-in), those \
      that failed before, those that cannot run, and those that have nothing to do, with the first reason.
      """)

  @OptionGroup var options: JobOptions

  func run() throws {
    try reportingErrors {
      let forecast = try Forecast(try options.load(), options.campaignOptions)
      for warning in forecast.warnings { say("warning: \(warning)") }
      try output(forecast.text)
    }
  }
}
