// SPDX-License-Identifier: GPL-3.0-or-later
// Files that gzip has compressed.

internal import CDeflate

/// The contents of a gzip file.
///
/// - Throws: ``FITSError/damaged(file:reason:)``, also for contents beyond 4 GiB.
func gunzip(_ bytes: [UInt8], name: String) throws(FITSError) -> [UInt8] {
  guard bytes.count >= 18 else { throw .damaged(file: name, reason: "the gzip file is cut off") }
  // The last four bytes say how much there is; no deflated stream gives more than 1032 times its own length.
  let size = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  guard size <= bytes.count * 1032, let decompressor = libdeflate_alloc_decompressor() else {
    throw .damaged(file: name, reason: "the gzip file claims \(size) bytes")
  }
  defer { libdeflate_free_decompressor(decompressor) }
  var result = [UInt8](repeating: 0, count: size)
  guard libdeflate_gzip_decompress(decompressor, bytes, bytes.count, &result, size, nil) == LIBDEFLATE_SUCCESS else {
    throw .damaged(file: name, reason: "gzip finds it damaged")
  }
  return result
}
