// SPDX-License-Identifier: GPL-3.0-or-later
// Text for columns of a fixed length.

extension String {
  /// As many of the first characters as fit into so many bytes.
  func utf8Prefix(_ count: Int) -> String {
    var result = self
    while result.utf8.count > count { result.removeLast() }
    return result
  }
}
