// SPDX-License-Identifier: GPL-3.0-or-later
// A program that runs beside the test.

import Foundation
import TestSupport

/// A program that runs beside the test, alone or under mpirun, with what it prints.
final class ProgramProcess {
  struct TimedOut: Error {
    let command: [String]
  }

  struct End {
    let status: Int32
    let diedBySignal: Bool
    let output: String
    let errors: String
  }

  let process = Process()
  private let out: URL
  private let err: URL
  private let command: [String]

  /// - Parameters:
  ///   - ranks: under mpirun with so many; `nil` for a plain process.
  ///   - environment: on top of the test's own.
  init(
    _ arguments: [String], program: String = "skydiff-mock", ranks: Int? = nil, launcherOptions: [String] = [],
    in folder: String, environment: [String: String] = [:], closesInput: Bool = false
  ) throws {
    guard let path = SkydiffProgram.path(of: program) else { throw SkydiffProgram.NotBuilt() }
    let launcher =
      ranks.map { ["/usr/bin/env", "mpirun", "--bind-to", "none"] + launcherOptions + ["-n", "\($0)"] } ?? []
    command = launcher + [path.path] + arguments
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = URL(filePath: folder)
    var all = ProcessInfo.processInfo.environment
    all["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
    if getuid() == 0 {
      all["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      all["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    }
    all.merge(environment) { $1 }
    process.environment = all
    let temporary = FileManager.default.temporaryDirectory
    (out, err) = (temporary.appending(path: UUID().uuidString), temporary.appending(path: UUID().uuidString))
    for url in [out, err] { _ = FileManager.default.createFile(atPath: url.path, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    if !closesInput { process.standardInput = FileHandle.nullDevice }
    // Threads of a pool have signals blocked, and a child begins as its parent's thread is.
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: out)
    try? FileManager.default.removeItem(at: err)
  }

  var pid: pid_t { process.processIdentifier }

  /// The ranks that mpirun has started, in their order.
  var ranks: [pid_t] {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }.sorted()
  }

  var errorsSoFar: String { (try? String(contentsOf: err, encoding: .utf8)) ?? "" }

  /// Waits until something holds.
  func wait(seconds: Double = 30, until condition: () -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !condition() {
      guard ContinuousClock.now < deadline else { throw TimedOut(command: command) }
      usleep(2000)
    }
  }

  /// Waits for the end.
  func end(seconds: Double = 60) throws -> End {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while process.isRunning, ContinuousClock.now < deadline { usleep(2000) }
    guard !process.isRunning else {
      for rank in ranks { kill(rank, SIGKILL) }
      kill(pid, SIGKILL)
      throw TimedOut(command: command + ["…", errorsSoFar])
    }
    process.waitUntilExit()
    return End(
      status: process.terminationStatus, diedBySignal: process.terminationReason == .uncaughtSignal,
      output: try String(contentsOf: out, encoding: .utf8), errors: try String(contentsOf: err, encoding: .utf8))
  }
}
