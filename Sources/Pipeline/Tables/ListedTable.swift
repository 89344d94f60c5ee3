// SPDX-License-Identifier: GPL-3.0-or-later
// A table that a person gives.

internal import Catalogs
internal import Repository

/// A table that a person gives, such as a list of sources, from a file of any of three kinds (CSV, FITS, HDF5); the content says which it is.
///
/// It knows where each row stands in the file, for messages.
struct ListedTable {
  let file: String
  let catalog: Catalog
  let digest: FileDigest
  private let isText: Bool

  /// - Throws: ``Repository/ReadError``, ``Repository/CSVError``, ``Repository/FITSError``, ``Repository/FormatError``, and what else an
  ///   HDF5 file throws.
  init(_ path: String) throws {
    let beginning = try readBeginning(of: path, count: 8)
    file = path
    digest = FileDigest(of: try readFile(path))
    if beginning.starts(with: Array("PAR1".utf8)) {
      throw IngestError(
        file: path, reason: "it is Parquet; astropy.table.Table.read(…).write(\"table.fits\") makes FITS of it")
    }
    isText = false == Self.binary.contains { beginning.starts(with: $0) }
    if isText {
      catalog = try Catalog(csvFile: path)
    } else if beginning.starts(with: Self.hdf5) {
      catalog = try Catalog(hdf5File: path)
    } else {
      catalog = try Catalog(fitsFile: path)
    }
  }

  private static let hdf5: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  /// HDF5, FITS, and FITS under gzip.
  private static let binary: [[UInt8]] = [hdf5, Array("SIMPLE  ".utf8), [0x1F, 0x8B]]

  /// An error about a row, with its place in the file.
  func failure(row: Int, _ reason: String) -> IngestError {
    if isText, let line = lines?[row] { return IngestError(file: "\(file):\(line)", reason: reason) }
    return IngestError(file: file, reason: "row \(row + 1): \(reason)")
  }

  /// Where rows stand, in words: `line 7`.
  func places(of rows: [Int]) -> [String] {
    guard isText, let lines else { return rows.map { "row \($0 + 1)" } }
    return rows.map { "line \(lines[$0])" }
  }

  /// The line of each row, from 1: the first that is no comment and not empty has the names.
  private var lines: [Int]? {
    guard let bytes = try? readFile(file) else { return nil }
    var result: [Int] = []
    for (i, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      let text = line.last == 13 ? line.dropLast() : line
      if text.allSatisfy({ $0 == 32 }) || text.first == 35 { continue }
      result.append(i + 1)
    }
    return result.count == catalog.rowCount + 1 ? Array(result.dropFirst()) : nil
  }

  // MARK: - Columns

  /// The name of a column as the file spells it; capitals count only where two columns differ by nothing else.
  func name(of column: String) -> String? {
    let fields = catalog.schema.fields.map(\.name)
    return fields.first { $0 == column } ?? fields.first { $0.lowercased() == column.lowercased() }
  }

  /// A column as numbers; empty text is NaN.
  ///
  /// - Throws: for text that is no number, with its place, and for columns of other things.
  func numbers(_ name: String) throws -> [Double] {
    guard let index = catalog.schema.index(of: name) else { throw missing(name) }
    let (column, type) = (catalog.storage(index), catalog.schema.fields[index].type)
    switch type {
    case .uint8: return column.uint8s.map(Double.init)
    case .uint16: return column.uint16s.map(Double.init)
    case .int32: return column.int32s.map(Double.init)
    case .int64: return column.int64s.map(Double.init)
    case .float32: return column.floats.map(Double.init)
    case .float64, .angle: return column.doubles
    case .string:
      return try column.strings.enumerated().map { row, text in
        let word = text.trimmingBlanks
        guard !word.isEmpty else { return .nan }
        guard let number = Double(word) else { throw failure(row: row, Self.reason(name, word)) }
        return number
      }
    case .flag, .int32Array, .float32Array, .float64Array:
      throw IngestError(file: file, reason: "column \(name) is no column of numbers")
    }
  }

  private static func reason(_ name: String, _ word: String) -> String {
    let shown = word.count > 40 ? word.prefix(40) + "…" : word[...]
    return word.contains(":")
      ? "\(name) is \"\(shown)\"; it must be degrees as one number, not hours, minutes and seconds"
      : "\(name) is \"\(shown)\"; it must be a number, or empty where there is no position"
  }

  private func missing(_ name: String) -> IngestError { IngestError(file: file, reason: "it has no column \(name)") }

  /// What is wrong with a table in which nothing is named as it should be.
  ///
  /// - Parameter wanted: what was looked for.
  func lacking(_ wanted: String) -> IngestError {
    let names = catalog.schema.fields.map(\.name)
    let shown = names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and \(names.count - 12) more" : "")
    var reason = "it has no positions: neither \(wanted); its columns are \(shown)"
    if let formHint { reason += " (\(formHint))" }
    return IngestError(file: file, reason: reason)
  }

  /// What is wrong with the form of a text whose columns have names that nobody gave them.
  var formHint: String? {
    guard isText else { return nil }
    let names = catalog.schema.fields.map(\.name)
    // What a comma does not divide, or a number where a name should be, became a name of underscores.
    let areNumbers = names.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) || $0 == 95 } }
    return areNumbers ? "the first line must name the columns" : names.count == 1 ? "commas divide columns" : nil
  }
}

extension String {
  /// Without blanks at both ends.
  fileprivate var trimmingBlanks: String {
    let bytes = utf8.drop { $0 == 32 || $0 == 9 }
    let end = bytes.lastIndex { $0 != 32 && $0 != 9 && $0 != 0 }
    return end.map { String(Substring(bytes[...$0])) } ?? ""
  }
}
