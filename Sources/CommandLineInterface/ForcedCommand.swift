// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff forced

internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import Repository
internal import SingleFrame
internal import TaskFramework

struct ForcedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forced",
    abstract: "Measure an exposure at the positions of a list.",
    discussion: """
      The list is CSV with a line of names first, a FITS table, or a catalog of skydiff. Positions are its columns ra and dec (degrees), where the exposure has a WCS, else x and y \
      (pixels; the centre of the first one is 0, 0). A column id, when there is one, tells rows apart; every other column is kept, and every row, in the order of the list: \
      flags say which is off the image or has no position. The exposure has its sky removed, and its PSF measured where it has none. Settings are those of the task forced \
      (-c forced:plugins.names=[base_TransformedCentroid,base_PsfFlux]). Into the folder go forced.h5 and metadata.json.
      """)

  @Argument(help: "The exposure: FITS, or .h5 of skydiff.", completion: .file())
  var exposure: String

  @Argument(help: "The list of positions: CSV, a table of FITS, or .h5 of skydiff.", completion: .file())
  var referenceCatalog: String

  @OptionGroup var target: OutputOptions

  @Option(
    help: ArgumentHelp(
      "The exposure's PSF: a FWHM in pixels, an image, a model of PSFEx, or an exposure that has one.",
      valueName: "psf"), completion: .file())
  var psf: String?

  @Option(help: ArgumentHelp("The AB magnitude of one count; else what the exposure says.", valueName: "magnitude"))
  var zeropoint: Double?

  @Flag(help: "Leave the sky in the exposure.")
  var keepSky = false

  @Flag(help: "Take x and y also from a list that has ra and dec.")
  var pixels = false

  @Flag(help: "The same, of pixels that count from 1 as in FITS, DS9 and SExtractor.")
  var fitsPixels = false

  @Flag(help: "Write the catalog as FITS, too.")
  var fits = false

  @Flag(help: "Write the catalog as CSV, too.")
  var csv = false

  @Flag(help: "Write covariance.h5: the covariances of the fluxes of neighbours that were solved for together.")
  var covariance = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ![exposure, referenceCatalog, psf].contains("") else { throw ValidationError("The name of a file is empty.") }
    if let psf, let fwhm = Double(psf), !(0.1...200).contains(fwhm) {
      throw ValidationError("The PSF's FWHM is \(psf); it must be 0.1 to 200 pixels.")
    }
    if let zeropoint, !(-50...100).contains(zeropoint) {
      throw ValidationError("The zero point is \(zeropoint); it must be -50 to 100 magnitudes.")
    }
    guard !(pixels && fitsPixels) else { throw ValidationError("Pixels count from 0 or from 1, not both.") }
  }

  func run() throws {
    try reportingErrors {
      try target.check()
      let configs = try config.load()
      let context = TaskContext(environment: ProcessInfo.processInfo.environment)
      var options = FileForcedPhotometry.Options()
      (options.writesFITS, options.writesCSV, options.writesCovariance) = (fits, csv, covariance)
      let photometry = FileForcedPhotometry(
        configs["forced"]?.config as? FileForcedConfig ?? FileForcedConfig(),
        characterization: try CharacterizeImageTask(config: configs["characterizeImage"]?.config, context: context),
        context: context, reader: ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig()),
        options: options, replaces: target.overwrite)
      var request = FileForcedPhotometry.Request(exposure: exposure, list: referenceCatalog)
      request.psf = psf.map { PSFArgument($0) }
      request.keepsSky = keepSky
      request.pixelCount = fitsPixels ? .fromOne : pixels ? .fromZero : nil
      request.zeroPoint = zeropoint
      let summary = try photometry.run(request, into: target.output)
      for warning in summary.warnings { say("warning: \(warning)") }
      try CommandLineInterface.output(
        "sources: \(summary.rowCount) at \(summary.positionColumns.joined(separator: ", ")); \(summary.measuredCount) measured, "
          + "\(summary.flaggedCount) flagged, \(summary.offImageCount) off the image"
          + (summary.withoutPositionCount > 0 ? ", \(summary.withoutPositionCount) without a position" : "")
          + (summary.areNamed ? "; IDs are names, in ref_id" : "") + "\n")
      for product in summary.products { try CommandLineInterface.output(product + "\n") }
    }
  }
}
