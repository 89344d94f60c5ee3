// SPDX-License-Identifier: GPL-3.0-or-later
// The digest that identifies a sky map.

private import CCrypto

/// SHA-256 of a text's UTF-8 bytes, in hexadecimal.
func sha256Hex(_ text: String) -> String {
  var digest = [UInt8](repeating: 0, count: 32)
  var length: UInt32 = 0
  let bytes = Array(text.utf8)
  let status = EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
  precondition(status == 1 && length == 32, "libcrypto has no SHA-256")
  let digits = Array("0123456789abcdef")
  return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
