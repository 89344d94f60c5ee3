// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff detect

internal import ArgumentParser
internal import DifferenceDetection
internal import Foundation
internal import Pipeline
internal import Repository
internal import TaskFramework

struct DetectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detect",
    abstract: "Find and measure the sources of a difference.",
    discussion: """
      Takes what skydiff subtract wrote, or FITS images of one size; a FITS difference has its PSF in an HDU PSF, or by --psf. With --score sources are found on that image as \
      it is, else on the difference under its PSF. Settings are those of the task detectAndMeasureScore or detectAndMeasure \
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

  @OptionGroup var target: OutputOptions

  @Flag(help: "Write catalog and difference as FITS, too.")
  var fits = false

  @Flag(help: "Write diaSources.reg, regions for SAOImage DS9.")
  var regions = false

  @Flag(help: "Write overlay.png, the difference with a square about each source.")
  var overlay = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ![science, matchedTemplate, difference, score, psf].contains("") else {
      throw ValidationError("The name of a file is empty.")
    }
    if let psf, let fwhm = Double(psf), !(0.1...200).contains(fwhm) {
      throw ValidationError("A PSF's FWHM is \(psf); it must be 0.1 to 200 pixels.")
    }
  }

  func run() throws {
    try reportingErrors {
      try target.check()
      let configs = try config.load()
      let label = (score == nil ? DetectAndMeasureTask.defaultName : DetectAndMeasureScoreTask.defaultName) ?? ""
      var options = FileDetection.Options()
      (options.writesFITS, options.writesRegions, options.writesOverlay) = (fits, regions, overlay)
      let detection = FileDetection(
        configs[label]?.config as? DetectAndMeasureConfig ?? DetectAndMeasureConfig(),
        context: TaskContext(environment: ProcessInfo.processInfo.environment),
        reader: ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig()), options: options,
        replaces: target.overwrite)
      var request = FileDetection.Request(science: science, matchedTemplate: matchedTemplate, difference: difference)
      request.score = score
      request.psf = psf.map { PSFArgument($0) }
      let summary = try detection.run(request, into: target.output)
      for warning in summary.warnings { say("warning: \(warning)") }
      try CommandLineInterface.output(
        "sources: \(summary.sourceCount) (\(summary.positiveCount) brighter, \(summary.negativeCount) fainter, "
          + "\(summary.dipoleCount) dipoles), \(summary.droppedCount) dropped\n")
      for product in summary.products { try CommandLineInterface.output(product + "\n") }
      if let failure = summary.failure { throw failure }
    }
  }
}
