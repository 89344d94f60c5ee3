// SPDX-License-Identifier: GPL-3.0-or-later
// A FITS file, read from memory.

internal import CFITSIO
internal import Foundation

/// CFITSIO keeps state for all files: one of them is open at a time.
enum FITSLibrary {
  static let lock = NSRecursiveLock()
}

/// A FITS file that was read into memory whole, so that CFITSIO never sees its name: extended file names run filters.
///
/// Other threads that want one wait until it is gone.
struct FITSMemoryFile: ~Copyable {
  let name: String
  /// Of the file as it lies on the disk, compressed or not.
  let digest: FileDigest
  private let file: OpaqueFITS
  private let contents: UnsafeMutableRawPointer
  /// CFITSIO keeps pointers to the buffer's address and size for as long as the file is open.
  private let buffer: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let size: UnsafeMutablePointer<Int>

  /// CFITSIO's handle, kept untyped so that no other file needs the library.
  private typealias OpaqueFITS = UnsafeMutableRawPointer

  static let largestSize = 1 << 32

  var byteCount: Int { size.pointee }

  /// A file on disk, also one that gzip has compressed.
  ///
  /// - Throws: ``FITSError/unreadable(file:reason:)``, ``FITSError/damaged(file:reason:)``.
  init(_ path: String) throws(FITSError) {
    let bytes: [UInt8]
    do throws(ReadError) {
      bytes = try readFile(path, limit: Self.largestSize)
    } catch {
      throw .unreadable(file: path, reason: error.reason)
    }
    try self.init(
      bytes.starts(with: [0x1F, 0x8B]) ? gunzip(bytes, name: path) : bytes, name: path, digest: FileDigest(of: bytes))
  }

