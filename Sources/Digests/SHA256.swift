// SPDX-License-Identifier: GPL-3.0-or-later
// The digest by which contents are known.

private import CCrypto

/// SHA-256 of bytes that come in pieces.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  package init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto has no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    precondition(status == 1, "libcrypto cannot digest")
  }

  /// The digest in hexadecimal, of 64 characters.
  package consuming func finalize() -> String { finalizeDigest().hex }

  package consuming func finalizeDigest() -> Digest256 {
    var bytes = [UInt8](repeating: 0, count: 32)
    let status = EVP_DigestFinal_ex(context, &bytes, nil)
    precondition(status == 1, "libcrypto cannot digest")
    return Digest256(bytes)
  }

  /// SHA-256 of a text's UTF-8 bytes, in hexadecimal.
  package static func hex(_ text: String) -> String { hex(Array(text.utf8)) }

  /// SHA-256 of bytes, in hexadecimal.
  package static func hex(_ bytes: [UInt8]) -> String { digest(bytes).hex }

  package static func digest(_ bytes: [UInt8]) -> Digest256 {
    var digest = SHA256()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finalizeDigest()
  }
}

/// A digest of 256 bits; a campaign holds millions.
package struct Digest256: Hashable, Sendable, CustomStringConvertible {
  private let words: SIMD4<UInt64>

  /// - Parameter bytes: 32.
  fileprivate init(_ bytes: [UInt8]) {
    var words = SIMD4<UInt64>()
    for i in 0..<32 { words[i / 8] = words[i / 8] << 8 | UInt64(bytes[i]) }
    self.words = words
  }

  /// - Returns: `nil` for anything but 64 hexadecimal digits in lower case.
  package init?(hex: String) {
    guard hex.utf8.count == 64 else { return nil }
    var words = SIMD4<UInt64>()
    for (i, digit) in hex.utf8.enumerated() {
      let value: UInt8
      switch digit {
      case 48...57: value = digit - 48
      case 97...102: value = digit - 87
      default: return nil
      }
      words[i / 16] = words[i / 16] << 4 | UInt64(value)
    }
    self.words = words
  }

  package var bytes: [UInt8] {
    (0..<32).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(56 - 8 * ($0 % 8))) }
  }

  package var hex: String {
    let digits: [UInt8] = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  package var description: String { hex }
}
