// SPDX-License-Identifier: GPL-3.0-or-later
// Catalogs from FITS tables.

internal import CFITSIO
package import Catalogs

extension Catalog {
  /// The first binary table of a FITS file.
  ///
  /// Flags that the LSST Science Pipelines pack into one column of bits become columns of their own. Names are made such that a
  /// catalog can have them: other characters than letters, digits and `_` become `_`.
  ///
  /// - Throws: ``FITSError``, also for columns of variable length.
  package init(fitsFile path: String) throws(FITSError) {
    let file = try FITSMemoryFile(path)
    try file.moveToFirstTable()
    let header = try file.readHeader()
    let columns = try file.columns(header)
    let rowCount = try file.rowCount()
    var schema = Schema()
    var storage: [ColumnStorage] = []
    func add(_ field: Field, _ values: ColumnStorage) throws(FITSError) {
      do throws(CatalogError) {
        try schema.add(field)
      } catch {
        throw .invalid(file: path, part: "column \(field.name)", reason: error.description)
      }
      storage.append(values)
    }
    for column in columns {
      func field(_ name: String, _ type: FieldType, doc: String? = nil) throws(FITSError) -> Field {
        do throws(CatalogError) {
          return try Field(name, type, unit: column.unit, doc: doc ?? column.doc)
        } catch {
          throw .invalid(file: path, part: "column \(column.name)", reason: error.description)
        }
      }
      if column.type == TBIT {
        for (bit, flags) in try file.bits(column, rowCount).enumerated() {
          let name = header.text("TFLAG\(bit + 1)") ?? "\(column.name)_\(bit + 1)"
          var values = ColumnStorage()
          values.set(flags: flags)
          try add(
            try field(columnName(name), .flag, doc: header.text("TFDOC\(bit + 1)") ?? ""), values)
        }
      } else {
        guard let type = column.fieldType else {
          throw .invalid(file: path, part: "column \(column.name)", reason: "a catalog cannot hold such columns")
        }
        try add(try field(columnName(column.name), type), try file.values(column, type, rowCount))
      }
    }
    guard !columns.isEmpty else { throw .invalid(file: path, part: "table", reason: "it has no columns") }
    // An alias that leads nowhere is of no use, and no harm.
    for (alias, target) in header.aliases { try? schema.setAlias(alias, to: target) }
    do throws(CatalogError) {
      try self.init(schema, rowCount: rowCount, columns: storage)
    } catch {
      throw .invalid(file: path, part: "table", reason: error.description)
    }
  }
}

/// A name that a catalog's column can have.
func columnName(_ text: String) -> String {
  let name = String(
    String.UnicodeScalarView(
      text.unicodeScalars.map { $0.isASCII && ($0.properties.isAlphabetic || (48...57).contains($0.value)) ? $0 : "_" })
  )
  return name.first.map { $0.isNumber } ?? true ? "_" + name : name
}

/// A column of a FITS table.
private struct FITSColumn {
  let number: Int32
  let name: String
  let unit: String
  let doc: String
  /// CFITSIO's code, of what it gives after scaling.
  let type: Int32
  let count: Int

  var fieldType: FieldType? {
    switch (type, count) {
    case (TLOGICAL, 1): .flag
    case (TBYTE, 1): .uint8
    case (TSHORT, 1), (TSBYTE, 1), (TUSHORT, 1): .int32
    case (TLONG, 1): .int32
    case (TULONG, 1), (TLONGLONG, 1): .int64
    case (TFLOAT, 1): .float32
    case (TDOUBLE, 1): .float64
    case (TSTRING, 1...): .string(length: count)
    case (TBYTE, _), (TSHORT, _), (TLONG, _): .int32Array(count: count)
    case (TFLOAT, _): .float32Array(count: count)
    case (TDOUBLE, _): .float64Array(count: count)
    default: nil
    }
  }
}

extension FITSMemoryFile {
  private static let largestTable = 1 << 32

  fileprivate func moveToFirstTable() throws(FITSError) {
    for hdu in try hdus() {
      try moveTo(hdu.number)
      var (status, kind) = (Int32(0), Int32(0))
      ffghdt(handle, &kind, &status)
      if status == 0, kind == BINARY_TBL {
        try requireWholeHDU("table \(hdu.name)")
        return
      }
    }
    throw .missing(file: name, part: "binary table")
  }

  fileprivate func rowCount() throws(FITSError) -> Int {
    var status: Int32 = 0
    var rows: LONGLONG = 0
    guard ffgnrwll(handle, &rows, &status) == 0, rows >= 0, rows <= 1 << 31 else {
      throw .invalid(file: name, part: "table", reason: "it has \(rows) rows")
    }
    return Int(rows)
  }

