// SPDX-License-Identifier: GPL-3.0-or-later
// Text that cannot become markup.

internal import Mustache

/// Escapes every `& < > " '` and replaces control characters.
///
/// The library's own escaping looks at characters, and takes `"` with a combining accent behind it for another one than `"`; a
/// browser does not.
struct HTMLEscaping: MustacheContentType {
  static let name = "ESCAPED_HTML"

  static func register() { MustacheContentTypes.register(HTMLEscaping(), named: name) }

  func escapeText(_ text: String) -> String {
    var out = ""
    out.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      case "\n", "\t": out.unicodeScalars.append(scalar)
      case _ where scalar.value < 32 || (127..<160).contains(scalar.value): out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// The bytes that a text has on the page, at most.
  static func size(of text: String) -> Int {
    text.utf8.reduce(0) { $0 + ("&<>\"'".utf8.contains($1) ? 6 : $1 < 32 || $1 == 127 ? 3 : 1) }
  }
}
