// SPDX-License-Identifier: GPL-3.0-or-later
// Reading files that nobody vouches for.

internal import Foundation

/// Why a file could not be read into memory.
package enum ReadError: Error, Hashable, Sendable, CustomStringConvertible {
  case missing(path: String)
  case unreadable(path: String, reason: String)
  case tooLarge(path: String, size: Int, limit: Int)
  /// The file is not the one that was recorded.
  case digestMismatch(path: String, found: FileDigest, expected: FileDigest)

  /// What is wrong, without the file's name.
  package var reason: String {
    switch self {
    case .missing: "there is no such file"
    case .unreadable(_, let reason): reason
    case .tooLarge(_, let size, let limit): "it has \(size) bytes, more than the \(limit) that are read"
    case .digestMismatch: "it is not the file that was recorded"
    }
  }

  package var description: String {
    switch self {
    case .missing(let path): "\(path): there is no such file"
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .tooLarge(let path, let size, let limit): "\(path): has \(size) bytes, more than the \(limit) that are read"
    case .digestMismatch(let path, let found, let expected):
      found.size == expected.size
        ? "\(path): its SHA-256 is \(found.sha256), recorded is \(expected.sha256): the file is damaged or was replaced"
        : "\(path): it has \(found.size) bytes, recorded are \(expected.size): the file is damaged or was replaced"
    }
  }
}

/// Reads a whole regular file.
///
/// - Parameter expected: what the file has to be; compared before anything looks into it.
/// - Throws: ``ReadError``.
package func readFile(
  _ path: String, limit: Int = 1 << 34, expecting expected: FileDigest? = nil
) throws(ReadError) -> [UInt8] {
  let size = try sizeOfRegularFile(path)
  let bytes: [UInt8]
  do {
    guard size <= limit else { throw ReadError.tooLarge(path: path, size: size, limit: limit) }
    if let expected, expected.size != size {
      throw ReadError.digestMismatch(path: path, found: FileDigest(size: size, sha256: ""), expected: expected)
    }
    let handle = try FileHandle(forReadingFrom: URL(filePath: path))
    defer { try? handle.close() }
    // Never more than the limit, whatever the file grows to meanwhile.
    bytes = Array(try handle.read(upToCount: size + 1) ?? Data())
    guard bytes.count <= size else { throw ReadError.unreadable(path: path, reason: "it grew while it was read") }
  } catch let error as ReadError {
    throw error
  } catch {
    throw .unreadable(path: path, reason: SystemError.reason(error))
  }
  if let expected {
    let found = FileDigest(of: bytes)
    guard found == expected else { throw .digestMismatch(path: path, found: found, expected: expected) }
  }
  return bytes
}

/// The first bytes of a regular file, fewer when it is shorter: enough to tell what it is.
///
/// - Throws: ``ReadError``.
package func readBeginning(of path: String, count: Int) throws(ReadError) -> [UInt8] {
  _ = try sizeOfRegularFile(path)
  do {
    let handle = try FileHandle(forReadingFrom: URL(filePath: path))
    defer { try? handle.close() }
    return Array(try handle.read(upToCount: count) ?? Data())
  } catch {
    throw .unreadable(path: path, reason: SystemError.reason(error))
  }
}

/// - Throws: ``ReadError`` for what is no regular file.
private func sizeOfRegularFile(_ path: String) throws(ReadError) -> Int {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { throw .missing(path: path) }
  guard !isFolder.boolValue else { throw .unreadable(path: path, reason: "it is a directory") }
  let attributes: [FileAttributeKey: Any]
  do {
    // A link counts as what it leads to; pipes and devices have no end.
    attributes = try FileManager.default.attributesOfItem(atPath: URL(filePath: path).resolvingSymlinksInPath().path)
  } catch {
    throw .unreadable(path: path, reason: SystemError.reason(error))
  }
  guard attributes[.type] as? FileAttributeType == .typeRegular else {
    throw .unreadable(path: path, reason: "it is not a regular file")
  }
  return attributes[.size] as? Int ?? 0
}
