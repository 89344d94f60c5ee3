// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff decorrelate

internal import ArgumentParser
internal import Foundation
internal import ImageDifferencing
internal import Pipeline
internal import Repository
internal import TaskFramework

struct DecorrelateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decorrelate",
    abstract: "Make the noise of a difference white.",
    discussion: """
      For differences that were made without it (skydiff subtract … -c subtractImages:doDecorrelation=false). Science image and template are \
      those that the difference was made of, with their variances; the kernel is kernel.h5 of skydiff subtract. Settings are those of \
      the task decorrelate (-c decorrelate:method=wholeImage). Into the folder go \
      difference.h5 and metadata.json.
      """)

  @Argument(help: "The science image, unconvolved: FITS, or .h5 of skydiff.", completion: .file())
  var science: String

  @Argument(help: "The template, unconvolved: FITS, or .h5 of skydiff.", completion: .file())
  var template: String

  @Argument(help: "Their difference: FITS, or .h5 of skydiff.", completion: .file())
  var difference: String

  @Argument(help: "The kernel that matched them: .h5 of skydiff.", completion: .file())
  var kernel: String

  @OptionGroup var target: OutputOptions

  @Flag(help: "Write the difference as FITS, too.")
  var fits = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ![science, template, difference, kernel].contains("") else {
      throw ValidationError("The name of a file is empty.")
    }
  }

  func run() throws {
    try reportingErrors {
      try target.check()
      let configs = try config.load()
      let task = try DecorrelateALKernelSpatialTask(
        config: configs[DecorrelateALKernelSpatialTask.defaultName ?? ""]?.config,
        context: TaskContext(environment: ProcessInfo.processInfo.environment))
      let decorrelation = FileDecorrelation(
        task, reader: ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig()), writesFITS: fits,
        replaces: target.overwrite)
      let products = try decorrelation.run(
        .init(science: science, template: template, difference: difference, kernel: kernel), into: target.output)
      for warning in task.warnings { say("warning: \(warning)") }
      for product in products { try CommandLineInterface.output(product + "\n") }
    }
  }
}
