// SPDX-License-Identifier: GPL-3.0-or-later
// A table.

/// A table: columns after a schema, and for each row perhaps a footprint.
///
/// A value: a copy is independent. Rows count from 0.
package struct Catalog: Hashable, Sendable {
  package let schema: Schema
  package private(set) var rowCount: Int
  private var columns: [ColumnStorage]
  /// One a row, or none at all.
  package private(set) var footprints: [Footprint?] = []

  /// A table of rows without values.
  package init(_ schema: Schema, rowCount: Int = 0) {
    self.schema = schema
    self.rowCount = rowCount
    columns = schema.fields.map { field in
      var column = ColumnStorage()
      field.type.appendMissing(rowCount, to: &column)
      return column
    }
  }

  /// A table of given columns, one a field.
  ///
  /// - Throws: ``CatalogError/lengthMismatch(what:found:expected:)``.
  package init(_ schema: Schema, rowCount: Int, columns: [ColumnStorage]) throws(CatalogError) {
    guard columns.count == schema.fields.count else {
      throw .lengthMismatch(what: "the number of columns", found: columns.count, expected: schema.fields.count)
    }
    for (field, column) in zip(schema.fields, columns) {
      let found = field.type.elementCount(of: column)
      guard found == rowCount * field.type.elementCount else {
        throw .lengthMismatch(
          what: "the number of elements in column \(field.name)", found: found,
          expected: rowCount * field.type.elementCount)
      }
    }
    self.schema = schema
    self.rowCount = rowCount
    self.columns = columns
  }

  package var isEmpty: Bool { rowCount == 0 }

  /// The values of a column by its place in the schema.
  package func storage(_ index: Int) -> ColumnStorage { columns[index] }

  /// Adds a row without values and returns its number.
  @discardableResult
  package mutating func addRow() -> Int {
    for (i, field) in schema.fields.enumerated() { field.type.appendMissing(1, to: &columns[i]) }
    if !footprints.isEmpty { footprints.append(nil) }
    rowCount += 1
    return rowCount - 1
  }

  /// A value.
  ///
  /// - Precondition: the key is of this table's schema, the row exists; text and arrays fit their column.
  package subscript<Value: ColumnValue>(key: Key<Value>, row: Int) -> Value {
    get { Value.read(columns[key.index], row: row, schema.fields[key.index].type) }
    set { Value.write(newValue, to: &columns[key.index], row: row, schema.fields[key.index].type) }
  }

  /// All values of a column.
  package func column<Value: ColumnValue>(_ key: Key<Value>) -> [Value] {
    let type = schema.fields[key.index].type
    return (0..<rowCount).map { Value.read(columns[key.index], row: $0, type) }
  }

  /// All values of a column by its name or an alias.
  ///
  /// - Throws: ``CatalogError/noSuchField(name:suggestion:)``, ``CatalogError/typeMismatch(field:found:expected:)``.
  package func column<Value: ColumnValue>(
    _ name: String, as _: Value.Type = Value.self
  ) throws(CatalogError) -> [Value] {
    column(try schema.key(name, as: Value.self))
  }

  /// Gives a row its footprint, or takes it.
  package mutating func setFootprint(_ footprint: Footprint?, row: Int) {
    if footprints.isEmpty { footprints = Array(repeating: nil, count: rowCount) }
    footprints[row] = footprint
  }

  package func footprint(row: Int) -> Footprint? { footprints.isEmpty ? nil : footprints[row] }
}

extension Catalog {
  /// The rows of given numbers, in the order given.
  package func selecting(_ rows: some Sequence<Int>) -> Catalog {
    let rows = Array(rows)
    var result = Catalog(schema)
    for (i, field) in schema.fields.enumerated() { result.columns[i] = field.type.selecting(rows, of: columns[i]) }
    if !footprints.isEmpty { result.footprints = rows.map { footprints[$0] } }
    result.rowCount = rows.count
    return result
  }

  /// The rows for which a condition holds.
  package func filter(_ isIncluded: (_ row: Int) throws -> Bool) rethrows -> Catalog {
    selecting(try (0..<rowCount).filter(isIncluded))
  }

  /// The rows in ascending order of a column; equal ones keep their order.
  package func sorted<Value: ColumnValue & Comparable>(by key: Key<Value>) -> Catalog {
    let values = column(key)
    return selecting((0..<rowCount).sorted { values[$0] < values[$1] || (values[$0] == values[$1] && $0 < $1) })
  }

  /// Adds the rows of a table of the same schema.
  ///
  /// - Throws: ``CatalogError/schemaMismatch(_:)``.
  package mutating func append(contentsOf other: Catalog) throws(CatalogError) {
    guard other.schema == schema else {
      let differences = schema.differences(from: other.schema)
      throw .schemaMismatch(
        "tables of different schemas cannot be joined: " + differences.prefix(5).joined(separator: "; ")
          + (differences.count > 5 ? "; and \(differences.count - 5) more" : ""))
    }
    if !footprints.isEmpty || !other.footprints.isEmpty {
      func all(_ catalog: Catalog) -> [Footprint?] {
        catalog.footprints.isEmpty ? Array(repeating: nil, count: catalog.rowCount) : catalog.footprints
      }
      footprints = all(self) + all(other)
    }
    for i in columns.indices { columns[i].append(contentsOf: other.columns[i]) }
    rowCount += other.rowCount
  }

  /// The row of an ID; rows need no order.
  package func row(withID id: Int64) throws(CatalogError) -> Int? {
    try column("id", as: Int64.self).firstIndex(of: id)
  }

  /// The rows whose `parent` is an ID, in order.
  package func children(of parent: Int64) throws(CatalogError) -> [Int] {
    let parents = try column("parent", as: Int64.self)
    return parents.indices.filter { parents[$0] == parent }
  }
}
