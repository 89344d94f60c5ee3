// SPDX-License-Identifier: GPL-3.0-or-later
// skydiff export

internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import Repository

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a dataset as FITS, CSV, ECSV or JSON.",
    discussion: """
      The ending of the output's name chooses the form: an exposure, a kernel or a background as .fits; a catalog as .fits, .csv or \
      .ecsv (which astropy reads with units); the metadata of anything as .json.
      """)

  @Argument(help: "The dataset's file (.h5).", completion: .file(extensions: ["h5"]))
  var dataset: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
  var output: String

  @Flag(help: "Replace the output when it exists.")
  var overwrite = false

  func run() throws {
    try reportingErrors {
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), isFolder.boolValue {
        throw PublishError.cannotCreate(path: output, reason: "it is a directory; name a file")
      }
      if !overwrite, FileManager.default.fileExists(atPath: output) {
        throw PublishError.cannotCreate(path: output, reason: "it exists; --overwrite replaces it")
      }
      let bytes = try Export.encode(dataset, as: output)
      try AtomicFile().publish(bytes, to: output)
    }
  }
}
