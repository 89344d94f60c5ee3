// SPDX-License-Identifier: GPL-3.0-or-later
// What publishing asks of the system.

internal import Foundation

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A call to the system that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  package let code: Int32

  package init(code: Int32) { self.code = code }

  package var description: String { String(cString: strerror(code)) }
  /// What the system says about a failure that Foundation reports.
  static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    if let posix = [underlying, error as NSError].compactMap({ $0 }).first(where: { $0.domain == NSPOSIXErrorDomain }) {
      return SystemError(code: Int32(clamping: posix.code)).description
    }
    return error.localizedDescription
  }

  package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }
}

/// The calls that make a file appear; a test puts failing ones in their place.
package protocol FileOperations: Sendable {
  /// Makes a new file, which must not exist, open for writing.
  func create(_ path: String) throws(SystemError) -> Int32
  /// Writes some of the bytes and says how many.
  func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int
  func sync(_ file: Int32) throws(SystemError)
  func close(_ file: Int32) throws(SystemError)
  func rename(_ old: String, to new: String) throws(SystemError)
  func syncDirectory(_ path: String) throws(SystemError)
  func remove(_ path: String) throws(SystemError)
  /// Makes a directory; one that exists is no error.
  func makeDirectory(_ path: String) throws(SystemError)
  /// Bytes that are free where a path is; `nil` when nobody knows.
  func freeSpace(at path: String) -> Int?
}

/// The system's own calls.
package struct SystemFileOperations: FileOperations {
  package init() {}

  private func check(_ result: Int32) throws(SystemError) { if result != 0 { throw SystemError(code: errno) } }

  package func create(_ path: String) throws(SystemError) -> Int32 {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw SystemError(code: errno) }
    return file
  }

  package func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int {
    // More than 2 GiB at once is not written anywhere.
    #if canImport(Glibc)
      let count = Glibc.write(file, bytes.baseAddress, min(bytes.count, 1 << 30))
    #else
      let count = Darwin.write(file, bytes.baseAddress, min(bytes.count, 1 << 30))
    #endif
    guard count >= 0 else { throw SystemError(code: errno) }
    return count
  }

  package func sync(_ file: Int32) throws(SystemError) { try check(fsync(file)) }

  package func close(_ file: Int32) throws(SystemError) {
    #if canImport(Glibc)
      try check(Glibc.close(file))
    #else
      try check(Darwin.close(file))
    #endif
  }

  package func rename(_ old: String, to new: String) throws(SystemError) {
    #if canImport(Glibc)
      try check(Glibc.rename(old, new))
    #else
      try check(Darwin.rename(old, new))
    #endif
  }

  package func syncDirectory(_ path: String) throws(SystemError) {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw SystemError(code: errno) }
    let result = fsync(directory)
    let code = errno
    #if canImport(Glibc)
      _ = Glibc.close(directory)
    #else
      _ = Darwin.close(directory)
    #endif
    // Some network file systems sync no directories, and need not.
    if result != 0, code != EINVAL, code != ENOTSUP { throw SystemError(code: code) }
  }

  package func remove(_ path: String) throws(SystemError) { try check(unlink(path)) }

  package func makeDirectory(_ path: String) throws(SystemError) {
    if mkdir(path, 0o755) != 0, errno != EEXIST { throw SystemError(code: errno) }
  }

  package func freeSpace(at path: String) -> Int? {
    var info = statvfs()
    guard statvfs(path, &info) == 0 else { return nil }
    return Int(clamping: info.f_bavail).multipliedReportingOverflow(by: Int(clamping: info.f_frsize)).partialValue
  }
}
