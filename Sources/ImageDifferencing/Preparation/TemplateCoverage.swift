// SPDX-License-Identifier: GPL-3.0-or-later
// How much of an exposure a template covers.

package import Imaging
package import SkyGeometry

/// The share of a box in which both images have data (differencing A2.3).
///
/// - Throws: ``Imaging/ImagingError`` for a mask without the plane NO_DATA.
package func templateCoverage(
  _ template: MaskedImage, _ science: MaskedImage, in box: Box2I
) throws(ImagingError) -> Double {
  let common = box.intersection(template.box).intersection(science.box)
  guard !box.isEmpty else { return 0 }
  let (a, b) = (try template.mask.planes.bitMask("NO_DATA"), try science.mask.planes.bitMask("NO_DATA"))
  let (first, second) = (template.mask.bits, science.mask.bits)
  let (p, q) = (common.minX - first.box.minX, common.minX - second.box.minX)
  var count = 0
  for y in common.minY..<common.endY {
    let (own, other) = (first.row(y), second.row(y))
    for i in 0..<common.width { count += own[p + i] & a == 0 && other[q + i] & b == 0 ? 1 : 0 }
  }
  return Double(count) / Double(box.area)
}
