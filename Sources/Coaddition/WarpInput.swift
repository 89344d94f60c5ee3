// SPDX-License-Identifier: GPL-3.0-or-later
// What warps are made of.

package import Imaging

/// An exposure of a visit, read when its turn has come.
package struct WarpInput {
  package let detector: Int64
  package let load: () throws -> Exposure

  package init(detector: Int64, load: @escaping () throws -> Exposure) {
    self.detector = detector
    self.load = load
  }
}
