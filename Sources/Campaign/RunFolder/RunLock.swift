// SPDX-License-Identifier: GPL-3.0-or-later
// One run, one writer.

internal import Foundation
internal import OrderedCollections
package import Repository
internal import TaskFramework

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Keeps a run for one coordinator and its workers.
///
/// The coordinator holds `lock` alone for as long as it lives, each worker holds `.workers` together with the others; both die with their
/// processes. A new coordinator first takes `lock`, then waits until the workers of the last one have let go of theirs: after the death of
/// `mpirun` they live for a second.
package final class RunLock {
  private let path: String
  private let file: Int32
  private let owner: [String: JSONValue]
  private var lastBeat: ContinuousClock.Instant

  static let name = "lock"
  static let workersName = ".workers"

  /// - Parameter patience: how long to wait for a coordinator that may be about to die.
  /// - Throws: ``Repository/PublishError/cannotCreate(path:reason:)`` that names who holds the run.
  package init(
    _ folder: String, patience: Duration = .seconds(3), workersPatience: Duration = .seconds(10),
    environment: [String: String]
  ) throws(PublishError) {
    path = "\(folder)/\(Self.name)"
    file = try Self.open(path)
    do {
      try Self.take(file, path, LOCK_EX, patience: patience) { Self.describeOwner(of: folder) }
      let workers = "\(folder)/\(Self.workersName)"
      let other = try Self.open(workers)
      defer { close(other) }
      try Self.take(other, workers, LOCK_EX, patience: workersPatience) {
        "workers of an earlier session are still running; wait until they have ended, or end them"
      }
    } catch {
      close(file)
      throw error
    }
    var owner: [String: JSONValue] = [
      "host": .string(hostName()), "pid": .integer(Int64(getpid())), "since": .string(utcNow()),
    ]
    for (key, variable) in [("slurmJob", "SLURM_JOB_ID")] {
      if let value = environment[variable] { owner[key] = .string(value) }
    }
    self.owner = owner
    lastBeat = .now
    write()
  }

  deinit { close(file) }

  /// Says once in a while that the owner is alive.
  package func beat() {
    guard ContinuousClock.now - lastBeat > .seconds(10) else { return }
    lastBeat = .now
    write()
  }

  /// Who holds the run is for people: what counts is the lock.
  private func write() {
    var members = owner
    members["heartbeat"] = .string(utcNow())
    let text = JSONValue.object(.init(uniqueKeysWithValues: members.sorted { $0.key < $1.key })).text() + "\n"
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    ftruncate(file, off_t(bytes.count))
  }

  /// Whether a coordinator holds the run.
  package static func isHeld(_ folder: String) -> Bool {
    let file = Glibc.open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    guard flock(file, LOCK_SH | LOCK_NB) == 0 else { return errno == EWOULDBLOCK }
    return false
  }

  /// Who holds the run, as they said.
  package static func describeOwner(of folder: String) -> String {
    guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"),
      let json = try? JSONValue(parsing: String(decoding: data.prefix(4096), as: UTF8.self))
    else { return "another process is running it" }
    func text(_ key: String) -> String? {
      switch json[key] {
      case .string(let text): text
      case .integer(let number): "\(number)"
      default: nil
      }
    }
    let job = text("slurmJob").map { ", Slurm job \($0)" } ?? ""
    return
      "it is being run by process \(text("pid") ?? "?") on \(text("host") ?? "?")\(job) since \(text("since") ?? "?")"
      + " (last sign of life \(text("heartbeat") ?? "?"))"
  }

  /// A worker's share in the lock; kept for as long as it works.
  package static func joinAsWorker(
    _ folder: String, patience: Duration = .seconds(10)
  ) throws(PublishError) -> Int32 {
    let path = "\(folder)/\(workersName)"
    let file = try open(path)
    do {
      try take(file, path, LOCK_SH, patience: patience) { "another session is about to begin" }
    } catch {
      close(file)
      throw error
    }
    return file
  }

  private static func open(_ path: String) throws(PublishError) -> Int32 {
    let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .cannotCreate(path: path, reason: "\(SystemError(code: errno))") }
    return file
  }

  private static func take(
    _ file: Int32, _ path: String, _ kind: Int32, patience: Duration, _ reason: () -> String
  ) throws(PublishError) {
    let deadline = ContinuousClock.now + patience
    while flock(file, kind | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      guard code == EWOULDBLOCK else {
        throw .cannotCreate(
          path: path,
          reason:
            "it cannot be locked (\(SystemError(code: code))): two runs at once could not be told apart on this file system"
        )
      }
      guard ContinuousClock.now < deadline else { throw .cannotCreate(path: path, reason: reason()) }
      usleep(20_000)
    }
  }
}
