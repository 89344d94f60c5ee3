// SPDX-License-Identifier: GPL-3.0-or-later
// Where a command writes.

internal import ArgumentParser
internal import Foundation
internal import Repository

/// Where a command writes, and what it may replace there.
struct OutputOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The folder to write into.", valueName: "folder"), completion: .directory)
  var output: String

  @Flag(help: "Replace what is there.")
  var overwrite = false

  func validate() throws {
    guard !output.isEmpty else { throw ValidationError("The output folder's name is empty.") }
  }

  /// Whether the folder is there, or can be made.
  ///
  /// - Throws: ``Repository/PublishError`` for a file of that name.
  func check() throws(PublishError) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), !isFolder.boolValue {
      throw .cannotCreate(path: output, reason: "it is not a directory")
    }
  }
}
