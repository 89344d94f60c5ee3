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
  let (first, second) = (template.mask.cropped(to: common), science.mask.cropped(to: common))
  let (a, b) = (try first.planes.bitMask("NO_DATA"), try second.planes.bitMask("NO_DATA"))
  var count = 0
  for (p, q) in zip(first.bits.pixels, second.bits.pixels) where p & a == 0 && q & b == 0 { count += 1 }
  return Double(count) / Double(box.area)
}