  /// - Throws: ``FITSError/damaged(file:reason:)``.
  private init(_ bytes: [UInt8], name: String, digest: FileDigest) throws(FITSError) {
    guard bytes.count >= 2880, bytes.starts(with: Array("SIMPLE  =".utf8)) else {
      throw .damaged(file: name, reason: "it does not begin as a FITS file does")
    }
    FITSLibrary.lock.lock()
    let contents = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 16)
    bytes.withUnsafeBytes {
      contents.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(contents), byteCount: $0.count)
    }
    let buffer = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)
    buffer.initialize(to: contents)
    let size = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    size.initialize(to: bytes.count)
    var handle: UnsafeMutablePointer<fitsfile>?
    var status: Int32 = 0
    guard skydiff_fits_open_memory(&handle, buffer, size, &status) == 0, let handle else {
      let reason = Self.message(status)
      contents.deallocate()
      buffer.deallocate()
      size.deallocate()
      FITSLibrary.lock.unlock()
      throw .damaged(file: name, reason: reason)
    }
    self.name = name
    self.digest = digest
    file = UnsafeMutableRawPointer(handle)
    self.contents = contents
    self.buffer = buffer
    self.size = size
  }

  deinit {
    var status: Int32 = 0
    ffclos(file.assumingMemoryBound(to: fitsfile.self), &status)
    contents.deallocate()
    buffer.deallocate()
    size.deallocate()
    FITSLibrary.lock.unlock()
  }

  var handle: UnsafeMutablePointer<fitsfile> { file.assumingMemoryBound(to: fitsfile.self) }

  static func message(_ status: Int32) -> String {
    var text = [CChar](repeating: 0, count: 81)
    ffgerr(status, &text)
    ffcmsg()
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Goes to a binary table by its name.
  ///
  /// - Throws: ``FITSError/missing(file:part:)``, ``FITSError/damaged(file:reason:)`` for a table that the file's end cuts off:
  ///   CFITSIO would make up what is missing.
  func moveToTable(_ extensionName: String) throws(FITSError) {
    var status: Int32 = 0
    var text = Array(extensionName.utf8CString)
    guard ffmnhd(handle, BINARY_TBL, &text, 0, &status) == 0 else {
      ffcmsg()
      throw .missing(file: name, part: "binary table \(extensionName)")
    }
    try requireWholeHDU("table \(extensionName)")
  }

  /// Makes sure that the data of the present HDU are in the file: CFITSIO would make up what is missing.
  ///
  /// - Throws: ``FITSError/damaged(file:reason:)``.
  func requireWholeHDU(_ what: String) throws(FITSError) {
    var status: Int32 = 0
    var (start, data, end) = (Int64(0), Int64(0), Int64(0))
    guard ffghadll(handle, &start, &data, &end, &status) == 0 else {
      throw .damaged(file: name, reason: Self.message(status))
    }
    // Some writers leave out the zeros that fill up the last block, so the end of the block does not count.
    let header = try readHeader()
    var count: Int64 = 1
    for axis in 0..<(header.integer("NAXIS") ?? 0) {
      let (product, overflows) = count.multipliedReportingOverflow(by: max(0, header.integer("NAXIS\(axis + 1)") ?? 0))
      guard !overflows, product <= 1 << 44 else {
        throw .damaged(file: name, reason: "\(what) has no size that could be")
      }
      count = product
    }
    let elements = count + min(max(0, header.integer("PCOUNT") ?? 0), 1 << 44)
    let needed = data + elements * (abs(header.integer("BITPIX") ?? 8) / 8)
    guard needed <= Int64(size.pointee) else {
      throw .damaged(file: name, reason: "\(what) ends at byte \(needed), the file at \(size.pointee)")
    }
  }

  /// A keyword of the present HDU as a number.
  ///
  /// - Throws: ``FITSError/missing(file:part:)``, ``FITSError/invalid(file:part:reason:)``.
  func number(_ keyword: String) throws(FITSError) -> Double {
    guard let value = try optionalNumber(keyword) else { throw .missing(file: name, part: "keyword \(keyword)") }
    return value
  }

  /// A keyword of the present HDU as a number, `nil` when it is absent.
  ///
  /// - Throws: ``FITSError/invalid(file:part:reason:)``.
  func optionalNumber(_ keyword: String) throws(FITSError) -> Double? {
    var status: Int32 = 0
    var value = 0.0
    guard ffgky(handle, TDOUBLE, keyword, &value, nil, &status) == 0 else {
      ffcmsg()
      if status == KEY_NO_EXIST { return nil }
      throw .invalid(file: name, part: "keyword \(keyword)", reason: "it is not a number")
    }
    guard value.isFinite else { throw .invalid(file: name, part: "keyword \(keyword)", reason: "it is \(value)") }
    return value
  }

  /// A keyword as a whole number within a range.
  ///
  /// - Throws: ``FITSError``.
  func integer(_ keyword: String, in range: ClosedRange<Int>) throws(FITSError) -> Int {
    let value = try number(keyword)
    guard value == value.rounded(), value >= Double(range.lowerBound), value <= Double(range.upperBound) else {
      throw .invalid(
        file: name, part: "keyword \(keyword)",
        reason: "it is \(value), not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(value)
  }

  /// A keyword of the present HDU as text, `nil` when it is absent.
  func text(_ keyword: String) -> String? {
    var status: Int32 = 0
    var value = [CChar](repeating: 0, count: 81)
    guard ffgkys(handle, keyword, &value, nil, &status) == 0 else {
      ffcmsg()
      return nil
    }
    return String(decoding: value.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The numbers in the first row of a column.
  ///
  /// - Parameter count: how many there must be; the caller has checked that it is a reasonable number.
  /// - Throws: ``FITSError``.
  func firstRow(ofColumn column: String, count: Int) throws(FITSError) -> [Double] {
    var status: Int32 = 0
    var number: Int32 = 0
    var template = Array(column.utf8CString)
    guard ffgcno(handle, 0, &template, &number, &status) == 0 else {
      ffcmsg()
      throw .missing(file: name, part: "column \(column)")
    }
    var (type, repeats, width, rows) = (Int32(0), 0, 0, 0)
    ffgtcl(handle, number, &type, &repeats, &width, &status)
    ffgnrw(handle, &rows, &status)
    guard status == 0, rows >= 1, repeats == count else {
      ffcmsg()
      throw .invalid(
        file: name, part: "column \(column)",
        reason: "it has \(rows) rows of \(repeats) numbers, expected \(count) in the first")
    }
    var values = [Double](repeating: 0, count: count)
    var isAnyNull: Int32 = 0
    guard ffgcv(handle, TDOUBLE, number, 1, 1, Int64(count), nil, &values, &isAnyNull, &status) == 0 else {
      throw .damaged(file: name, reason: "column \(column): \(Self.message(status))")
    }
    return values
  }
}
