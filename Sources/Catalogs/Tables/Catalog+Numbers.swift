// SPDX-License-Identifier: GPL-3.0-or-later
// Columns of any type of numbers.

extension Catalog {
  /// A column of single numbers of any type.
  ///
  /// - Returns: `nil` for a column that is not there or holds something else.
  package func numbers(_ name: String) -> [Double]? {
    guard let index = schema.index(of: name) else { return nil }
    let column = storage(index)
    switch schema.fields[index].type {
    case .uint8: return column.uint8s.map(Double.init)
    case .uint16: return column.uint16s.map(Double.init)
    case .int32: return column.int32s.map(Double.init)
    case .int64: return column.int64s.map(Double.init)
    case .float32: return column.floats.map(Double.init)
    case .float64, .angle: return column.doubles
    case .flag, .string, .int32Array, .float32Array, .float64Array: return nil
    }
  }

  /// A column of whole numbers of any type that holds no others.
  package func integers(_ name: String) -> [Int64]? {
    guard let index = schema.index(of: name) else { return nil }
    let column = storage(index)
    switch schema.fields[index].type {
    case .uint8: return column.uint8s.map(Int64.init)
    case .uint16: return column.uint16s.map(Int64.init)
    case .int32: return column.int32s.map(Int64.init)
    case .int64: return column.int64s
    default: return nil
    }
  }

  /// The name of the first column that is there; capitals count only where nothing fits them.
  package func firstColumn(of names: [String]) -> String? {
    for name in names where schema.contains(name) { return name }
    let fields = schema.fields.map(\.name)
    for name in names { if let found = fields.first(where: { $0.lowercased() == name.lowercased() }) { return found } }
    return nil
  }
}
