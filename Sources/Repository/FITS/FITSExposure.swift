// SPDX-License-Identifier: GPL-3.0-or-later
// Exposures from FITS files.

package import Imaging
package import SkyGeometry

/// What a FITS file says of an exposure, as far as it says it.
///
/// The image is in the primary or the first image HDU; optional HDUs are `MASK` (planes in `MP_` cards), `VARIANCE` and `PSF`.
package struct FITSExposure: Sendable {
  package var image: Image<Float>
  /// `nil` when the file has none.
  package var mask: Mask?
  package var variance: Image<Float>?
  package var psf: Image<Double>?
  package var wcs: SkyWCS?
  /// Further images of the file, which are none of these.
  package var otherImages: [String]
  /// The keywords of the image's HDU and of the primary one, the former counting.
  package var header: FITSHeader
  /// Of the file.
  package let digest: FileDigest

  /// - Throws: ``FITSError``.
  package init(_ path: String) throws(FITSError) {
    let file = try FITSMemoryFile(path)
    digest = file.digest
    let hdus = try file.hdus()
    guard let main = hdus.first(where: \.isImage) else { throw .missing(file: path, part: "image of two axes") }
    func hdu(_ name: String) throws(FITSError) -> FITSHDU? {
      guard let found = hdus.first(where: { $0.number > main.number && $0.name == name }) else { return nil }
      guard found.isImage else { throw .invalid(file: path, part: "HDU \(name)", reason: "it is no image") }
      guard name == "PSF" || (found.width == main.width && found.height == main.height) else {
        throw .invalid(
          file: path, part: "HDU \(name)",
          reason: "it has \(found.width)×\(found.height) pixels, the image \(main.width)×\(main.height)")
      }
      return found
    }
    // Old masked images of the LSST Science Pipelines have three images without names.
    let unnamed = hdus.filter { $0.isImage && $0.number > main.number && $0.name.isEmpty }
      .prefix { $0.width == main.width && $0.height == main.height }
    let isOldForm = unnamed.count == 2 && unnamed[0].header.keywords.contains { $0.hasPrefix("MP_") }
    header = FITSHeader(cards: (main.number == 1 ? [] : hdus[0].header.cards) + main.header.cards)
    let corner = try Self.corner(header, path)
    image = try file.pixels(main).moved(toX: corner.x, y: corner.y)
    if let maskHDU = try hdu("MASK") ?? (isOldForm ? unnamed[0] : nil) {
      mask = try Self.mask(try file.bits(maskHDU).moved(toX: corner.x, y: corner.y), maskHDU, path)
    }
    if let varianceHDU = try hdu("VARIANCE") ?? (isOldForm ? unnamed[1] : nil) {
      variance = try file.pixels(varianceHDU).moved(toX: corner.x, y: corner.y)
    }
    if let psfHDU = try hdu("PSF") { psf = try file.pixels(psfHDU).map { Double($0) } }
    wcs = try Self.wcs(header, corner, path)
    otherImages = hdus.filter { hdu in
      hdu.isImage && hdu.number > main.number && !["MASK", "VARIANCE", "PSF"].contains(hdu.name)
        && !(isOldForm && hdu.name.isEmpty)
    }.map { $0.name.isEmpty ? "HDU \($0.number)" : $0.name }
  }

  /// The coordinates of the first pixel: the alternate WCS `A` of the LSST Science Pipelines, else (0, 0).
  private static func corner(_ header: FITSHeader, _ path: String) throws(FITSError) -> Point2I {
    guard header.text("CTYPE1A") == "LINEAR", header.text("CTYPE2A") == "LINEAR" else { return Point2I(x: 0, y: 0) }
    func coordinate(_ axis: Int) throws(FITSError) -> Int {
      guard let reference = header.number("CRPIX\(axis)A"), let value = header.number("CRVAL\(axis)A"),
        let pixel = Box2I.pixelIndex(value - reference + 1)
      else { throw .invalid(file: path, part: "keyword CRVAL\(axis)A", reason: "it gives no pixel") }
      return pixel
    }
    return Point2I(x: try coordinate(1), y: try coordinate(2))
  }

  private static func mask(_ bits: Image<UInt32>, _ hdu: FITSHDU, _ path: String) throws(FITSError) -> Mask {
    var planes: [String: Int] = [:]
    for keyword in hdu.header.keywords where keyword.hasPrefix("MP_") {
      guard let bit = hdu.header.integer(keyword), (0..<32).contains(bit) else {
        throw .invalid(file: path, part: "keyword \(keyword)", reason: "it is no bit from 0 to 31")
      }
      planes[String(keyword.dropFirst(3))] = Int(bit)
    }
    do throws(ImagingError) {
      // Without names a bit has the meaning that it has everywhere.
      guard !planes.isEmpty else { return Mask(bits: bits) }
      let own = try MaskPlanes(bits: planes)
      return try Mask(bits: bits, planes: own).conformed(to: .standard)
    } catch {
      throw .invalid(file: path, part: "HDU MASK", reason: error.description)
    }
  }

  /// The coordinate system; `nil` when the header has no celestial axes.
  private static func wcs(_ header: FITSHeader, _ corner: Point2I, _ path: String) throws(FITSError) -> SkyWCS? {
    guard let axes = header.text("CTYPE1"), header["CRVAL1"] != nil, axes != "LINEAR", axes != "PIXEL" else {
      return nil
    }
    do throws(WCSError) {
      let wcs = try SkyWCS(header: header.cards)
      return corner == Point2I(x: 0, y: 0) ? wcs : try wcs.shifted(by: Point2D(corner))
    } catch {
      throw .invalid(file: path, part: "header", reason: error.description)
    }
  }
}
