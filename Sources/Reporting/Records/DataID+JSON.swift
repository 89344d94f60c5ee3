// SPDX-License-Identifier: GPL-3.0-or-later
// Data IDs as JSON.

internal import OrderedCollections
package import TaskFramework

extension DataID {
  /// `{"visit": 100, "detector": 3}`: the names of the dimensions, in their order, with numbers or names.
  package var json: JSONValue {
    .object(
      OrderedDictionary(
        uniqueKeysWithValues: pairs.map { dimension, value in
          switch value {
          case .number(let number): (dimension.rawValue, .integer(number))
          case .name(let name): (dimension.rawValue, .string(name))
          }
        }))
  }

  /// - Parameter member: what errors call it.
  /// - Throws: ``RecordError``: no object, a dimension that does not exist or a value that it cannot have.
  package init(json: JSONValue, member: String = "dataID") throws(RecordError) {
    let reader = try MemberReader(json, path: member)
    var values: [Dimension: DimensionValue] = [:]
    for name in reader.names {
      guard let dimension = Dimension(rawValue: name) else {
        throw reader.error(name.clipped(toBytes: 100), "is no dimension")
      }
      switch reader[name] {
      case .integer(let number): values[dimension] = .number(number)
      case .string(let text): values[dimension] = .name(text)
      default: throw reader.error(name, "is neither a whole number nor a name")
      }
    }
    do {
      try self.init(values)
    } catch {
      throw reader.error(error.dimension.rawValue, "cannot have its value: \(error)")
    }
  }
}
