// SPDX-License-Identifier: GPL-3.0-or-later
// What comes of warps.

package import Imaging

/// A coadd and how many visits each pixel is made of.
package struct Coadd: Sendable {
  package var exposure: Exposure
  package var inputCount: Image<UInt16>
}
