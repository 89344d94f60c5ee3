// SPDX-License-Identifier: GPL-3.0-or-later
// The HDUs of a FITS file and their pixels.

internal import CFITSIO
internal import Imaging
internal import SkyGeometry

/// What an HDU holds.
struct FITSHDU {
  /// From 1 on.
  let number: Int
  /// EXTNAME, or the EXTTYPE of the LSST Science Pipelines, in capitals.
  let name: String
  let isImage: Bool
  /// Columns and rows of an image; cubes have one plane to count.
  let width: Int
  let height: Int
  let header: FITSHeader
}

extension FITSMemoryFile {
  private static let largestHDUCount = 10_000
  private static let largestSide = 1 << 20
  private static let largestArea = 1 << 31

  /// All HDUs in order.
  ///
  /// - Throws: ``FITSError/damaged(file:reason:)``.
  func hdus() throws(FITSError) -> [FITSHDU] {
    var status: Int32 = 0
    var count: Int32 = 0
    guard ffthdu(handle, &count, &status) == 0 else { throw .damaged(file: name, reason: Self.message(status)) }
    guard count >= 1, count <= Self.largestHDUCount else { throw .damaged(file: name, reason: "\(count) HDUs") }
    var result: [FITSHDU] = []
    for number in 1...Int(count) { result.append(try hdu(number)) }
    return result
  }

  private func hdu(_ number: Int) throws(FITSError) -> FITSHDU {
    try moveTo(number)
    let header = try readHeader()
    var (status, kind, rank) = (Int32(0), Int32(0), Int32(0))
    ffghdt(handle, &kind, &status)
    var extents = [LONGLONG](repeating: 1, count: 3)
    if status == 0, kind == IMAGE_HDU {
      ffgidm(handle, &rank, &status)
      if status == 0, (2...3).contains(rank) { ffgiszll(handle, rank, &extents, &status) }
    }
    guard status == 0 else { throw .damaged(file: name, reason: "HDU \(number): \(Self.message(status))") }
    // A cube of one plane is an image; so is nothing else that has more axes.
    let isImage = kind == IMAGE_HDU && (rank == 2 || (rank == 3 && extents[2] == 1)) && extents[0] > 0 && extents[1] > 0
    if isImage {
      guard extents[0] <= Self.largestSide, extents[1] <= Self.largestSide, extents[0] * extents[1] <= Self.largestArea
      else {
        throw .invalid(file: name, part: "HDU \(number)", reason: "an image of \(extents[0])×\(extents[1]) pixels")
      }
    }
    let title = header.text("EXTNAME") ?? header.text("EXTTYPE") ?? ""
    return FITSHDU(
      number: number, name: title.uppercased(), isImage: isImage, width: isImage ? Int(extents[0]) : 0,
      height: isImage ? Int(extents[1]) : 0, header: header)
  }

  /// - Throws: ``FITSError/damaged(file:reason:)``.
  func moveTo(_ number: Int) throws(FITSError) {
    var (status, kind) = (Int32(0), Int32(0))
    guard ffmahd(handle, Int32(number), &kind, &status) == 0 else {
      throw .damaged(file: name, reason: "HDU \(number): \(Self.message(status))")
    }
  }

  func readHeader() throws(FITSError) -> FITSHeader {
    var (status, count, room) = (Int32(0), Int32(0), Int32(0))
    ffghsp(handle, &count, &room, &status)
    var cards: [String] = []
    var text = [CChar](repeating: 0, count: 81)
    for i in 0..<max(0, count) {
      guard ffgrec(handle, i + 1, &text, &status) == 0 else { break }
      cards.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    guard status == 0 else { throw .damaged(file: name, reason: "a header: \(Self.message(status))") }
    return FITSHeader(cards: cards)
  }

  /// The pixels of an image in float32, scaled as the header says; NaN where the file has no value.
  ///
  /// - Throws: ``FITSError``.
  func pixels(_ hdu: FITSHDU) throws(FITSError) -> Image<Float> {
    try Image(box: Box2I(width: hdu.width, height: hdu.height), read(hdu, TFLOAT, missing: Float.nan), name, hdu)
  }

  /// The pixels of an image as bits.
  ///
  /// - Throws: ``FITSError``, also for values beyond 32 bits.
  func bits(_ hdu: FITSHDU) throws(FITSError) -> Image<UInt32> {
    let values: [Int64] = try read(hdu, TLONGLONG, missing: 0)
    guard values.allSatisfy({ $0 >= Int64(Int32.min) && $0 <= Int64(UInt32.max) }) else {
      throw .invalid(file: name, part: "HDU \(hdu.number)", reason: "a mask with values beyond 32 bits")
    }
    return try Image(
      box: Box2I(width: hdu.width, height: hdu.height), values.map { UInt32(truncatingIfNeeded: $0) }, name, hdu)
  }

  private func read<Value: BitwiseCopyable>(_ hdu: FITSHDU, _ type: Int32, missing: Value) throws(FITSError) -> [Value]
  {
    try moveTo(hdu.number)
    try requireWholeHDU("HDU \(hdu.number)")
    var status: Int32 = 0
    var first: [LONGLONG] = [1, 1, 1]
    let count = hdu.width * hdu.height
    // The size of a compressed image is its own claim; nothing gets a few thousand times smaller.
    guard hdu.header["ZIMAGE"] == nil || count / 4096 <= byteCount + 1 << 16 else {
      throw .invalid(
        file: name, part: "HDU \(hdu.number)",
        reason: "\(hdu.width)×\(hdu.height) pixels in a file of \(byteCount) bytes")
    }
    var values = [Value](repeating: missing, count: count)
    var (null, isAnyNull) = (missing, Int32(0))
    // Where there are no blanks to replace none may be asked for: CFITSIO would take infinities for them.
    let isPlainFloat = (hdu.header.integer("BITPIX") ?? 0) < 0 && hdu.header["ZIMAGE"] == nil
    let result = withUnsafeMutablePointer(to: &null) { null in
      ffgpxvll(handle, type, &first, LONGLONG(count), isPlainFloat ? nil : null, &values, &isAnyNull, &status)
    }
    guard result == 0 else {
      throw .damaged(file: name, reason: "HDU \(hdu.number): \(Self.message(status))")
    }
    return values
  }
}

extension Image {
  fileprivate init(box: Box2I, _ pixels: [Pixel], _ file: String, _ hdu: FITSHDU) throws(FITSError) {
    do throws(ImagingError) {
      try self.init(box: box, pixels: pixels)
    } catch {
      throw .invalid(file: file, part: "HDU \(hdu.number)", reason: error.description)
    }
  }
}
