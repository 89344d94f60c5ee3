// SPDX-License-Identifier: GPL-3.0-or-later
// Which warps make a coadd.

/// A coadd to make of some of the warps.
package struct CoaddSelection: Hashable, Sendable {
  /// What metadata call it.
  package let name: String
  /// Which of the warps, ascending.
  package let members: [Int]

  package init(name: String, members: [Int]) {
    self.name = name
    self.members = members
  }
}
