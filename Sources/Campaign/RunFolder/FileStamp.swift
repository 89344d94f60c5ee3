// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a file is the one that was written.

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What the file system knows a file by: while it stays as it was, nobody has touched the file, and its content need not be read to
/// know that.
///
/// The time is that of the last change of anything about the file, which no program can set back as it can that of its content.
package struct FileStamp: Hashable, Sendable {
  private let inode: UInt64
  private let seconds: Int64
  private let nanoseconds: Int64
  package let size: Int64

  /// - Returns: `nil` where there is no regular file.
  package init?(of path: String) {
    var info = stat()
    guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    inode = UInt64(info.st_ino)
    size = Int64(info.st_size)
    #if canImport(Glibc)
      seconds = Int64(info.st_ctim.tv_sec)
      nanoseconds = Int64(info.st_ctim.tv_nsec)
    #else
      seconds = Int64(info.st_ctimespec.tv_sec)
      nanoseconds = Int64(info.st_ctimespec.tv_nsec)
    #endif
  }

  package var text: String { "\(inode):\(seconds).\(nanoseconds):\(size)" }

  package init?(text: String) {
    let parts = text.split { $0 == ":" || $0 == "." }
    guard parts.count == 4, let inode = UInt64(parts[0]), let seconds = Int64(parts[1]),
      let nanoseconds = Int64(parts[2]), let size = Int64(parts[3])
    else { return nil }
    self.inode = inode
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.size = size
  }
}
