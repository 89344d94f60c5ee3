// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff associate

internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import Repository
internal import SolarSystem
internal import TaskFramework

struct AssociateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "associate",
    abstract: "Find out which sources are known objects of the solar system.",
    discussion: """
      The exposure says where it points and when; the sources are diaSources.h5 of skydiff detect, or any table with ra and dec in degrees. Objects are a table of \
      ephemerides: Chebyshev series (obs_x_poly …, as MPSky has them), states (RATrue_deg …, as Sorcha) or positions (ra, dec, and ssObjectId or a designation in ObjID). Tables \
      are HDF5, FITS or CSV. Settings are those of the task ssSingleFrameAssociation \
      (-c ssSingleFrameAssociation:solarSystemAssociator.maxDistArcSeconds=2). Into the folder go associated.h5, unassociated.h5 (objects that were not seen), sources.h5 (all \
      sources, with ssObjectId) and metadata.json.
      """)

  @Argument(help: "The exposure, or its difference: FITS, or .h5 of skydiff.", completion: .file())
  var exposure: String

  @Argument(help: "The sources found on it: HDF5, FITS or CSV.", completion: .file())
  var diaSources: String

  @Argument(help: "The ephemerides: HDF5, FITS or CSV.", completion: .file())
  var ssObjects: String

  @OptionGroup var target: OutputOptions

  @Option(help: ArgumentHelp("The exposure's midpoint, MJD (TAI); else what the exposure says.", valueName: "days"))
  var mjd: Double?

  @Option(help: ArgumentHelp("The AB magnitude of one count; else what the exposure says.", valueName: "magnitude"))
  var zeropoint: Double?

  @Option(help: ArgumentHelp("The band of the sources, which must be the exposure's.", valueName: "band"))
  var band: String?

  @Flag(help: "Write the tables as FITS, too.")
  var fits = false

  @Flag(help: "Write the tables as CSV, too.")
  var csv = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ![exposure, diaSources, ssObjects, band].contains("") else {
      throw ValidationError("The name of a file or band is empty.")
    }
    if let mjd, !(15_000...200_000).contains(mjd) {
      throw ValidationError("The midpoint is MJD \(mjd); it must be 15000 to 200000 (a Julian date less 2400000.5).")
    }
    if let zeropoint, !(-50...100).contains(zeropoint) {
      throw ValidationError("The zero point is \(zeropoint); it must be -50 to 100 magnitudes.")
    }
  }

  func run() throws {
    try reportingErrors {
      try target.check()
      let configs = try config.load()
      var options = FileAssociation.Options()
      (options.writesFITS, options.writesCSV) = (fits, csv)
      let task = try SsSingleFrameAssociationTask(
        config: configs["ssSingleFrameAssociation"]?.config,
        context: TaskContext(environment: ProcessInfo.processInfo.environment))
      let association = FileAssociation(
        task, reader: ExposureReader(configs["ingest"]?.config as? IngestConfig ?? IngestConfig()), options: options,
        replaces: target.overwrite)
      var request = FileAssociation.Request(exposure: exposure, sources: diaSources, objects: ssObjects)
      (request.midpoint, request.zeroPoint, request.band) = (mjd, zeropoint, band)
      let summary = try association.run(request, into: target.output)
      for warning in summary.warnings { say("warning: \(warning)") }
      try CommandLineInterface.output(
        "objects: \(summary.expectedCount) of \(summary.objectCount) expected (\(summary.layout)); \(summary.associatedCount) associated "
          + "with one of \(summary.sourceCount) sources, \(summary.expectedCount - summary.associatedCount) not\n")
      for product in summary.products { try CommandLineInterface.output(product + "\n") }
    }
  }
}
