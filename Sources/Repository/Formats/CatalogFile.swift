// SPDX-License-Identifier: GPL-3.0-or-later
// Catalogs in files.

package import Catalogs
package import HDF5

extension Catalog: DatasetContent {
  package static let formatName = "skydiff catalog"
  package static let formatVersion = 1

  package func write(to root: HDF5Group) throws { try writeTable(to: root, "catalog") }

  package static func read(from root: HDF5Group) throws -> Catalog { try Catalog(reading: "catalog", in: root) }
}

extension Catalog {
  /// Writes the table under a name, with its schema, its aliases, the form of both that astropy reads, and its footprints.
  ///
  /// - Throws: ``HDF5Error``.
  package func writeTable(to group: HDF5Group, _ name: String) throws {
    for (index, field) in schema.fields.enumerated() {
      guard storage(index).strings.allSatisfy({ !$0.utf8.contains(0) }) else {
        throw HDF5Error.cannotEncode(
          file: group.file, object: "\(name), column \(field.name)", reason: "a text holds a zero byte")
      }
    }
    let columns = schema.fields.enumerated().map { index, field in hdf5Column(field, storage(index)) }
    let table = try group.writeTable(name, columns, rowCount: rowCount)
    try table.setAttribute("units", .strings(schema.fields.map(\.unit)), isScalar: false)
    try group.writeStrings("\(name).__table_column_meta__", AstropyHeader.lines(schema))
    try writeSchema(to: group, "\(name)_schema")
    if !schema.aliases.isEmpty {
      let aliases = try group.makeGroup("\(name)_aliases")
      for (alias, target) in schema.aliases.sorted(by: { $0.key < $1.key }) { try aliases.setAttribute(alias, target) }
    }
    if footprints.contains(where: { $0 != nil }) {
      try FootprintCoding.write(footprints, to: try group.makeGroup("footprints"))
    }
  }

  /// One row a column: what readers of HDF5 alone see, and what this program reads.
  private func writeSchema(to group: HDF5Group, _ name: String) throws {
    func column(_ title: String, _ texts: [String]) -> HDF5Column {
      HDF5Column(title, texts, length: max(1, texts.map(\.utf8.count).max() ?? 1))
    }
    let fields = schema.fields
    try group.writeTable(
      name,
      [
        column("name", fields.map(\.name)), column("type", fields.map(\.type.code)), column("unit", fields.map(\.unit)),
        column("description", fields.map(\.doc)),
      ], rowCount: fields.count)
  }

  private func hdf5Column(_ field: Field, _ column: ColumnStorage) -> HDF5Column {
    switch field.type {
    case .flag: HDF5Column(field.name, column.flags)
    case .uint8: HDF5Column(field.name, column.uint8s)
    case .uint16: HDF5Column(field.name, column.uint16s)
    case .int32: HDF5Column(field.name, column.int32s)
    case .int64: HDF5Column(field.name, column.int64s)
    case .float32: HDF5Column(field.name, column.floats)
    case .float64, .angle: HDF5Column(field.name, column.doubles)
    case .string(let length): HDF5Column(field.name, column.strings, length: length)
    case .int32Array(let count): HDF5Column(field.name, column.int32s, perRow: count)
    case .float32Array(let count): HDF5Column(field.name, column.floats, perRow: count)
    case .float64Array(let count): HDF5Column(field.name, column.doubles, perRow: count)
    }
  }

  /// Reads a table that ``writeTable(to:_:)`` wrote.
  ///
  /// - Parameter withFootprints: false for one beside another, whose the group's footprints are.
  /// - Throws: ``HDF5Error``, ``FormatError``.
  package init(reading name: String, in group: HDF5Group, withFootprints: Bool = true) throws {
    let (columns, rowCount) = try group.dataset(name).readTable()
    let schema = try Self.readSchema(group, name, columns)
    var storage: [ColumnStorage] = []
    for (field, column) in zip(schema.fields, columns) {
      guard let values = ColumnStorage(column, field.type) else {
        throw FormatError(
          file: group.file, object: "\(group.path)\(name), column \(field.name)",
          reason: "it is \(column.type.name), or text that is not UTF-8; its schema says \(field.type.code)")
      }
      storage.append(values)
    }
    try self.init(schema, rowCount: rowCount, columns: storage)
    if withFootprints, group.contains("footprints") {
      for (row, footprint) in try FootprintCoding.read(try group.group("footprints"), rowCount: rowCount).enumerated() {
        if let footprint { setFootprint(footprint, row: row) }
      }
    }
  }

  private static func readSchema(_ group: HDF5Group, _ name: String, _ columns: [HDF5Column]) throws -> Schema {
    let dataset = try group.dataset("\(name)_schema")
    let (table, count) = try dataset.readTable()
    func texts(_ title: String) throws -> [String] {
      guard let column = table.first(where: { $0.name == title })?.strings else {
        throw FormatError(file: group.file, object: dataset.path, reason: "it has no column \(title) of text")
      }
      return column
    }
    let (names, types) = (try texts("name"), try texts("type"))
    let (units, docs) = (try texts("unit"), try texts("description"))
    guard names == columns.map(\.name) else {
      throw FormatError(file: group.file, object: dataset.path, reason: "its columns are not those of the table")
    }
    var schema = Schema()
    for i in 0..<count {
      guard let type = FieldType(code: types[i]) else {
        throw FormatError(
          file: group.file, object: dataset.path, reason: "column \(names[i]) has no type \"\(types[i])\"")
      }
      try schema.add(try Field(names[i], type, unit: units[i], doc: docs[i]))
    }
    if group.contains("\(name)_aliases") {
      let aliases = try group.group("\(name)_aliases")
      for alias in try aliases.attributeNames { try schema.setAlias(alias, to: try aliases.string(alias)) }
    }
    return schema
  }
}

extension ColumnStorage {
  /// - Returns: `nil` when the column in the file is not of the type.
  init?(_ column: HDF5Column, _ type: FieldType) {
    switch type {
    case .flag: self.init(flags: column.booleans)
    case .uint8: self.init(uint8s: column.numbers())
    case .uint16: self.init(uint16s: column.numbers())
    case .int32: self.init(int32s: column.numbers())
    case .int64: self.init(int64s: column.numbers())
    case .float32: self.init(floats: column.numbers())
    case .float64, .angle: self.init(doubles: column.numbers())
    case .string(let length):
      guard column.type == .string(length: length) else { return nil }
      self.init(strings: column.strings)
    case .int32Array(let count):
      guard column.type == .array(.int32, count: count) else { return nil }
      self.init(int32s: column.numbers())
    case .float32Array(let count):
      guard column.type == .array(.float32, count: count) else { return nil }
      self.init(floats: column.numbers())
    case .float64Array(let count):
      guard column.type == .array(.float64, count: count) else { return nil }
      self.init(doubles: column.numbers())
    }
  }
}
