// SPDX-License-Identifier: GPL-3.0-or-later
// Programs that we did not write and compare ourselves with.

package import Foundation

/// The Python environment with astropy, h5py, SEP and photutils that `make test` sets up.
package enum Peers {
  package static let python = SharedData.packageRoot.appending(path: ".build/peers/bin/python")
  package static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: python.path) }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// Runs a script of `Tests/peers` and returns what it prints.
  ///
  /// - Throws: ``Failure`` with what it prints to the error stream when it fails.
  @discardableResult
  package static func run(_ script: String, _ arguments: [String] = []) throws -> Data {
    let process = Process()
    process.executableURL = python
    process.arguments = [SharedData.packageRoot.appending(path: "Tests/peers/\(script)").path] + arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(script) ended with status \(process.terminationStatus)")
    }
    return data
  }
}
