// SPDX-License-Identifier: GPL-3.0-or-later
// Text as columns have it.

extension String {
  /// As many of the first characters as fit into so many bytes.
  func utf8Prefix(_ count: Int) -> String {
    var result = self
    while result.utf8.count > count { result.removeLast() }
    return result
  }

  /// Without the blanks at both ends, which columns of a fixed length fill text up with.
  var withoutOuterBlanks: String {
    var text = self[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
