// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff match-backgrounds

internal import ArgumentParser
internal import BackgroundMatching
internal import Foundation
internal import Pipeline
internal import Repository
internal import TaskFramework

struct MatchBackgroundsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "match-backgrounds",
    abstract: "Give exposures of one piece of sky the background of one of them.",
    discussion: """
      The exposures are on one pixel grid. For each but the reference the smooth part of reference minus exposure is modelled and \
      added to it. Into the folder go NAME-matched.h5, NAME-background.h5 (what was added) and metadata.json.

      An exposure that cannot be matched is reported and left out, the others are written, and the exit status is 1; it is 65 when \
      one shares no pixel with the reference.
      """)

  @Argument(help: "Exposures: FITS, or .h5 of skydiff.", completion: .file())
  var exposures: [String]

  @Option(
    help: ArgumentHelp(
      "The exposure whose background all get; chosen by its noise, level and coverage when left out.", valueName: "file"
    ),
    completion: .file())
  var reference: String?

  @OptionGroup var target: OutputOptions

  @Flag(help: "Write matched exposures as FITS, too.")
  var fits = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard !(exposures + [reference].compactMap { $0 }).contains("") else {
      throw ValidationError("The name of an exposure is empty.")
    }
  }

  func run() throws {
    try reportingErrors {
      let configs = try config.load()
      try target.check()
      let task = try MatchBackgroundsTask(
        config: configs["matchBackgrounds"]?.config,
        context: TaskContext(environment: ProcessInfo.processInfo.environment))
      let reader = ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig())
      let matching = FileMatching(task, reader: reader, writesFITS: fits, replaces: target.overwrite)
      let matches = try matching.run(exposures, reference: reference, into: target.output)
      for warning in task.warnings { say("warning: \(warning)") }
      try MatchBackgroundsCommand.show(matches)
      if matches.contains(where: { $0.info.failure != nil && $0.isElsewhere }) {
        throw ExitCode(ExitStatus.badData.rawValue)
      }
      if matches.contains(where: { $0.info.failure != nil }) { throw ExitCode(1) }
    }
  }

  private static func show(_ matches: [FileMatch]) throws(PublishError) {
    let title = ["exposure", "", "fit RMS", "MSE", "variance", "MSE/variance", "overlap", "extrapolated"]
    let rows = matches.map { match -> [String] in
      let state = match.info.isReference ? "reference" : match.info.failure == nil ? "matched" : "failed"
      guard let values = match.info.match else { return [match.name, state] }
      return [match.name, state]
        + [values.fitRMS, values.matchedMSE, values.diffImVar].map { String(format: "%.6g", $0) }
        + [String(format: "%.4f", values.mseVarianceRatio)]
        + [values.overlapFraction, values.extrapolatedFraction].map { String(format: "%.1f %%", 100 * $0) }
    }
    let widths = title.indices.map { column in
      ([title] + rows).map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    for row in [title] + rows {
      let cells = row.enumerated().map { column, text in
        let blanks = String(repeating: " ", count: widths[column] - text.count)
        return column < 2 ? text + blanks : blanks + text
      }
      let line = cells.joined(separator: "  ")
      try CommandLineInterface.output(String(line.reversed().drop { $0 == " " }.reversed()) + "\n")
    }
  }
}
