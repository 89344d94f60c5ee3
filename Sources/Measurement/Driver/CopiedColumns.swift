// SPDX-License-Identifier: GPL-3.0-or-later
// Columns that a measured catalog keeps from its reference.

internal import Catalogs
internal import SkyGeometry

/// The columns that a measured catalog keeps from its reference, with their types, units and descriptions (detection-measurement C.2.2).
struct CopiedColumns {
  /// Of the reference, by name or alias; and what it is called in the measured catalog.
  typealias Pair = (theirs: String, own: String)

  private var columns: [(theirs: String, own: String, type: FieldType)] = []

  /// Adds what the schema has not already.
  ///
  /// - Throws: ``Catalogs/CatalogError/noSuchField(name:suggestion:)`` for a reference that lacks one;
  ///   ``Catalogs/CatalogError/typeMismatch(field:found:expected:)`` for one of another type than a column that the schema has.
  init(_ pairs: [Pair], of reference: Schema, addingTo schema: inout Schema) throws(CatalogError) {
    for (theirs, own) in pairs {
      let field = try reference.field(theirs)
      if schema.contains(own) {
        let expected = try schema.field(own).type
        guard field.type == expected else {
          throw .typeMismatch(field: theirs, found: field.type.code, expected: expected.code)
        }
      } else {
        try schema.add(try Field(own, field.type, unit: field.unit, doc: field.doc))
      }
      columns.append((theirs, own, field.type))
    }
  }

  /// The column of the reference that a column of the measured catalog is a copy of.
  func source(of own: String) -> String? { columns.last { $0.own == own }?.theirs }

  /// Whether a reference has all of the columns, of the same types.
  ///
  /// - Throws: ``Catalogs/CatalogError/noSuchField(name:suggestion:)``, ``Catalogs/CatalogError/typeMismatch(field:found:expected:)``.
  func check(_ reference: Schema) throws(CatalogError) {
    for (theirs, _, type) in columns {
      let found = try reference.field(theirs).type
      guard found == type else { throw .typeMismatch(field: theirs, found: found.code, expected: type.code) }
    }
  }

  /// Copies the values of all rows.
  ///
  /// - Throws: as ``check(_:)``.
  func copy(from reference: Catalog, to catalog: inout Catalog) throws(CatalogError) {
    for (theirs, own, type) in columns {
      switch type {
      case .flag: try copy(Bool.self, theirs, reference, own, &catalog)
      case .uint8: try copy(UInt8.self, theirs, reference, own, &catalog)
      case .uint16: try copy(UInt16.self, theirs, reference, own, &catalog)
      case .int32: try copy(Int32.self, theirs, reference, own, &catalog)
      case .int64: try copy(Int64.self, theirs, reference, own, &catalog)
      case .float32: try copy(Float.self, theirs, reference, own, &catalog)
      case .float64: try copy(Double.self, theirs, reference, own, &catalog)
      case .angle: try copy(Angle.self, theirs, reference, own, &catalog)
      case .string: try copy(String.self, theirs, reference, own, &catalog)
      case .int32Array: try copy([Int32].self, theirs, reference, own, &catalog)
      case .float32Array: try copy([Float].self, theirs, reference, own, &catalog)
      case .float64Array: try copy([Double].self, theirs, reference, own, &catalog)
      }
    }
  }

  private func copy<Value: ColumnValue>(
    _: Value.Type, _ theirs: String, _ reference: Catalog, _ own: String, _ catalog: inout Catalog
  ) throws(CatalogError) {
    let (source, target) = (
      try reference.schema.key(theirs, as: Value.self), try catalog.schema.key(own, as: Value.self)
    )
    for row in 0..<catalog.rowCount { catalog[target, row] = reference[source, row] }
  }
}
