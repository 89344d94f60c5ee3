// SPDX-License-Identifier: GPL-3.0-or-later
// Exposures and catalogs as FITS files.

package import Catalogs
package import Imaging
internal import OrderedCollections
internal import SkyGeometry
package import TaskFramework

/// An exposure as a FITS file: the image in the primary HDU, then `MASK`, `VARIANCE` and, where there is one, `PSF`.
///
/// The PSF is that at its average position. XY0 is kept as the LSST Science Pipelines keep it, in the alternate WCS `A`.
///
/// - Parameter metadata: its node `fits`, which ingestion makes, is written back as keywords.
/// - Throws: ``FITSError``, ``ImagingError``, ``WCSError``.
package func fitsFile(of exposure: Exposure, metadata: TaskMetadata = TaskMetadata(), name: String) throws -> [UInt8] {
  var writer = try FITSWriter(name)
  let (box, pixels) = (exposure.box, exposure.maskedImage)
  guard !box.isEmpty else { throw FITSError.invalid(file: name, part: "image", reason: "it has no pixels") }
  try writer.addImage(nil, width: box.width, height: box.height, pixels.image.pixels)
  for (keyword, value) in (try? metadata.node("fits"))?.scalars ?? [:] { try writer.set(keyword, value) }
  try writeCalibrations(exposure, &writer, known: Set((try? metadata.node("fits"))?.keys ?? []))
  try writeCorner(box, &writer)
  if let wcs = exposure.wcs?.shiftedIfNeeded(by: Point2D(x: Double(-box.minX), y: Double(-box.minY))) {
    for card in try wcs.get().cards.cards { try writer.addCard(card) }
  }
  try writer.addImage(
    "MASK", width: box.width, height: box.height, pixels.mask.bits.pixels.map { Int32(bitPattern: $0) })
  let bits = pixels.mask.planes.bits
  for plane in pixels.mask.planes.planeNames { try writer.set("MP_\(plane)", .integer(Int64(bits[plane] ?? 0))) }
  try writeCorner(box, &writer)
  try writer.addImage("VARIANCE", width: box.width, height: box.height, pixels.variance.pixels)
  try writeCorner(box, &writer)
  if let psf = exposure.psf {
    let image = try psf.kernelImage(at: psf.averagePosition)
    try writer.addImage("PSF", width: image.width, height: image.height, image.pixels)
  }
  return try writer.finish()
}

extension SkyWCS {
  /// The same system when nothing moves: not even the last bit of its numbers does then.
  fileprivate func shiftedIfNeeded(by offset: Point2D) -> Result<SkyWCS, WCSError> {
    offset == Point2D(x: 0, y: 0)
      ? .success(self) : Result { () throws(WCSError) in try shifted(by: offset) }
  }
}

private func writeCorner(_ box: Box2I, _ writer: inout FITSWriter) throws {
  guard box.minX != 0 || box.minY != 0 else { return }
  for (axis, value) in [(1, box.minX), (2, box.minY)] {
    try writer.set("LTV\(axis)", .integer(Int64(-value)))
    try writer.set("CTYPE\(axis)A", "LINEAR")
    try writer.set("CUNIT\(axis)A", "pixel")
    try writer.set("CRPIX\(axis)A", .float(1))
    try writer.set("CRVAL\(axis)A", .integer(Int64(value)))
  }
}

/// Keywords for what the exposure knows, unless its original header said it.
private func writeCalibrations(_ exposure: Exposure, _ writer: inout FITSWriter, known: Set<String>) throws {
  var items: [(String, MetadataScalar?, String)] = [
    ("MAGZERO", exposure.photoCalib.map { .float($0.zeroPoint) }, "AB magnitude of one count"),
    ("FILTER", exposure.filter?.physicalFilter.map { .string($0) } ?? exposure.filter?.band.map { .string($0) }, ""),
    ("CCDNUM", exposure.detector.map { .integer(Int64($0.id)) }, "detector"),
    ("GAIN", exposure.detector?.gain.map { .float($0) }, "electrons a count"),
    ("RDNOISE", exposure.detector?.readNoise.map { .float($0) }, "electrons"),
    ("SATURATE", exposure.detector?.saturation.map { .float($0) }, "counts"),
    ("EXPNUM", exposure.visitInfo?.id.map { .integer($0) }, "visit"),
    ("EXPTIME", exposure.visitInfo?.exposureSeconds.map { .float($0) }, "s"),
    ("INSTRUME", exposure.visitInfo?.instrument.map { .string($0) }, ""),
    ("OBJECT", exposure.visitInfo?.object.map { .string($0) }, ""),
  ]
  items.append(("MJD-AVG", exposure.visitInfo?.mjdTAI.map { .float($0) }, "middle of the exposure, TAI"))
  for (keyword, value, comment) in items where !known.contains(keyword) {
    if let value { try writer.set(keyword, value, comment: comment) }
  }
}

