// SPDX-License-Identifier: GPL-3.0-or-later
// Text that is equal and ordered by its bytes.

internal import Foundation

/// A text that equals only one of the same UTF-8 bytes and is ordered by them.
///
/// A `String` equals others that spell the same characters otherwise (é as one scalar or two): as a key of a dictionary the
/// spelling that came first would stay, and the result would depend on the order.
struct ByteText: Sendable, Hashable, Comparable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: ByteText, b: ByteText) -> Bool {
    let isSame = a.text.utf8.withContiguousStorageIfAvailable { x in
      b.text.utf8.withContiguousStorageIfAvailable { y in
        guard x.count == y.count, let start = x.baseAddress, let other = y.baseAddress else {
          return x.count == y.count
        }
        return memcmp(start, other, x.count) == 0
      }
    }
    return isSame.flatMap { $0 } ?? a.text.utf8.elementsEqual(b.text.utf8)
  }

  static func < (a: ByteText, b: ByteText) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    let isDone: Void? = text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    if isDone == nil { for byte in text.utf8 { hasher.combine(byte) } }
  }
}

extension String {
  /// The text, or as much of its beginning as fits, with `…` behind it.
  func clipped(toBytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(startIndex, offsetBy: limit)
    while end.samePosition(in: unicodeScalars) == nil, end > startIndex { end = utf8.index(before: end) }
    return String(unicodeScalars[..<end]) + "…"
  }
}
