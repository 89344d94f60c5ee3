// SPDX-License-Identifier: GPL-3.0-or-later
// The filters of a chunk: shuffle, deflate, Fletcher-32.

internal import CDeflate

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Makes the stored form of chunks, as the library's own filters would, with a faster deflate.
struct ChunkEncoder {
  /// The chunk to encode; the caller fills it.
  var raw: [UInt8]
  private var shuffled: [UInt8]
  /// The stored form, as long as ``encode()`` says.
  private(set) var stored: [UInt8]
  private let elementSize: Int
  private let compressor: Compressor

  private final class Compressor {
    let pointer: OpaquePointer

    init(level: Int) {
      guard let pointer = libdeflate_alloc_compressor(Int32(max(1, min(12, level)))) else {
        preconditionFailure("out of memory")
      }
      self.pointer = pointer
    }

    deinit { libdeflate_free_compressor(pointer) }
  }

  init(elementSize: Int, byteCount: Int, level: Int) {
    compressor = Compressor(level: level)
    self.elementSize = elementSize
    raw = [UInt8](repeating: 0, count: byteCount)
    shuffled = elementSize > 1 ? raw : []
    stored = [UInt8](repeating: 0, count: libdeflate_zlib_compress_bound(compressor.pointer, byteCount) + 4)
  }

  /// Makes ``stored`` of ``raw`` and returns its length.
  mutating func encode() -> Int {
    if elementSize > 1 { shuffle(raw, into: &shuffled, elementSize: elementSize) }
    let source = elementSize > 1 ? shuffled : raw
    let length = stored.withUnsafeMutableBytes { target in
      libdeflate_zlib_compress(compressor.pointer, source, source.count, target.baseAddress, target.count - 4)
    }
    precondition(length > 0, "the bound on a deflated size does not hold")
    let sum = fletcher32(stored[0..<length])
    for i in 0..<4 { stored[length + i] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(i))) }
    return length + 4
  }
}

/// Undoes what ``ChunkEncoder`` does.
final class ChunkDecoder {
  private(set) var raw: [UInt8]
  private var shuffled: [UInt8]
  private let elementSize: Int
  private let decompressor: OpaquePointer

  init(elementSize: Int, byteCount: Int) {
    guard let decompressor = libdeflate_alloc_decompressor() else { preconditionFailure("out of memory") }
    self.decompressor = decompressor
    self.elementSize = elementSize
    raw = [UInt8](repeating: 0, count: byteCount)
    shuffled = elementSize > 1 ? raw : []
  }

  deinit { libdeflate_free_decompressor(decompressor) }

  /// Fills ``raw``.
  ///
  /// - Returns: what is wrong, `nil` when nothing is.
  func decode(_ stored: [UInt8]) -> String? {
    guard stored.count > 4 else { return "a chunk has \(stored.count) bytes" }
    let length = stored.count - 4
    let sum = (0..<4).reduce(UInt32(0)) { $0 | UInt32(stored[length + $1]) << (8 * UInt32($1)) }
    guard fletcher32(stored[0..<length]) == sum else { return "a chunk's Fletcher-32 checksum does not match" }
    func inflate(_ target: inout [UInt8]) -> Bool {
      target.withUnsafeMutableBytes {
        libdeflate_zlib_decompress(decompressor, stored, length, $0.baseAddress, $0.count, nil)
      } == LIBDEFLATE_SUCCESS
    }
    guard elementSize > 1 else { return inflate(&raw) ? nil : "a chunk cannot be inflated" }
    guard inflate(&shuffled) else { return "a chunk cannot be inflated" }
    unshuffle(shuffled, into: &raw, elementSize: elementSize)
    return nil
  }
}

/// Puts the first bytes of all elements first, then the second ones, and so on; a rest stays at the end.
private func shuffle(_ source: [UInt8], into target: inout [UInt8], elementSize: Int) {
  let count = source.count / elementSize
  source.withUnsafeBufferPointer { from in
    target.withUnsafeMutableBufferPointer { to in
      guard let from = from.baseAddress, let to = to.baseAddress else { return }
      // Pixels, sixteen at a time; whatever is left, or wider, in blocks, so that the many streams stay in the cache.
      let done = elementSize == 4 ? count / 16 * 16 : 0
      for i in stride(from: 0, to: done, by: 16) {
        let words = UnsafeRawPointer(from + 4 * i).loadUnaligned(as: SIMD16<UInt32>.self)
        for byte in 0..<4 {
          let bytes = SIMD16<UInt8>(truncatingIfNeeded: words &>> UInt32(8 * byte))
          UnsafeMutableRawPointer(to + byte * count + i).storeBytes(of: bytes, as: SIMD16<UInt8>.self)
        }
      }
      for start in stride(from: done, to: count, by: 64) {
        let end = min(count, start + 64)
        for byte in 0..<elementSize {
          let line = to + byte * count
          for i in start..<end { line[i] = from[i * elementSize + byte] }
        }
      }
    }
  }
  let rest = count * elementSize
  for i in rest..<source.count { target[i] = source[i] }
}

private func unshuffle(_ source: [UInt8], into target: inout [UInt8], elementSize: Int) {
  let count = source.count / elementSize
  source.withUnsafeBufferPointer { from in
    target.withUnsafeMutableBufferPointer { to in
      guard let from = from.baseAddress, let to = to.baseAddress else { return }
      let done = elementSize == 4 ? count / 16 * 16 : 0
      for i in stride(from: 0, to: done, by: 16) {
        var words = SIMD16<UInt32>.zero
        for byte in 0..<4 {
          let bytes = UnsafeRawPointer(from + byte * count + i).loadUnaligned(as: SIMD16<UInt8>.self)
          words |= SIMD16<UInt32>(truncatingIfNeeded: bytes) &<< UInt32(8 * byte)
        }
        UnsafeMutableRawPointer(to + 4 * i).storeBytes(of: words, as: SIMD16<UInt32>.self)
      }
      for start in stride(from: done, to: count, by: 64) {
        let end = min(count, start + 64)
        for byte in 0..<elementSize {
          let line = from + byte * count
          for i in start..<end { to[i * elementSize + byte] = line[i] }
        }
      }
    }
  }
  let rest = count * elementSize
  for i in rest..<source.count { target[i] = source[i] }
}

/// Fletcher's checksum over 16-bit words, first byte high, as HDF5 defines it; an odd byte at the end counts as high.
private func fletcher32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  bytes.withUnsafeBufferPointer { bytes in
    var (first, second) = (UInt32(0), UInt32(0))
    func fold(_ sum: UInt32) -> UInt32 { (sum & 0xFFFF) + (sum >> 16) }
    let words = bytes.count / 2
    var word = 0
    while word < words {
      // After so many the second sum could overflow.
      let end = min(words, word + 360)
      while word < end {
        first &+= UInt32(bytes[2 * word]) << 8 | UInt32(bytes[2 * word + 1])
        second &+= first
        word += 1
      }
      first = fold(first)
      second = fold(second)
    }
    if bytes.count % 2 == 1 {
      first = fold(first &+ UInt32(bytes[bytes.count - 1]) << 8)
      second = fold(second &+ first)
    }
    return fold(second) << 16 | fold(first)
  }
}
