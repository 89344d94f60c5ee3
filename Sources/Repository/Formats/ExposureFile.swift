// SPDX-License-Identifier: GPL-3.0-or-later
// Exposures in files.

package import HDF5
package import Imaging
internal import SkyGeometry

extension Exposure: DatasetContent {
  package static let formatName = "skydiff exposure"
  package static let formatVersion = 1

  package func write(to root: HDF5Group) throws {
    try root.setAttribute("xy0", [box.minX, box.minY])
    let shape = [box.height, box.width]
    let image = try root.write("image", maskedImage.image.pixels, shape: shape)
    let mask = try root.write("mask", maskedImage.mask.bits.pixels.map { Int32(bitPattern: $0) }, shape: shape)
    let variance = try root.write("variance", maskedImage.variance.pixels, shape: shape)
    // A count of warps and coadds is a nanojansky.
    let unit = photoCalib.map { $0.mean == 1 && $0.field == nil } ?? false ? "nJy" : "count"
    for (dataset, units, name) in [
      (image, unit, "pixel values"), (variance, unit + "2", "variance of the pixel values"),
      (mask, "", "bits of what is known about each pixel"),
    ] {
      if !units.isEmpty { try dataset.setAttribute("units", units) }
      try dataset.setAttribute("long_name", name)
      try dataset.setAttribute("axes", "y, x")
    }
    let bits = maskedImage.mask.planes.bits
    for name in maskedImage.mask.planes.planeNames { try mask.setAttribute("MP_\(name)", bits[name] ?? 0) }
    if let psf { try writePSF(psf, to: try root.makeGroup("psf")) }
    if let wcs { try root.makeGroup("wcs").writeStrings("header", wcs.cards.cards, length: 80) }
    try photoCalib?.write(to: try root.makeGroup("photoCalib"))
    try visitInfo?.write(to: try root.makeGroup("visitInfo"))
    try filter?.write(to: try root.makeGroup("filter"))
    try detector?.write(to: try root.makeGroup("detector"))
    if let apCorrMap {
      let group = try root.makeGroup("apCorr")
      for name in apCorrMap.names { try apCorrMap[name]?.write(to: group, name) }
    }
  }

  package static func read(from root: HDF5Group) throws -> Exposure {
    var exposure = try readCalibrations(root)
    exposure.maskedImage = try readPixels(root)
    return exposure
  }

  /// What is known about an exposure; the image is empty.
  static func readCalibrations(_ root: HDF5Group) throws -> Exposure {
    var exposure = Exposure(MaskedImage(box: Box2I(width: 0, height: 0)))
    if root.contains("psf") { exposure.psf = try readPSF(try root.group("psf")) }
    if root.contains("wcs") {
      exposure.wcs = try SkyWCS(header: try root.group("wcs").dataset("header").readStrings())
    }
    if root.contains("photoCalib") { exposure.photoCalib = try PhotoCalib(reading: try root.group("photoCalib")) }
    if root.contains("visitInfo") { exposure.visitInfo = try VisitInfo(reading: try root.group("visitInfo")) }
    if root.contains("filter") { exposure.filter = try FilterLabel(reading: try root.group("filter")) }
    if root.contains("detector") { exposure.detector = try Detector(reading: try root.group("detector")) }
    if root.contains("apCorr") {
      let group = try root.group("apCorr")
      var map = ApCorrMap()
      for name in try group.names { map[name] = try SpatialFunction(reading: try group.dataset(name)) }
      exposure.apCorrMap = map
    }
    return exposure
  }

  private static func readPixels(_ root: HDF5Group) throws -> MaskedImage {
    let box = try readBox(root)
    let image = try root.dataset("image")
    let (mask, variance) = (try root.dataset("mask"), try root.dataset("variance"))
    for dataset in [mask, variance] { try dataset.requireShape(image.shape) }
    let planes = try readPlanes(mask)
    return try MaskedImage(
      image: try Image(box: box, pixels: try image.read(Float.self)),
      mask: Mask(
        bits: try Image(box: box, pixels: try mask.read(Int32.self).map { UInt32(bitPattern: $0) }), planes: planes),
      variance: try Image(box: box, pixels: try variance.read(Float.self)))
  }
}

extension Exposure {
  /// The pixels of an image, by its shape and where it begins.
  static func readBox(_ root: HDF5Group) throws -> Box2I {
    let image = try root.dataset("image")
    guard image.shape.count == 2 else {
      throw HDF5Error.unexpected(
        file: root.file, object: "/image", found: "an array of \(image.shape.count) axes", expected: "one of 2")
    }
    let corner = try root.integers("xy0", count: 2)
    return try Box2I(checkingMinX: corner[0], minY: corner[1], width: image.shape[1], height: image.shape[0])
  }

  /// The planes that a mask's attributes name.
  static func readPlanes(_ mask: HDF5Dataset) throws -> MaskPlanes {
    var bits: [String: Int] = [:]
    for name in try mask.attributeNames where name.hasPrefix("MP_") {
      bits[String(name.dropFirst(3))] = try mask.integer(name, in: 0...31)
    }
    return try MaskPlanes(bits: bits)
  }
}

/// The pixels of an exposure file, a few rows at a time: for coadds, which have more warps than memory.
///
/// - Parameters:
///   - path: of a file whose digest was checked, or that this run made.
///   - rows: in the exposure's own coordinates; those outside of it are left out.
/// - Throws: ``HDF5Error``, ``FormatError``, ``ImagingError``.
package func readRows(_ rows: Range<Int>, ofExposure path: String) throws -> MaskedImage {
  try HDF5File.open(path) { root in
    let box = try Exposure.readBox(root)
    let (image, mask, variance) = (try root.dataset("image"), try root.dataset("mask"), try root.dataset("variance"))
    for dataset in [mask, variance] { try dataset.requireShape(image.shape) }
    let part = rows.clamped(to: box.minY..<box.endY)
    let local = part.lowerBound - box.minY..<part.upperBound - box.minY
    let strip = Box2I(minX: box.minX, minY: part.lowerBound, width: box.width, height: part.count)
    return try MaskedImage(
      image: try Image(box: strip, pixels: try image.read(rows: local, Float.self)),
      mask: Mask(
        bits: try Image(box: strip, pixels: try mask.read(rows: local, Int32.self).map { UInt32(bitPattern: $0) }),
        planes: try Exposure.readPlanes(mask)),
      variance: try Image(box: strip, pixels: try variance.read(rows: local, Float.self)))
  }
}
