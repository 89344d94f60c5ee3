// SPDX-License-Identifier: GPL-3.0-or-later
// Files appear whole or not at all.

internal import Digests
internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Why a file could not be published.
package enum PublishError: Error, Hashable, Sendable, CustomStringConvertible {
  case diskFull(path: String, needed: Int, free: Int?)
  /// The place cannot be written to: no such folder, no permission.
  case cannotCreate(path: String, reason: String)
  case failed(path: String, operation: String, reason: String)

  package var description: String {
    switch self {
    case .diskFull(let path, let needed, let free?) where free > needed:
      "\(path): \(needed) bytes cannot be written though \(free) are free: a quota or a limit on file sizes (ulimit -f) is reached; "
        + "nothing was written"
    case .diskFull(let path, let needed, let free):
      "\(path): no space left on the device: \(needed) bytes are needed"
        + (free.map { ", \($0) are free" } ?? "") + "; nothing was written"
    case .cannotCreate(let path, let reason): "\(path): cannot be created: \(reason)"
    case .failed(let path, let operation, let reason): "\(path): cannot \(operation): \(reason)"
    }
  }
}

/// What a published file is known by.
package struct FileDigest: Hashable, Sendable {
  package let size: Int
  /// SHA-256 in hexadecimal.
  package let sha256: String

  package init(size: Int, sha256: String) {
    self.size = size
    self.sha256 = sha256
  }

  package init(of bytes: [UInt8]) { self.init(size: bytes.count, sha256: SHA256.hex(bytes)) }
}

/// Publishes files: written beside their place, synced, renamed, the directory synced (anchors 4.3).
///
/// Whatever fails, a reader finds the old file, none, or the whole new one, and no other file is left behind.
package struct AtomicFile: Sendable {
  private let operations: any FileOperations
  private static let counter = Mutex(0)
  /// A call that is interrupted this often is not interrupted but broken.
  private static let largestRetryCount = 100

  package init(_ operations: any FileOperations = SystemFileOperations()) { self.operations = operations }

  /// Publishes bytes under a path, replacing what is there; missing folders are made.
  ///
  /// - Throws: ``PublishError``.
  @discardableResult
  package func publish(_ bytes: [UInt8], to path: String) throws(PublishError) -> FileDigest {
    let folder = Self.folder(of: path)
    try makeFolders(folder, for: path)
    let temporary = try write(bytes, besideFilesIn: folder, for: path)
    do throws(SystemError) {
      try retrying { () throws(SystemError) in try operations.rename(temporary, to: path) }
    } catch {
      try? operations.remove(temporary)
      throw translate(error, path, "rename it into place", needed: bytes.count)
    }
    do throws(SystemError) {
      try retrying { () throws(SystemError) in try operations.syncDirectory(folder) }
    } catch {
      throw translate(error, path, "sync its folder", needed: bytes.count)
    }
    return FileDigest(of: bytes)
  }

  /// A new file under a name that nobody else has, which a killed process may have left.
  private func createTemporary(in folder: String) throws(SystemError) -> (file: Int32, path: String) {
    while true {
      let number = Self.counter.withLock { counter in
        counter += 1
        return counter
      }
      // Short, so that any name that fits has one beside it; the process tells it from another's.
      let path = "\(folder)/.skydiff-\(getpid())-\(number).tmp"
      do throws(SystemError) {
        return (try retrying { () throws(SystemError) in try operations.create(path) }, path)
      } catch {
        // Processes of other hosts, or of the past, may have this number.
        if error.code != EEXIST { throw error }
      }
    }
  }

  /// Writes a temporary file and returns its path.
  private func write(
    _ bytes: [UInt8], besideFilesIn folder: String, for path: String
  ) throws(PublishError) -> String {
    let file: Int32
    let temporary: String
    do throws(SystemError) {
      (file, temporary) = try createTemporary(in: folder)
    } catch {
      if error.isDiskFull { throw translate(error, path, "", needed: bytes.count) }
      throw .cannotCreate(path: path, reason: "\(error)")
    }
    var isOpen = true
    var operation = "write"
    do throws(SystemError) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = try retrying { () throws(SystemError) in
          let result = rest.withUnsafeBytes { buffer in
            Result { () throws(SystemError) in try operations.write(file, buffer) }
          }
          return try result.get()
        }
        guard count > 0 else { throw SystemError(code: ENOSPC) }
        rest = rest.dropFirst(count)
      }
      operation = "sync"
      try retrying { () throws(SystemError) in try operations.sync(file) }
      operation = "close"
      // After a close that failed the number may be another file's.
      isOpen = false
      try operations.close(file)
    } catch {
      if isOpen { try? operations.close(file) }
      try? operations.remove(temporary)
      throw translate(error, path, operation, needed: bytes.count)
    }
    return temporary
  }

  private func retrying<Result>(_ body: () throws(SystemError) -> Result) throws(SystemError) -> Result {
    for _ in 0..<Self.largestRetryCount {
      do throws(SystemError) {
        return try body()
      } catch {
        if error.code != EINTR { throw error }
      }
    }
    throw SystemError(code: EINTR)
  }

  private func translate(
    _ error: SystemError, _ path: String, _ operation: String, needed: Int, in folder: String? = nil
  ) -> PublishError {
    error.isDiskFull
      ? .diskFull(path: path, needed: needed, free: operations.freeSpace(at: folder ?? Self.folder(of: path)))
      : .failed(path: path, operation: operation, reason: "\(error)")
  }

  private func makeFolders(_ folder: String, for path: String) throws(PublishError) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw .cannotCreate(path: path, reason: "\(folder) is not a directory") }
      return
    }
    let parent = Self.folder(of: folder)
    if parent != folder { try makeFolders(parent, for: path) }
    do throws(SystemError) {
      try retrying { () throws(SystemError) in try operations.makeDirectory(folder) }
      try retrying { () throws(SystemError) in try operations.syncDirectory(parent) }
    } catch {
      if error.isDiskFull { throw translate(error, path, "", needed: 4096, in: parent) }
      throw .cannotCreate(path: path, reason: "the folder \(folder): \(error)")
    }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