/// A catalog as a FITS file with one table; flags are logical columns, angles degrees.
///
/// - Throws: ``FITSError``.
package func fitsFile(of catalog: Catalog, name: String) throws -> [UInt8] {
  var writer = try FITSWriter(name)
  try writer.addEmptyHDU()
  let fields = catalog.schema.fields
  try writer.addTable(
    "CATALOG", rowCount: catalog.rowCount, fields.map { ($0.name, $0.type.fitsForm, $0.unit.fitsUnit) })
  for (index, field) in fields.enumerated() {
    if !field.doc.isEmpty { try writer.set("TCOMM\(index + 1)", .string(field.doc)) }
  }
  for (alias, target) in catalog.schema.aliases.sorted(by: { $0.key < $1.key }) {
    // Text that is too long for a card goes on in the next ones.
    var (rest, keyword) = ("\(alias):\(target)"[...], "ALIAS   = ")
    while rest.count > 67 {
      try writer.addCard("\(keyword)'\(rest.prefix(67))&'")
      (rest, keyword) = (rest.dropFirst(67), "CONTINUE  ")
    }
    try writer.addCard("\(keyword)'\(rest)'")
  }
  for (index, field) in fields.enumerated() {
    let column = catalog.storage(index)
    switch field.type {
    case .flag: try writer.fill(column: index, flags: column.flags)
    case .uint8: try writer.fill(column: index, column.uint8s)
    case .uint16: try writer.fill(column: index, column.uint16s)
    case .int32, .int32Array: try writer.fill(column: index, column.int32s)
    case .int64: try writer.fill(column: index, column.int64s)
    case .float32, .float32Array: try writer.fill(column: index, column.floats)
    case .float64, .angle, .float64Array: try writer.fill(column: index, column.doubles)
    case .string: try writer.fill(column: index, texts: column.strings)
    }
  }
  return try writer.finish()
}

extension FieldType {
  fileprivate var fitsForm: String {
    switch self {
    case .flag: "1L"
    case .uint8: "1B"
    case .uint16: "1U"
    case .int32: "1J"
    case .int64: "1K"
    case .float32: "1E"
    case .float64, .angle: "1D"
    case .string(let length): "\(length)A"
    case .int32Array(let count): "\(count)J"
    case .float32Array(let count): "\(count)E"
    case .float64Array(let count): "\(count)D"
    }
  }
}

extension String {
  /// FITS writes `pixel` and `ct`.
  fileprivate var fitsUnit: String { self == "count" ? "ct" : self }
}

/// An image as a FITS file, with the place of its first pixel.
///
/// - Parameter unit: of its pixels, empty for none.
/// - Throws: ``FITSError``.
package func fitsFile(of image: Image<Float>, unit: String, name: String) throws -> [UInt8] {
  guard image.box.area > 0 else { throw FITSError.invalid(file: name, part: "image", reason: "it has no pixels") }
  var writer = try FITSWriter(name)
  try writer.addImage(nil, width: image.width, height: image.height, image.pixels)
  if !unit.isEmpty { try writer.set("BUNIT", .string(unit.fitsUnit)) }
  try writeCorner(image.box, &writer)
  return try writer.finish()
}

/// Images as a FITS file, the first in the primary HDU.
///
/// - Throws: ``FITSError``.
package func fitsFile(of images: [Image<Double>], name: String) throws -> [UInt8] {
  guard let first = images.first, first.box.area > 0 else {
    throw FITSError.invalid(file: name, part: "image", reason: "it has no pixels")
  }
  var writer = try FITSWriter(name)
  for (index, image) in images.enumerated() {
    try writer.addImage(index == 0 ? nil : "TERM\(index)", width: image.width, height: image.height, image.pixels)
  }
  return try writer.finish()
}
