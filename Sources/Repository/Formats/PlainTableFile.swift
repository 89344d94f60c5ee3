// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of other programs in HDF5.

package import Catalogs
internal import HDF5

extension Catalog {
  /// The table of an HDF5 file that any program wrote: a catalog of ours, or the only dataset of records in the file's root (h5py's structured arrays, astropy's `Table.write`).
  ///
  /// Such tables say neither units nor meanings in a way that can be relied on, so their columns have none. Names that no column of ours can have get `_` for what is neither letter nor digit.
  ///
  /// - Throws: ``HDF5/HDF5Error``, ``FormatError``, ``Repository/ReadError``.
  package init(hdf5File path: String) throws {
    let bytes = try readFile(path)
    self = try HDF5File.decode(path, bytes, accepting: .anyVersion) { root in
      guard !root.hasAttribute("format") else { return try Catalog.decode(bytes, name: path) }
      return try Self.plain(root)
    }
  }

  private static func plain(_ root: HDF5Group) throws -> Catalog {
    var tables: [(name: String, dataset: HDF5Dataset)] = []
    var refused = ""
    for name in try root.names where root.contains(name) && !name.hasSuffix(".__table_column_meta__") {
      do {
        let dataset = try root.dataset(name)
        if case .record = dataset.type, dataset.shape.count == 1 { tables.append((name, dataset)) }
      } catch {
        refused =
          "; /\(name) cannot be opened: a group, texts of any length, or a newer HDF5's format (libver \"latest\")"
      }
    }
    guard let table = tables.first, tables.count == 1 else {
      throw FormatError(
        file: root.file, object: "/",
        reason: tables.isEmpty
          ? "it has no table: a dataset of records, as h5py makes of a structured array; texts must have a fixed length\(refused)"
          : "it has several tables (\(tables.map(\.name).prefix(5).joined(separator: ", "))); one is wanted")
    }
    let (columns, rowCount) = try table.dataset.readTable()
    var schema = Schema()
    var storage: [ColumnStorage] = []
    for column in columns {
      guard let (type, values) = Self.column(column) else {
        throw FormatError(
          file: root.file, object: "/\(table.name), column \(column.name)",
          reason: "it is \(column.type.name), or text that is not UTF-8; a catalog cannot hold that")
      }
      do throws(CatalogError) {
        try schema.add(try Field(columnName(column.name), type, doc: ""))
      } catch {
        throw FormatError(
          file: root.file, object: "/\(table.name), column \(column.name)",
          reason: "\(error); what is neither letter nor digit counts as _")
      }
      storage.append(values)
    }
    return try Catalog(schema, rowCount: rowCount, columns: storage)
  }

  private static func column(_ column: HDF5Column) -> (FieldType, ColumnStorage)? {
    var (type, values) = (fieldType(column.type), ColumnStorage())
    // Whole numbers of types that no catalog has, as int64.
    let wide: [Int64]? =
      switch column.type {
      case .int8: column.numbers(Int8.self)?.map(Int64.init)
      case .int16: column.numbers(Int16.self)?.map(Int64.init)
      case .uint32: column.numbers(UInt32.self)?.map(Int64.init)
      case .uint64: column.numbers(UInt64.self).flatMap { $0.allSatisfy { $0 <= Int64.max } ? $0.map(Int64.init) : nil }
      default: nil
      }
    if let wide {
      type = .int64
      values.set(integers: wide, .int64)
      return (.int64, values)
    }
    guard let type, let read = ColumnStorage(column, type) else { return nil }
    return (type, read)
  }

  private static func fieldType(_ type: HDF5Type) -> FieldType? {
    switch type {
    case .boolean: .flag
    case .uint8: .uint8
    case .uint16: .uint16
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .string(let length): .string(length: length)
    case .array(.int32, let count): .int32Array(count: count)
    case .array(.float32, let count): .float32Array(count: count)
    case .array(.float64, let count): .float64Array(count: count)
    default: nil
    }
  }
}
