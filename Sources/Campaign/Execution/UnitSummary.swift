// SPDX-License-Identifier: GPL-3.0-or-later
// A unit's end, in short, and how it travels.

internal import Digests
package import Repository
package import Scheduling

/// What a rank says of a unit that it has done, in short.
package struct UnitSummary: Hashable, Sendable {
  package enum End: UInt8, Hashable, Sendable, CaseIterable { case succeeded, failed, blocked }

  package struct Quantum: Hashable, Sendable {
    package let end: End
    /// By the output's place among the quantum's.
    package let files: [Int: FileDigest]

    package init(end: End, files: [Int: FileDigest]) {
      self.end = end
      self.files = files
    }
  }

  package let quanta: [Quantum]

  package init(quanta: [Quantum]) { self.quanta = quanta }
}

extension UnitSummary {
  /// The summary, which the coordinator reads, and the journal's line, which it writes down as it is.
  package func encoded(with journalMembers: String) -> [UInt8] {
    var out = WireWriter()
    out.put(quanta) { out, quantum in
      out.put(quantum.end.rawValue)
      out.put(quantum.files.sorted { $0.key < $1.key }) { out, file in
        out.put(Int32(clamping: file.key))
        out.put(Int64(file.value.size))
        out.put(file.value.sha256)
      }
    }
    out.put(journalMembers)
    return out.bytes
  }

  /// - Throws: ``Scheduling/WireError``.
  package static func decode(_ bytes: [UInt8]) throws(WireError) -> (UnitSummary, journalMembers: String) {
    var reader = WireReader(bytes)
    let quanta = try reader.list { reader throws(WireError) in
      guard let end = End(rawValue: try reader.number()) else { throw WireError("a quantum has no such end") }
      var files: [Int: FileDigest] = [:]
      for (place, digest) in try reader.list({ reader throws(WireError) -> (Int, FileDigest) in
        let place = Int(try reader.number(Int32.self))
        let size = try reader.number(Int64.self)
        let sha256 = try reader.string()
        guard size >= 0, Digest256(hex: sha256) != nil else { throw WireError("a file has no such digest") }
        return (place, FileDigest(size: Int(size), sha256: sha256))
      }) { files[place] = digest }
      return Quantum(end: end, files: files)
    }
    let members = try reader.string()
    try reader.expectEnd()
    // Bytes, since "\r\n" is one character that is neither.
    guard !members.utf8.contains(10) else { throw WireError("a record has several lines") }
    return (UnitSummary(quanta: quanta), members)
  }
}
