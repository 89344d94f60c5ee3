// SPDX-License-Identifier: GPL-3.0-or-later
// FITS files, made in memory.

internal import CFITSIO
internal import Foundation
internal import SkyGeometry
internal import TaskFramework

/// A FITS file that is made in memory, to be published as a whole.
///
/// Other threads that want to read or make one wait until it is gone.
struct FITSWriter: ~Copyable {
  private let name: String
  private let handle: UnsafeMutablePointer<fitsfile>
  private let buffer: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let size: UnsafeMutablePointer<Int>

  init(_ name: String) throws(FITSError) {
    FITSLibrary.lock.lock()
    let buffer = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)
    buffer.initialize(to: nil)
    let size = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    size.initialize(to: 0)
    var handle: UnsafeMutablePointer<fitsfile>?
    var status: Int32 = 0
    guard skydiff_fits_create_memory(&handle, buffer, size, &status) == 0, let handle else {
      let reason = FITSMemoryFile.message(status)
      buffer.deallocate()
      size.deallocate()
      FITSLibrary.lock.unlock()
      throw .damaged(file: name, reason: "cannot be made: \(reason)")
    }
    self.name = name
    self.handle = handle
    self.buffer = buffer
    self.size = size
  }

  deinit {
    var status: Int32 = 0
    ffclos(handle, &status)
    free(buffer.pointee)
    buffer.deallocate()
    size.deallocate()
    FITSLibrary.lock.unlock()
  }

  private func check(_ status: Int32, _ what: String) throws(FITSError) {
    guard status == 0 else {
      throw .damaged(file: name, reason: "\(what) cannot be written: \(FITSMemoryFile.message(status))")
    }
  }

  /// Adds an HDU without data, as the first of a file of tables must be.
  mutating func addEmptyHDU() throws(FITSError) {
    var status: Int32 = 0
    ffcrimll(handle, 8, 0, nil, &status)
    try check(status, "the primary HDU")
  }

  /// Adds an image of float32 or float64 pixels, or of int32 ones.
  mutating func addImage<Pixel: FITSPixel>(_ extensionName: String?, width: Int, height: Int, _ pixels: [Pixel])
    throws(FITSError)
  {
    var status: Int32 = 0
    var extents = [LONGLONG(width), LONGLONG(height)]
    var first: [LONGLONG] = [1, 1]
    var pixels = pixels
    ffcrimll(handle, Pixel.bitpix, 2, &extents, &status)
    if !pixels.isEmpty { ffppxll(handle, Pixel.fitsType, &first, LONGLONG(pixels.count), &pixels, &status) }
    try check(status, extensionName ?? "the image")
    if let extensionName { try set("EXTNAME", .string(extensionName)) }
  }

  /// Adds a keyword to the HDU that was added last.
  mutating func set(_ keyword: String, _ value: MetadataScalar, comment: String = "") throws(FITSError) {
    var status: Int32 = 0
    switch value {
    case .string(let text):
      // FITS is ASCII.
      let ascii = String(
        text.unicodeScalars.map { $0.isASCII && $0.value >= 32 && $0.value < 127 ? Character($0) : "?" })
      ffpkls(handle, keyword, ascii, comment, &status)
    case .integer(let number): ffprec(handle, Self.card(keyword, "\(number)", comment), &status)
    case .boolean(let flag): ffprec(handle, Self.card(keyword, flag ? "T" : "F", comment), &status)
    case .float(let number):
      // FITS has no word for these.
      let text = number.isFinite ? "\(number)".uppercased() : "'\(number)'"
      ffprec(handle, Self.card(keyword, text, comment), &status)
    }
    try check(status, "keyword \(keyword)")
  }

  /// Adds a card as it is.
  mutating func addCard(_ card: String) throws(FITSError) {
    var status: Int32 = 0
    ffprec(handle, card, &status)
    try check(status, "a card")
  }

  private static func card(_ keyword: String, _ value: String, _ comment: String) -> String {
    let isStandard =
      keyword.utf8.count <= 8
      && keyword.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || $0 == 95 || $0 == 45 }
    let name =
      isStandard ? keyword + String(repeating: " ", count: 8 - keyword.utf8.count) + "=" : "HIERARCH \(keyword) ="
    let padding = isStandard ? String(repeating: " ", count: max(1, 21 - value.utf8.count)) : " "
    return String((name + padding + value + (comment.isEmpty ? "" : " / \(comment)")).prefix(80))
  }

  /// Adds a table without rows, to be filled column by column.
  mutating func addTable(
    _ extensionName: String, rowCount: Int, _ columns: [(name: String, form: String, unit: String)]
  ) throws(FITSError) {
    var status: Int32 = 0
    func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } }
    var (names, forms, units) = (
      strings(columns.map(\.name)), strings(columns.map(\.form)), strings(columns.map(\.unit))
    )
    defer { for pointer in names + forms + units { free(pointer) } }
    ffcrtb(handle, BINARY_TBL, LONGLONG(rowCount), Int32(columns.count), &names, &forms, &units, extensionName, &status)
    try check(status, "table \(extensionName)")
  }

  /// Fills a column, counted from 0, of the table that was added last.
  mutating func fill<Value: FITSPixel>(column: Int, _ values: [Value]) throws(FITSError) {
    guard !values.isEmpty else { return }
    var status: Int32 = 0
    var values = values
    ffpcl(handle, Value.fitsType, Int32(column + 1), 1, 1, LONGLONG(values.count), &values, &status)
    try check(status, "column \(column + 1)")
  }

  mutating func fill(column: Int, flags: [Bool]) throws(FITSError) {
    guard !flags.isEmpty else { return }
    var status: Int32 = 0
    var values = flags.map { CChar($0 ? 1 : 0) }
    ffpcl(handle, TLOGICAL, Int32(column + 1), 1, 1, LONGLONG(values.count), &values, &status)
    try check(status, "column \(column + 1)")
  }

  mutating func fill(column: Int, texts: [String]) throws(FITSError) {
    guard !texts.isEmpty else { return }
    var status: Int32 = 0
    var pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    ffpcls(handle, Int32(column + 1), 1, 1, LONGLONG(pointers.count), &pointers, &status)
    try check(status, "column \(column + 1)")
  }

  /// The whole file.
  consuming func finish() throws(FITSError) -> [UInt8] {
    var status: Int32 = 0
    var count: Int32 = 0
    ffflus(handle, &status)
    ffthdu(handle, &count, &status)
    var kind: Int32 = 0
    ffmahd(handle, count, &kind, &status)
    var (header, data, end) = (Int64(0), Int64(0), Int64(0))
    ffghadll(handle, &header, &data, &end, &status)
    // Closing fills up the last block; the buffer stays ours.
    ffflus(handle, &status)
    try check(status, "the file")
    guard let contents = buffer.pointee, end > 0, end <= size.pointee else {
      throw .damaged(file: name, reason: "CFITSIO gives no file")
    }
    return Array(UnsafeRawBufferPointer(start: contents, count: Int(end)))
  }
}

/// A number that images and columns of FITS files hold.
protocol FITSPixel: BitwiseCopyable {
  static var bitpix: Int32 { get }
  static var fitsType: Int32 { get }
}

extension Float: FITSPixel {
  static var bitpix: Int32 { -32 }
  static var fitsType: Int32 { TFLOAT }
}
extension Double: FITSPixel {
  static var bitpix: Int32 { -64 }
  static var fitsType: Int32 { TDOUBLE }
}
extension Int32: FITSPixel {
  static var bitpix: Int32 { 32 }
  static var fitsType: Int32 { TINT }
}
extension Int64: FITSPixel {
  static var bitpix: Int32 { 64 }
  static var fitsType: Int32 { TLONGLONG }
}
extension UInt8: FITSPixel {
  static var bitpix: Int32 { 8 }
  static var fitsType: Int32 { TBYTE }
}
extension UInt16: FITSPixel {
  static var bitpix: Int32 { 16 }
  static var fitsType: Int32 { TUSHORT }
}
