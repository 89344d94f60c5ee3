// SPDX-License-Identifier: GPL-3.0-or-later
// The program as a user runs it.

import Foundation
import TestSupport

/// The built program, beside the tests.
enum SkydiffProgram {
  struct NotBuilt: Error {}
  struct TimedOut: Error {
    let command: [String]
  }

  struct Result {
    let status: Int32
    /// Whether it died by a signal, of which `status` is then the number.
    let diedBySignal: Bool
    let output: String
    let errors: String
  }

  static let path = path(of: "skydiff")

  /// A program of the package.
  static func path(of name: String) -> URL? {
    let folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    // The test runner may be another program that loads the tests.
    let build = SharedData.packageRoot.appending(path: ".build")
    let candidates = [folder, build.appending(path: "release"), build.appending(path: "debug")]
    return candidates.map { $0.appending(path: name) }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }

  static func run(
    _ arguments: [String], in folder: String? = nil, prefix: [String] = []
  ) throws -> Result {
    guard let path else { throw NotBuilt() }
    let process = Process()
    let command = prefix + [path.path] + arguments
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    let temporary = FileManager.default.temporaryDirectory
    let (out, err) = (temporary.appending(path: UUID().uuidString), temporary.appending(path: UUID().uuidString))
    defer {
      try? FileManager.default.removeItem(at: out)
      try? FileManager.default.removeItem(at: err)
    }
    for url in [out, err] { _ = FileManager.default.createFile(atPath: url.path, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let deadline = ContinuousClock.now + .seconds(120)
    while process.isRunning, ContinuousClock.now < deadline { usleep(2000) }
    guard !process.isRunning else {
      kill(process.processIdentifier, SIGKILL)
      throw TimedOut(command: command)
    }
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, diedBySignal: process.terminationReason == .uncaughtSignal,
      output: try String(contentsOf: out, encoding: .utf8), errors: try String(contentsOf: err, encoding: .utf8))
  }

  /// Runs a closure in a new folder, which is removed afterwards.
  static func inTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "skydiff-cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }
}
