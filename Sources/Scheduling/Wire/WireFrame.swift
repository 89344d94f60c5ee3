// SPDX-License-Identifier: GPL-3.0-or-later
// What every message has around it.

internal import Digests

/// The frame of a message: mark, version, kind, length and checksum, then the content.
package enum WireFrame {
  private static let mark: UInt32 = 0x5346_4453
  /// Counts changes after which two programs do not understand one another.
  package static let version: UInt16 = 1
  package static let headerSize = 16
  /// No message is longer; an announced length beyond it is garbage.
  package static let largestContent = 1 << 28

  package static func wrap(kind: UInt8, _ content: [UInt8]) -> [UInt8] {
    var writer = WireWriter()
    writer.put(mark)
    writer.put(version)
    writer.put(kind)
    // The checksum is the content's alone, so the kind is there twice: a damaged one would be another message.
    writer.put(~kind)
    writer.put(UInt32(clamping: content.count))
    writer.put(CRC32.checksum(content))
    return writer.bytes + content
  }

  /// - Throws: ``WireError`` for anything that ``wrap(kind:_:)`` did not make.
  package static func unwrap(_ bytes: [UInt8]) throws(WireError) -> (kind: UInt8, content: [UInt8]) {
    var reader = WireReader(bytes)
    guard try reader.number(UInt32.self) == mark else { throw WireError("it does not begin as ours do") }
    let version = try reader.number(UInt16.self)
    guard version == Self.version else {
      throw WireError("it has version \(version), this program \(Self.version): all ranks need the same program")
    }
    let kind = try reader.number(UInt8.self)
    guard try reader.number(UInt8.self) == ~kind else { throw WireError("its kind is damaged") }
    let length = Int(try reader.number(UInt32.self))
    let checksum = try reader.number(UInt32.self)
    guard length == reader.remaining, length <= largestContent else {
      throw WireError("\(length) bytes are announced, \(reader.remaining) are there")
    }
    let content = Array(bytes[headerSize...])
    guard CRC32.checksum(content) == checksum else { throw WireError("its checksum is wrong") }
    return (kind, content)
  }
}
