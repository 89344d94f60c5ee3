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
  package consuming func finalize() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    let status = EVP_DigestFinal_ex(context, &digest, nil)
    precondition(status == 1, "libcrypto cannot digest")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// SHA-256 of a text's UTF-8 bytes, in hexadecimal.
  package static func hex(_ text: String) -> String { hex(Array(text.utf8)) }

  /// SHA-256 of bytes, in hexadecimal.
  package static func hex(_ bytes: [UInt8]) -> String {
    var digest = SHA256()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finalize()
  }
}
