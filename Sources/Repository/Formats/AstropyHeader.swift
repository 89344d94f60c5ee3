// SPDX-License-Identifier: GPL-3.0-or-later
// What astropy reads beside a table.

internal import Catalogs
internal import TaskFramework

/// The YAML that astropy keeps beside a table in HDF5, in a dataset `NAME.__table_column_meta__`: one line an element.
///
/// With it `QTable.read(file, path: "catalog")` gives columns with units and descriptions.
enum AstropyHeader {
  static func lines(_ schema: Schema) -> [String] {
    ["datatype:"]
      + schema.fields.map { field in
        var parts = ["name: \(text(field.name))"]
        if !field.unit.isEmpty { parts.append("unit: \(text(field.unit))") }
        parts.append("datatype: \(datatype(field.type))")
        if !field.doc.isEmpty { parts.append("description: \(text(field.doc))") }
        return "- {\(parts.joined(separator: ", "))}"
      }
  }

  private static func datatype(_ type: FieldType) -> String {
    switch type {
    case .flag: "bool"
    case .uint8: "uint8"
    case .uint16: "uint16"
    case .int32, .int32Array: "int32"
    case .int64: "int64"
    case .float32, .float32Array: "float32"
    case .float64, .float64Array, .angle: "float64"
    case .string: "string"
    }
  }

  private static func text(_ value: String) -> String { ConfigText.inline(.string(value)) }
}
