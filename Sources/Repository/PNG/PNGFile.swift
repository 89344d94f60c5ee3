// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures as PNG files.

internal import CDeflate
internal import Digests

/// A picture of 8 bits a colour; rows from the top.
package struct Picture: Sendable {
  package let width: Int
  package let height: Int
  /// Red, green and blue of each pixel, row by row.
  package private(set) var bytes: [UInt8]

  /// - Precondition: sides from 1 to 32768.
  package init(width: Int, height: Int, fill: (UInt8, UInt8, UInt8) = (255, 255, 255)) {
    precondition((1...32_768).contains(width) && (1...32_768).contains(height))
    self.width = width
    self.height = height
    bytes = []
    bytes.reserveCapacity(3 * width * height)
    for _ in 0..<width * height { bytes += [fill.0, fill.1, fill.2] }
  }

  /// Colours a pixel; outside of the picture nothing happens.
  package mutating func set(x: Int, y: Int, _ color: (UInt8, UInt8, UInt8)) {
    guard x >= 0, x < width, y >= 0, y < height else { return }
    let start = 3 * (y * width + x)
    (bytes[start], bytes[start + 1], bytes[start + 2]) = color
  }
}

/// A picture as a PNG file (ISO/IEC 15948), with texts that say what it is.
package func pngFile(of picture: Picture, texts: [(keyword: String, text: String)] = []) -> [UInt8] {
  var rows: [UInt8] = []
  rows.reserveCapacity(picture.bytes.count + picture.height)
  for y in 0..<picture.height {
    // Each row begins with its filter: none.
    rows.append(0)
    rows += picture.bytes[3 * y * picture.width..<3 * (y + 1) * picture.width]
  }
  var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  file += chunk("IHDR", bigEndian(picture.width) + bigEndian(picture.height) + [8, 2, 0, 0, 0])
  for (keyword, text) in texts { file += chunk("tEXt", Array(keyword.utf8) + [0] + latin1(text)) }
  file += chunk("IDAT", deflated(rows))
  return file + chunk("IEND", [])
}

private func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
  let body = Array(type.utf8) + data
  return bigEndian(data.count) + body + bigEndian(Int(CRC32.checksum(body)))
}

private func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

/// What the format has no letter for is a question mark.
private func latin1(_ text: String) -> [UInt8] { text.unicodeScalars.map { $0.value < 256 ? UInt8($0.value) : 0x3F } }

private func deflated(_ bytes: [UInt8]) -> [UInt8] {
  guard let compressor = libdeflate_alloc_compressor(6) else { preconditionFailure("out of memory") }
  defer { libdeflate_free_compressor(compressor) }
  var result = [UInt8](repeating: 0, count: libdeflate_zlib_compress_bound(compressor, bytes.count))
  let length = libdeflate_zlib_compress(compressor, bytes, bytes.count, &result, result.count)
  precondition(length > 0, "the bound on a deflated size does not hold")
  return Array(result[..<length])
}
