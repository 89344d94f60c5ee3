// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff simulate

internal import ArgumentParser
internal import Campaign
internal import Foundation
internal import Repository
internal import Synchronization
internal import SyntheticSurvey
internal import TaskFramework

struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Make a synthetic survey and the truth about it.",
    discussion: """
      SURVEY.yaml describes sky, camera and visits; what it does not say has a default, and --show prints every field with its range and \
      meaning. The output is an input repository: repository.yaml, visits.h5, calexp and src for each visit and detector, \
      preloaded_SsObjects for each visit, and what is true: truth for each visit and detector, truth_objects for all.

      Equal descriptions give equal bytes, on any number of threads. An interrupted simulation leaves no repository.
      """)

  @Argument(help: "The description of the survey.", completion: .file(extensions: ["yaml", "yml"]))
  var survey: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The repository's folder, which must not exist.", valueName: "repo"),
    completion: .directory)
  var output: String?

  @Flag(help: "Replace a simulated repository; what other commands have put into its folder stays.")
  var overwrite = false

  @Option(help: ArgumentHelp("How many exposures are made at a time. Default: one a processor.", valueName: "n"))
  var threads: Int?

  @Flag(help: "Print the description with all of its fields, and make nothing.")
  var show = false

  func validate() throws {
    guard show || output.map({ !$0.isEmpty }) ?? false else {
      throw ValidationError("Give the repository's folder by --output.")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads): it must be from 1 to 1024.")
    }
  }

  /// As many as there are processors, if the images of so many exposures fit into half of the memory.
  private func defaultThreads(_ config: SurveyConfig) -> Int {
    let pixels = UInt64(config.camera.width) * UInt64(config.camera.height)
    // Ten planes of four bytes, and as much again while they are made and encoded.
    let fitting = ProcessInfo.processInfo.physicalMemory / 2 / (80 * pixels + 1)
    return max(1, min(ProcessInfo.processInfo.activeProcessorCount, Int(clamping: fitting)))
  }

  func run() throws {
    try reportingErrors {
      let loaded = try SurveyConfig.read(survey)
      guard !show else {
        for (name, doc, tree) in loaded.config.members {
          try CommandLineInterface.output(ConfigText.yaml(name, tree, doc: doc))
        }
        return
      }
      guard let config = loaded.config as? SurveyConfig, let path = output else { return }
      try SurveyRepository.requirePlace(path, overwrites: overwrite)
      let start = ContinuousClock.now
      let synthetic = try SyntheticSurvey(config)
      try CommandLineInterface.output(
        "\(path): \(synthetic.visits.count) visits of \(synthetic.detectorCount) detectors, "
          + "\(synthetic.objects.count) objects\n")
      let yaml = config.members.map { ConfigText.yaml($0.name, $0.tree, doc: "") }.joined()
      let line = ProgressLine()
      let repository = SurveyRepository(synthetic, surveyYAML: yaml, path: path)
      let summary: SimulationSummary
      do {
        summary = try repository.write(
          overwrites: overwrite, threads: threads ?? defaultThreads(config),
          isStopped: { ProcessSignals.stopIsRequested }
        ) { done, all in line.show(done, of: all) }
      } catch let error as SimulationInterrupted {
        line.end()
        say("\(error)")
        throw ExitCode(75)
      }
      line.end()
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      try CommandLineInterface.output(
        "\(path): \(summary.exposures) exposures, \(summary.catalogs) catalogs, \(summary.objects) objects, "
          + "\(String(format: "%.1f", Double(summary.bytes) / 1e6)) MB in \(String(format: "%.1f", seconds)) s\n")
    }
  }
}

/// The progress of a simulation: on a terminal one line that changes, elsewhere a line every tenth of the way.
private final class ProgressLine: Sendable {
  private let isTerminal = isatty(2) == 1
  private let lastTenth = Mutex(0)

  func show(_ done: Int, of all: Int) {
    if isTerminal {
      print("\rskydiff simulate: \(done) of \(all) exposures")
    } else {
      let tenth = 10 * done / max(1, all)
      let isNew = lastTenth.withLock { last in
        defer { last = tenth }
        return tenth > last
      }
      if isNew { print("skydiff simulate: \(done) of \(all) exposures\n") }
    }
  }

  func end() { if isTerminal { print("\n") } }

  private func print(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
