// SPDX-License-Identifier: GPL-3.0-or-later
// PSFEx's files.

package import Imaging
internal import SkyGeometry

extension PSFExModel {
  /// The model in a `.psf` file of PSFEx.
  ///
  /// The model may depend on the position in the image (`X_IMAGE`, `Y_IMAGE` or their windowed forms), or on nothing; one that
  /// depends on other quantities cannot be evaluated and is refused.
  ///
  /// - Throws: ``FITSError``.
  package init(psfexFile path: String) throws(FITSError) {
    let file = try FITSMemoryFile(path)
    try file.moveToTable("PSF_DATA")
    let axes = try file.integer("POLNAXIS", in: 0...100)
    guard axes == 0 || axes == 2 else {
      throw .invalid(file: path, part: "keyword POLNAXIS", reason: "it is \(axes); a model of the position has 2, or 0")
    }
    var (zero, scale, degree) = (Point2D(x: 1, y: 1), Point2D(x: 1, y: 1), 0)
    if axes == 2 {
      for (axis, letter) in [(1, "X"), (2, "Y")] {
        let quantity = file.text("POLNAME\(axis)") ?? ""
        guard quantity.hasPrefix(letter), quantity.hasSuffix("_IMAGE") else {
          throw .invalid(
            file: path, part: "keyword POLNAME\(axis)",
            reason: "the model depends on \"\(quantity)\", not on \(letter)_IMAGE")
        }
        guard try file.integer("POLGRP\(axis)", in: 1...100) == 1 else {
          throw .invalid(file: path, part: "keyword POLGRP\(axis)", reason: "both coordinates must be in one group")
        }
      }
      zero = Point2D(x: try file.number("POLZERO1"), y: try file.number("POLZERO2"))
      scale = Point2D(x: try file.number("POLSCAL1"), y: try file.number("POLSCAL2"))
      degree = try file.integer("POLDEG1", in: 0...20)
    }
    let planes = try file.integer("PSFAXIS3", in: 1...1000)
    guard planes == SpatialBasis.termCount(order: degree) else {
      throw .invalid(
        file: path, part: "keyword PSFAXIS3", reason: "\(planes) components do not fit a polynomial of degree \(degree)"
      )
    }
    let box = Box2I(
      width: try file.integer("PSFAXIS1", in: 1...4096), height: try file.integer("PSFAXIS2", in: 1...4096))
    // The column's own length is compared with this product before anything is allocated.
    let samples = try file.firstRow(ofColumn: "PSF_MASK", count: box.area * planes)
    do {
      try self.init(
        components: (0..<planes).map { plane throws(ImagingError) in
          try Image(box: box, pixels: Array(samples[plane * box.area..<(plane + 1) * box.area]))
        }, degree: degree, zero: Point2D(x: zero.x - 1, y: zero.y - 1), scale: scale,
        sampling: try file.optionalNumber("PSF_SAMP") ?? 1, fwhm: try file.optionalNumber("PSF_FWHM"))
    } catch let error as ImagingError {
      throw .invalid(file: path, part: "the model", reason: error.description)
    } catch let error as FITSError {
      throw error
    } catch {
      throw .damaged(file: path, reason: "\(error)")
    }
  }
}
