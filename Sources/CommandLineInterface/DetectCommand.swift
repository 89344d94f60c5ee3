// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff detect

internal import ArgumentParser
internal import DifferenceDetection
internal import Foundation
internal import Pipeline
internal import Repository
internal import SingleFrame
internal import TaskFramework

struct DetectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detect",
    abstract: "Find and measure the sources of a difference.",
    discussion: """
      Takes what skydiff subtract wrote, or FITS images of one size; a FITS difference has its PSF in an HDU PSF, or by --psf. With --score sources are found on that image as \
      it is, else on the difference under its PSF. The science image, for forced fluxes, has its sky removed and its PSF measured as \
      skydiff subtract does it. Settings are those of the task detectAndMeasureScore or detectAndMeasure \
      (-c detectAndMeasureScore:detection.thresholdValue=4). Into the folder go diaSources.h5 (the catalog, what was dropped and why, and a picture of each source), \
      difference.h5 with its detection planes, and metadata.json.
      """)

  @Argument(help: "The science image: FITS, or .h5 of skydiff.", completion: .file())
  var science: String

  @Argument(help: "The template that was subtracted, matched to it: FITS, or .h5 of skydiff.", completion: .file())
  var matchedTemplate: String

  @Argument(help: "Their difference: FITS, or .h5 of skydiff.", completion: .file())
  var difference: String

  @Option(help: ArgumentHelp("The score image to find sources on.", valueName: "file"), completion: .file())
  var score: String?

  @Option(
    help: ArgumentHelp(
      "The difference's PSF: a FWHM in pixels, an image, a model of PSFEx, or an exposure that has one.",
      valueName: "psf"), completion: .file())
  var psf: String?

  @Option(
    help: ArgumentHelp("The same for the science image, whose own or measured one it is otherwise.", valueName: "psf"),
    completion: .file())
  var sciencePsf: String?

  @Flag(help: "Leave the sky in the science image, on which forced fluxes are measured.")
  var keepSky = false

  @OptionGroup var target: OutputOptions

  @Flag(help: "Write catalog and difference as FITS, too.")
  var fits = false

  @Flag(help: "Write diaSources.reg, regions for SAOImage DS9.")
  var regions = false

  @Flag(help: "Write overlay.png, the difference with a square about each source.")
  var overlay = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ![science, matchedTemplate, difference, score, psf, sciencePsf].contains("") else {
      throw ValidationError("The name of a file is empty.")
    }
    for text in [psf, sciencePsf].compactMap({ $0 }) {
      if let fwhm = Double(text), !(0.1...200).contains(fwhm) {
        throw ValidationError("A PSF's FWHM is \(text); it must be 0.1 to 200 pixels.")
      }
    }
  }

  func run() throws {
    try reportingErrors {
      try target.check()
      let configs = try config.load()
      let labels = [DetectAndMeasureTask.defaultName ?? "", DetectAndMeasureScoreTask.defaultName ?? ""]
      let (label, other) = score == nil ? (labels[0], labels[1]) : (labels[1], labels[0])
      if let given = configs[other]?.config,
        ConfigText.yaml("", given.tree) != ConfigText.yaml("", DetectAndMeasureConfig().tree)
      {
        say(
          "warning: \(score == nil ? "without" : "with") --score the task is \(label); the settings of \(other) do nothing"
        )
      }
      var options = FileDetection.Options()
      (options.writesFITS, options.writesRegions, options.writesOverlay) = (fits, regions, overlay)
      let context = TaskContext(environment: ProcessInfo.processInfo.environment)
      let detection = FileDetection(
        configs[label]?.config as? DetectAndMeasureConfig ?? DetectAndMeasureConfig(),
        characterization: try CharacterizeImageTask(
          config: configs["characterizeImage"]?.config, name: "science", context: context), context: context,
        reader: ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig()), options: options,
        replaces: target.overwrite)
      var request = FileDetection.Request(science: science, matchedTemplate: matchedTemplate, difference: difference)
      request.score = score
      request.psf = psf.map { PSFArgument($0) }
      request.sciencePSF = sciencePsf.map { PSFArgument($0) }
      request.keepsSky = keepSky
      let summary = try detection.run(request, into: target.output)
      for warning in summary.warnings { say("warning: \(warning)") }
      try CommandLineInterface.output(
        "sources: \(summary.sourceCount) (\(summary.positiveCount) brighter, \(summary.negativeCount) fainter, "
          + "\(summary.dipoleCount) dipoles\(summary.skyCount > 0 ? ", \(summary.skyCount) sky" : "")), \(summary.droppedCount) dropped\n"
      )
      for product in summary.products { try CommandLineInterface.output(product + "\n") }
      if let failure = summary.failure { throw failure }
    }
  }
}
