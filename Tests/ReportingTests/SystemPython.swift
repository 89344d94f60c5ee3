// SPDX-License-Identifier: GPL-3.0-or-later
// The system's Python, for its exact arithmetic and its JSON.

import Foundation

enum SystemPython {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// What a script prints; `nil`, and a line that says so, where there is no Python.
  static func run(_ script: String, input: String) throws -> String? {
    let file = FileManager.default.temporaryDirectory.appending(path: "skydiff-\(UUID().uuidString).json")
    try Data(input.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script]
    process.standardInput = try FileHandle(forReadingFrom: file)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    if process.terminationStatus == 127 {
      print("skipped: there is no python3")
      return nil
    }
    guard process.terminationStatus == 0 else { throw Failure(description: "status \(process.terminationStatus)") }
    return String(decoding: data, as: UTF8.self)
  }
}
