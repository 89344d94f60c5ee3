// SPDX-License-Identifier: GPL-3.0-or-later
// One writer at a time.

internal import Foundation

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Holds a folder for one writer for as long as it exists; dies with its process.
package final class FolderLock: Sendable {
  private let file: Int32

  /// - Parameter makesFolder: whether a folder that is missing is made.
  /// - Parameter patience: how long to wait for another process.
  /// - Throws: ``PublishError/cannotCreate(path:reason:)`` when another process holds it, or the folder cannot be written to.
  package init(_ folder: String, name: String = ".lock", makesFolder: Bool = false, patience: Duration = .zero)
    throws(PublishError)
  {
    let path = "\(folder)/\(name)"
    if makesFolder {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw .cannotCreate(path: folder, reason: SystemError.reason(error))
      }
    }
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .cannotCreate(path: path, reason: "\(SystemError(code: errno))") }
    // Another writer may be done soon.
    let deadline = ContinuousClock.now + patience
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR || (code == EWOULDBLOCK && ContinuousClock.now < deadline) {
        usleep(50_000)
        continue
      }
      close(file)
      // A file system without locks has no way to keep a second writer out.
      guard code != EWOULDBLOCK else {
        throw .cannotCreate(path: path, reason: "another process is writing to \(folder); wait until it is done")
      }
      throw .cannotCreate(path: path, reason: "it cannot be locked: \(SystemError(code: code))")
    }
  }

  deinit { close(file) }
}
