// SPDX-License-Identifier: GPL-3.0-or-later
// Images of counts in files.

package import HDF5
package import Imaging
internal import SkyGeometry

/// How many inputs each pixel of a coadd is made of.
extension Image: DatasetReadable where Pixel == UInt16 {}

extension Image: DatasetContent where Pixel == UInt16 {
  package static var formatName: String { "skydiff count image" }
  package static var formatVersion: Int { 1 }

  package func write(to root: HDF5Group) throws {
    try root.setAttribute("xy0", [box.minX, box.minY])
    let dataset = try root.write("image", pixels, shape: [box.height, box.width])
    try dataset.setAttribute("long_name", "number of inputs")
    try dataset.setAttribute("axes", "y, x")
  }

  package static func read(from root: HDF5Group) throws -> Image<UInt16> {
    try Image(box: try Exposure.readBox(root), pixels: try root.dataset("image").read(UInt16.self))
  }
}
