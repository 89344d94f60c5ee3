// SPDX-License-Identifier: GPL-3.0-or-later
// The checksum that tells damage, not malice.

private import CDeflate

/// CRC-32 (ISO 3309, as gzip and zip have it).
package enum CRC32 {
  package static func checksum(_ bytes: some ContiguousBytesCollection) -> UInt32 {
    bytes.withContiguousBytes { libdeflate_crc32(0, $0.baseAddress, $0.count) }
  }
}

/// Bytes that lie in a row.
package protocol ContiguousBytesCollection {
  func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

extension [UInt8]: ContiguousBytesCollection {
  package func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(body)
  }
}

extension ArraySlice<UInt8>: ContiguousBytesCollection {
  package func withContiguousBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(body)
  }
}
