// SPDX-License-Identifier: GPL-3.0-or-later
// What columns a table has.

/// The columns of a table in order, and other names for them (detection-measurement D.4.1).
package struct Schema: Hashable, Sendable {
  package private(set) var fields: [Field] = []
  private var indices: [String: Int] = [:]
  /// Other names: an alias stands for every name that begins with it, and is replaced by its target.
  package private(set) var aliases: [String: String] = [:]

  package init() {}

  /// - Throws: ``CatalogError/invalidSchema(_:)`` for two fields of one name.
  package init(_ fields: some Sequence<Field>) throws(CatalogError) {
    for field in fields { try add(field) }
  }

  /// Adds a column.
  ///
  /// - Throws: ``CatalogError/invalidSchema(_:)`` when there is one of this name.
  package mutating func add(_ field: Field) throws(CatalogError) {
    guard indices[field.name] == nil else {
      throw .invalidSchema("the schema has a column \(field.name) already")
    }
    indices[field.name] = fields.count
    fields.append(field)
  }

  /// Adds a column and returns the key to it.
  ///
  /// - Throws: ``CatalogError/invalidSchema(_:)``, ``CatalogError/typeMismatch(field:found:expected:)`` for a type that does not
  ///   hold such values.
  @discardableResult
  package mutating func addField<Value: ColumnValue>(
    _ name: String, _ type: FieldType? = nil, as _: Value.Type = Value.self, unit: String = "", doc: String
  ) throws(CatalogError) -> Key<Value> {
    guard let type = type ?? Value.defaultFieldType else {
      throw .invalidSchema("column \(name): a column of \(Value.self) needs a length")
    }
    guard Value.fits(type) else { throw .typeMismatch(field: name, found: type.code, expected: "\(Value.self)") }
    try add(try Field(name, type, unit: unit, doc: doc))
    return Key(index: fields.count - 1)
  }

  /// The columns of another schema that this lacks, after its own; aliases are taken along.
  ///
  /// - Throws: ``CatalogError/schemaMismatch(_:)`` for one name with two types.
  package mutating func formUnion(_ other: Schema) throws(CatalogError) {
    for field in other.fields {
      if let index = indices[field.name] {
        guard fields[index].type == field.type else {
          throw .schemaMismatch(
            "column \(field.name) is \(fields[index].type.code) in one schema and \(field.type.code) in the other")
        }
      } else {
        try add(field)
      }
    }
    aliases.merge(other.aliases) { own, _ in own }
  }

  /// Makes every name that begins with `alias` stand for one that begins with `target`; an empty target removes the alias.
  ///
  /// - Throws: ``CatalogError/invalidSchema(_:)`` for a name that is none, or a circle.
  package mutating func setAlias(_ alias: String, to target: String) throws(CatalogError) {
    guard !target.isEmpty else {
      aliases[alias] = nil
      return
    }
    guard Field.isName(alias), Field.isName(target) else {
      throw .invalidSchema("alias \(alias) for \(target): both must be names of columns")
    }
    var changed = self
    changed.aliases[alias] = target
    guard changed.resolve(alias) != nil else {
      throw .invalidSchema("alias \(alias) for \(target) leads back to itself")
    }
    self = changed
  }

  /// The name that another one stands for: the longest alias that it begins with is replaced, until none is left.
  ///
  /// - Returns: `nil` for a circle.
  package func resolve(_ name: String) -> String? {
    guard !aliases.isEmpty else { return name }
    var name = name
    for _ in 0...aliases.count {
      guard let alias = aliases.keys.filter({ name.hasPrefix($0) }).max(by: { $0.utf8.count < $1.utf8.count }),
        let target = aliases[alias]
      else { return name }
      name = target + name.dropFirst(alias.count)
      // Targets that begin with their own alias grow without end.
      if name.utf8.count > 4096 { return nil }
    }
    return nil
  }

  /// The place of a column, by its name or an alias.
  package func index(of name: String) -> Int? {
    if let index = indices[name] { return index }
    return resolve(name).flatMap { indices[$0] }
  }

  package func contains(_ name: String) -> Bool { index(of: name) != nil }

  /// - Throws: ``CatalogError/noSuchField(name:suggestion:)``.
  package func field(_ name: String) throws(CatalogError) -> Field {
    guard let index = index(of: name) else {
      throw .noSuchField(name: name, suggestion: nearestName(to: name, among: fields.map(\.name)))
    }
    return fields[index]
  }

  /// The key to a column, by its name or an alias.
  ///
  /// - Throws: ``CatalogError/noSuchField(name:suggestion:)``, ``CatalogError/typeMismatch(field:found:expected:)``.
  package func key<Value: ColumnValue>(
    _ name: String, as _: Value.Type = Value.self
  ) throws(CatalogError) -> Key<Value> {
    let field = try field(name)
    guard Value.fits(field.type) else {
      throw .typeMismatch(field: field.name, found: field.type.code, expected: "\(Value.self)")
    }
    return Key(index: indices[field.name] ?? 0)
  }

  /// The names that begin with a prefix, in order.
  package func names(withPrefix prefix: String) -> [String] { fields.map(\.name).filter { $0.hasPrefix(prefix) } }

  /// What differs from another schema, in words; empty when nothing does.
  package func differences(from other: Schema) -> [String] {
    var lines: [String] = []
    for field in fields {
      guard let index = other.indices[field.name] else {
        lines.append("column \(field.name) is missing")
        continue
      }
      let twin = other.fields[index]
      if twin.type != field.type { lines.append("column \(field.name) is \(twin.type.code), not \(field.type.code)") }
      if twin.unit != field.unit {
        lines.append("column \(field.name) has unit \"\(twin.unit)\", not \"\(field.unit)\"")
      }
      if twin.doc != field.doc { lines.append("column \(field.name) has another description") }
    }
    for field in other.fields where indices[field.name] == nil { lines.append("column \(field.name) is too many") }
    if lines.isEmpty, fields.map(\.name) != other.fields.map(\.name) { lines.append("the columns have another order") }
    if aliases != other.aliases { lines.append("the aliases differ") }
    return lines
  }

  package static func == (a: Schema, b: Schema) -> Bool { a.fields == b.fields && a.aliases == b.aliases }
  package func hash(into hasher: inout Hasher) {
    hasher.combine(fields)
    hasher.combine(aliases)
  }
}
