// SPDX-License-Identifier: GPL-3.0-or-later
// The first bytes of a file, looked at before the library is.

internal import Foundation

/// The superblock of an HDF5 file (format specification II.A).
enum Superblock {
  /// Bytes of versions 2 and 3.
  static let length = 48
  private static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let endOffset = 28

  /// Refuses what is not a whole HDF5 file of an accepted kind.
  ///
  /// - Throws: ``HDF5Error/notAccepted(file:reason:)``.
  static func check(
    _ name: String, prefix: ArraySlice<UInt8>, fileSize: Int, _ acceptance: HDF5File.Acceptance
  ) throws(HDF5Error) {
    guard fileSize > 0 else { throw .notAccepted(file: name, reason: "the file is empty") }
    guard prefix.starts(with: signature), prefix.count == length else {
      throw .notAccepted(file: name, reason: "not an HDF5 file: it does not begin as one")
    }
    let version = prefix[prefix.startIndex + 8]
    guard version == 2 || version == 3 else {
      if acceptance == .anyVersion, version < 2 { return }
      throw .notAccepted(
        file: name,
        reason: version < 2
          ? "its metadata has no checksums (superblock version \(version)); write it with libver=\"v110\" in h5py"
          : "superblock version \(version) is not known")
    }
    guard let end = end(of: prefix), end <= fileSize else {
      throw .notAccepted(file: name, reason: "the file is cut off: it has \(fileSize) bytes and should have more")
    }
  }

  /// Where the file ends, as its superblock of version 2 or 3 says; `nil` when that is not possible.
  static func end(of prefix: ArraySlice<UInt8>) -> Int? {
    guard prefix.count >= length else { return nil }
    var value: UInt64 = 0
    for i in (0..<8).reversed() { value = value << 8 | UInt64(prefix[prefix.startIndex + endOffset + i]) }
    return Int(exactly: value)
  }

  /// The first bytes and the size of a file.
  ///
  /// - Throws: ``HDF5Error/notAccepted(file:reason:)``.
  static func read(_ path: String) throws(HDF5Error) -> ([UInt8], Int) {
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      guard
        attributes[.type] as? FileAttributeType == .typeRegular
          || attributes[.type] as? FileAttributeType == .typeSymbolicLink,
        let handle = FileHandle(forReadingAtPath: path)
      else { throw HDF5Error.notAccepted(file: path, reason: "cannot be read: it is not a regular file") }
      defer { try? handle.close() }
      let size = try handle.seekToEnd()
      try handle.seek(toOffset: 0)
      return (Array(try handle.read(upToCount: length) ?? Data()), Int(size))
    } catch let error as HDF5Error {
      throw error
    } catch {
      throw .notAccepted(file: path, reason: "cannot be read: \(error.localizedDescription)")
    }
  }
}
