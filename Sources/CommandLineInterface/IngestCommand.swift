// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff ingest

internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import Repository
internal import TaskFramework

struct IngestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest",
    abstract: "Put calibrated FITS images, or a catalog, into a repository.",
    discussion: """
      Makes the repository when there is none: one tract around the images, which repository.yaml lets you change. What a \
      header does not say is given by the options: a value, or the name of the keyword that has it. MASK, VARIANCE and PSF \
      HDUs are used where they are; else saturated pixels are masked and the variance comes from gain and scatter.

      A file that cannot be used is reported and left out, the others are ingested, and the exit status is 65.
      """)

  @Argument(help: "The repository's folder.", completion: .directory)
  var repository: String

  @Argument(
    help: "FITS images (.fits, .fits.gz, .fz); with --type one catalog (.fits, .csv or .h5).",
    completion: .file())
  var files: [String]

  @Option(
    help: ArgumentHelp(
      "Visit number or keyword; 100.. counts the files from 100 on. Default: EXPNUM.", valueName: "visit"))
  var visit: String?

  @Option(help: ArgumentHelp("Detector number or keyword. Default: CCDNUM.", valueName: "detector"))
  var detector: String?

  @Option(
    help: ArgumentHelp("Band or keyword; of a keyword the first word counts. Default: FILTER.", valueName: "band"))
  var band: String?

  @Option(help: ArgumentHelp("AB magnitude of one count, or keyword. Default: MAGZERO.", valueName: "mag"))
  var zeropoint: String?

  @Option(help: ArgumentHelp("A PSF model of PSFEx for all of the images.", valueName: "file"), completion: .file())
  var psf: String?

  @Option(help: ArgumentHelp("FWHM of a Gaussian PSF, pixels, or keyword.", valueName: "pixels"))
  var psfFwhm: String?

  @Option(
    name: .customLong("type"),
    help: ArgumentHelp(
      "The dataset type of a catalog, such as src; --visit, --detector and --band say what it is about.",
      valueName: "type"))
  var datasetType: String?

  @Flag(help: "Put exposures in the place of others of their visit and detector.")
  var replace = false

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard !files.isEmpty else { throw ValidationError("There is no file to ingest.") }
    guard !repository.isEmpty else { throw ValidationError("The repository's name is empty.") }
    try validateGiven()
    if datasetType != nil, files.count != 1 { throw ValidationError("--type takes one catalog at a time.") }
    if psf != nil, psfFwhm != nil { throw ValidationError("Give --psf or --psf-fwhm, not both.") }
  }

  /// What can be judged without a file.
  private func validateGiven() throws {
    func isKeyword(_ text: String) -> Bool {
      text.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 }
        && text.contains { $0.isLetter }
    }
    func isNumber(_ text: String) -> Bool { Int64(text).map { $0 >= 0 } ?? false }

    if let visit, !isNumber(visit), !isKeyword(visit), !(visit.hasSuffix("..") && isNumber(String(visit.dropLast(2)))) {
      throw ValidationError("--visit \(visit): it must be a number from 0 on, such a number and .., or a keyword.")
    }
    if datasetType != nil, let visit, !isNumber(visit) {
      throw ValidationError("--visit \(visit): a catalog needs a number.")
    }
    if let detector, !isNumber(detector), datasetType != nil || !isKeyword(detector) {
      throw ValidationError("--detector \(detector): it must be a number from 0 on, or for images a keyword.")
    }
    if let zeropoint, Double(zeropoint).map({ !$0.isFinite }) ?? !isKeyword(zeropoint) {
      throw ValidationError("--zeropoint \(zeropoint): it must be a magnitude or a keyword.")
    }
    if let psfFwhm, Double(psfFwhm).map({ !(0.1...200).contains($0) }) ?? !isKeyword(psfFwhm) {
      throw ValidationError("--psf-fwhm \(psfFwhm): it must be 0.1 to 200 pixels, or a keyword.")
    }
    if let band, band.isEmpty { throw ValidationError("--band: the name is empty.") }
  }

  func run() throws {
    try reportingErrors {
      let known = InputRepository.exists(repository) ? try InputRepository(repository) : nil
      let configs = try config.load(for: known)
      let context = TaskContext(environment: ProcessInfo.processInfo.environment)
      let task = try IngestTask(config: configs["ingest"]?.config, context: context)
      let ingestion = Ingestion(task, replaces: replace)
      let summary: IngestionSummary
      if let datasetType {
        summary = try ingestion.ingest(catalog: files[0], as: datasetType, try dataID(), into: repository)
      } else {
        var options = IngestOptions()
        options.visit = visit
        options.detector = detector
        options.band = band
        options.zeroPoint = zeropoint
        options.psfFile = psf
        options.psfFwhm = psfFwhm
        summary = try ingestion.ingest(exposures: files, into: repository, options)
      }
      try report(summary)
    }
  }

  /// What a catalog is about.
  private func dataID() throws -> DataID {
    var values: [TaskFramework.Dimension: DimensionValue] = [:]
    for (dimension, text, flag) in [
      (TaskFramework.Dimension.visit, visit, "--visit"), (.detector, detector, "--detector"),
    ] {
      guard let text else { continue }
      guard let number = Int64(text) else { throw ValidationError("\(flag) \(text): a catalog needs a number.") }
      values[dimension] = .number(number)
    }
    if let band { values[.band] = .name(band) }
    return try DataID(values)
  }

  private func report(_ summary: IngestionSummary) throws {
    for warning in summary.warnings { say("warning: \(warning)") }
    for failure in summary.failures { say("\(failure)") }
    if summary.repositoryIsNew, !summary.added.isEmpty {
      try output("\(repository): a new repository; see \(repository)/repository.yaml\n")
    }
    var parts = ["\(summary.added.count) added"]
    if !summary.unchanged.isEmpty { parts.append("\(summary.unchanged.count) there already") }
    if !summary.failures.isEmpty { parts.append("\(summary.failures.count) left out") }
    try output("\(repository): \(parts.joined(separator: ", "))\n")
    // All of one kind keep its code; several kinds are bad data.
    let statuses = Set(summary.failures.map { ExitStatus($0) })
    if let status = statuses.first {
      throw ExitCode(statuses.count == 1 ? status.rawValue : ExitStatus.badData.rawValue)
    }
  }
}