  fileprivate func columns(_ header: FITSHeader) throws(FITSError) -> [FITSColumn] {
    var (status, count) = (Int32(0), Int32(0))
    guard ffgncl(handle, &count, &status) == 0 else { throw .damaged(file: name, reason: Self.message(status)) }
    var result: [FITSColumn] = []
    for number in 1...max(1, count) where count > 0 {
      var (type, repeats, width) = (Int32(0), LONGLONG(0), LONGLONG(0))
      ffeqtyll(handle, number, &type, &repeats, &width, &status)
      guard status == 0, repeats >= 0, repeats <= 1 << 20 else {
        throw .invalid(file: name, part: "column \(number)", reason: "\(repeats) elements a row")
      }
      let unit = header.text("TUNIT\(number)") ?? ""
      result.append(
        FITSColumn(
          number: number, name: header.text("TTYPE\(number)") ?? "column_\(number)",
          unit: unit.allSatisfy { $0.isASCII } ? unit : "",
          doc: header.text("TCOMM\(number)") ?? header.text("TDOC\(number)") ?? "", type: type, count: Int(repeats)))
    }
    return result
  }

  fileprivate func values(_ column: FITSColumn, _ type: FieldType, _ rows: Int) throws(FITSError) -> ColumnStorage {
    var values = ColumnStorage()
    let count = LONGLONG(rows * type.elementCount)
    guard rows > 0 else { return values }
    // The table's own size in the file was checked; this only keeps memory within reason.
    guard count <= Self.largestTable else {
      throw .invalid(file: name, part: "column \(column.name)", reason: "\(count) values are too many")
    }
    var (status, isAnyNull) = (Int32(0), Int32(0))
    switch type {
    case .flag:
      var flags = [CChar](repeating: 0, count: rows)
      ffgcvl(handle, column.number, 1, 1, count, 0, &flags, &isAnyNull, &status)
      values.set(flags: flags.map { $0 != 0 })
    case .uint8, .uint16, .int32, .int64, .int32Array:
      var numbers = [Int64](repeating: 0, count: Int(count))
      // What the file calls no value is 0 here, as everywhere in columns of whole numbers.
      ffgcvjj(handle, column.number, 1, 1, count, .min, &numbers, &isAnyNull, &status)
      values.set(integers: isAnyNull == 0 ? numbers : numbers.map { $0 == .min ? 0 : $0 }, type)
    case .float32, .float32Array:
      var numbers = [Float](repeating: 0, count: Int(count))
      // No replacement for blanks: NaN stays, and CFITSIO takes infinities for blanks.
      ffgcv(handle, TFLOAT, column.number, 1, 1, count, nil, &numbers, &isAnyNull, &status)
      values.set(floats: numbers)
    case .float64, .angle, .float64Array:
      var numbers = [Double](repeating: 0, count: Int(count))
      ffgcvd(handle, column.number, 1, 1, count, 0, &numbers, &isAnyNull, &status)
      values.set(doubles: numbers)
    case .string(let length):
      var texts: [String] = []
      var buffer = [CChar](repeating: 0, count: length + 1)
      for row in 1...rows where status == 0 {
        buffer.withUnsafeMutableBufferPointer { text in
          var pointer = text.baseAddress
          var null: [CChar] = [0]
          _ = ffgcvs(handle, column.number, LONGLONG(row), 1, 1, &null, &pointer, &isAnyNull, &status)
        }
        texts.append(String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
      values.set(strings: texts.map { $0.utf8.count <= length ? $0 : String(repeating: "?", count: length) })
    }
    guard status == 0 else {
      throw .damaged(file: name, reason: "column \(column.name): \(Self.message(status))")
    }
    return values
  }

  /// The bits of a column of packed flags, bit by bit.
  fileprivate func bits(_ column: FITSColumn, _ rows: Int) throws(FITSError) -> [[Bool]] {
    var result = [[Bool]](repeating: [], count: column.count)
    var status: Int32 = 0
    var buffer = [CChar](repeating: 0, count: column.count)
    for row in 1...max(1, rows) where rows > 0 {
      ffgcx(handle, column.number, LONGLONG(row), 1, LONGLONG(column.count), &buffer, &status)
      for bit in 0..<column.count { result[bit].append(buffer[bit] != 0) }
    }
    guard status == 0 else { throw .damaged(file: name, reason: "column \(column.name): \(Self.message(status))") }
    return result
  }
}
