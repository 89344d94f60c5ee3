// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff subtract

internal import ArgumentParser
internal import Foundation
internal import ImageDifferencing
internal import Pipeline
internal import Repository
internal import SingleFrame
internal import TaskFramework

struct SubtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subtract",
    abstract: "Subtract a template from a science image.",
    discussion: """
      What the images lack is made of their pixels: sky is removed, variance and PSF are measured; a template whose WCS differs is warped first. \
      The difference is on the science image's flux scale, its noise white. Into the folder go difference.h5, score.h5 (the difference under its \
      PSF as a matched filter), matchedTemplate.h5, kernel.h5, quicklook.png (science, template and difference at one stretch) and metadata.json.

      Unlike in a pipeline the sharper image is convolved (-c subtractImages:mode=…), and stars near the edges count.
      """)

  @Argument(help: "The science image: FITS, or .h5 of skydiff.", completion: .file())
  var science: String

  @Argument(help: "The template: FITS, or .h5 of skydiff.", completion: .file())
  var template: String

  @OptionGroup var target: OutputOptions

  @Option(
    help: ArgumentHelp(
      "The science image's PSF: a FWHM in pixels, an image, a model of PSFEx, or an exposure that has one.",
      valueName: "psf"), completion: .file())
  var sciencePsf: String?

  @Option(help: ArgumentHelp("The same for the template.", valueName: "psf"), completion: .file())
  var templatePsf: String?

  @Option(
    help: ArgumentHelp(
      "Stars for the kernel: a catalog of skydiff, or FITS or CSV with x,y (pixels from 0) or ra,dec (degrees), flux and perhaps fluxErr.",
      valueName: "catalog"), completion: .file())
  var sources: String?

  @Flag(help: "Leave the sky in both images.")
  var keepSky = false

  @Flag(help: "Write difference, score, template and kernel as FITS, too.")
  var fits = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ![science, template, sciencePsf, templatePsf, sources].contains("") else {
      throw ValidationError("The name of a file is empty.")
    }
    for text in [sciencePsf, templatePsf].compactMap({ $0 }) {
      if let fwhm = Double(text), !(0.1...200).contains(fwhm) {
        throw ValidationError("A PSF's FWHM is \(text); it must be 0.1 to 200 pixels.")
      }
    }
  }

  /// What differs from a pipeline, whose catalogs and borders a pair of files lacks: everything that both images show well is good for a kernel,
  /// galaxies and the brightest stars included, and the kernel varies as much as there are stars for (docs/subtract.md).
  private static let settings: KeyValuePairs<String, ConfigValue> = [
    "mode": .string("auto"), "restrictKernelEdgeSources": .boolean(false), "minKernelSources": .integer(1),
    "sourceSelector.doIsolated": .boolean(false), "sourceSelector.doUnresolved": .boolean(false),
    "sourceSelector.signalToNoiseMinimum": .integer(30), "sourceSelector.signalToNoiseMaximum": .number(1e9),
    "makeKernel.kernel.AL.spatialKernelOrder": .integer(2), "makeKernel.kernel.AL.minStampsPerSpatialTerm": .integer(4),
    "makeKernel.kernel.AL.candidateResidualStdMax": .integer(2), "makeKernel.kernel.AL.robustIterations": .integer(5),
    "makeKernel.kernel.AL.doSubtractNoiseBias": .boolean(true), "makeKernel.kernel.AL.coefficientPrior": .number(0.01),
    "makeKernel.kernel.AL.nStarPerImage": .integer(1000),
    "makeKernel.kernel.AL.crossValidate": .boolean(true), "makeKernel.kernel.AL.kernelSizeFwhmScaling": .integer(9),
    "makeKernel.kernel.AL.alardDegGauss": .list([.integer(6), .integer(6), .integer(4)]),
    "doSubtractResidualBackground": .boolean(true), "residualBackground.binSize": .integer(64),
  ]

  func run() throws {
    try reportingErrors {
      try target.check()
      let configs = try config.load(with: ["subtractImages": Self.settings], reason: "skydiff subtract")
      let context = TaskContext(environment: ProcessInfo.processInfo.environment)
      let characterize = configs["characterizeImage"]?.config
      let subtraction = FileSubtraction(
        try AlardLuptonSubtractTask(config: configs["subtractImages"]?.config, context: context),
        science: try CharacterizeImageTask(config: characterize, name: "science", context: context),
        template: try CharacterizeImageTask(config: characterize, name: "template", context: context),
        reader: ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig()), writesFITS: fits,
        replaces: target.overwrite)
      var request = FileSubtraction.Request(science: science, template: template)
      request.sciencePSF = sciencePsf.map { PSFArgument($0) }
      request.templatePSF = templatePsf.map { PSFArgument($0) }
      request.sources = sources
      request.keepsSky = keepSky
      let summary = try subtraction.run(request, into: target.output)
      for warning in summary.warnings { say("warning: \(warning)") }
      try SubtractCommand.show(summary)
    }
  }

  private static func show(_ summary: FileSubtraction.Summary) throws(PublishError) {
    let values = summary.metadata
    func number(_ key: String, _ form: String = "%.2f") -> String {
      (try? values.double(key)).map { String(format: form, $0) } ?? "?"
    }
    func text(_ key: String) -> String { (try? values.string(key)) ?? "?" }
    func integer(_ key: String) -> String { (try? values.integer(key)).map { "\($0)" } ?? "?" }
    let isTemplate = text("subtraction.convolvedExposure") == "Template"
    let (own, other) = (number("subtractImages.sciencePsfSize"), number("subtractImages.templatePsfSize"))
    let lines = [
      "PSF: FWHM \(own) px, template \(other) px; the \(isTemplate ? "template" : "science image") is convolved"
        + (summary.isTemplateWarped ? ", after the template was warped onto the science image's pixels" : ""),
      "kernel: \(integer("subtractImages:makeKernel.ALKernelSize")) px wide, from \(integer("subtractImages:makeKernel.usedCount")) of \(integer("subtractImages.nPsfSources")) stars, sum \(number("subtraction.kernelSum", "%.5g"))",
      "covered by the template: \(number("subtractImages.templateCoveragePercent")) %",
    ]
    try CommandLineInterface.output(lines.joined(separator: "\n") + "\n")
    for product in summary.products { try CommandLineInterface.output(product + "\n") }
  }
}
