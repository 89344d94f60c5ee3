// SPDX-License-Identifier: GPL-3.0-or-later
// What people write into configurations.

/// A value as it is written in YAML, on a command line or in an environment variable.
package indirect enum ConfigValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case list([ConfigValue])
  case mapping([Entry])

  /// A key and what stands behind it.
  package struct Entry: Hashable, Sendable {
    package var key: String
    package var value: ConfigValue
    /// Where the key is written; `nil` outside of a file.
    package var line: Int?

    package init(_ key: String, _ value: ConfigValue, line: Int? = nil) {
      self.key = key
      self.value = value
      self.line = line
    }
  }

  /// What the value is, in a message.
  package var kind: String {
    switch self {
    case .null: "nothing"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value.count > 60 ? value.prefix(60) + "…" : value[...])\""
    case .list(let values): "a list of \(values.count)"
    case .mapping: "a mapping"
    }
  }
}

/// A type that a field of a configuration may have.
package protocol ConfigValueConvertible: Sendable {
  /// Its name in messages and help: `int`, `float`, `list of text`.
  static var configTypeName: String { get }
  /// The values that there are, when they are few.
  static var configChoices: [String]? { get }
  /// - Returns: `nil` when the value is not of this type. A whole number is a float; nothing else is converted.
  init?(configValue: ConfigValue)
  var configValue: ConfigValue { get }
}

extension ConfigValueConvertible {
  package static var configChoices: [String]? { nil }
}

extension Bool: ConfigValueConvertible {
  package static var configTypeName: String { "bool" }
  package init?(configValue: ConfigValue) {
    guard case .boolean(let value) = configValue else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .boolean(self) }
}

extension Int: ConfigValueConvertible {
  package static var configTypeName: String { "int" }
  package init?(configValue: ConfigValue) {
    guard case .integer(let value) = configValue else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .integer(self) }
}

extension Double: ConfigValueConvertible {
  package static var configTypeName: String { "float" }
  package init?(configValue: ConfigValue) {
    switch configValue {
    case .number(let value): self = value
    case .integer(let value): self = Double(value)
    default: return nil
    }
  }
  package var configValue: ConfigValue { .number(self) }
}

extension String: ConfigValueConvertible {
  package static var configTypeName: String { "text" }
  package init?(configValue: ConfigValue) {
    guard case .string(let value) = configValue else { return nil }
    self = value
  }
  package var configValue: ConfigValue { .string(self) }
}

extension Optional: ConfigValueConvertible where Wrapped: ConfigValueConvertible {
  package static var configTypeName: String { "\(Wrapped.configTypeName) or null" }
  package static var configChoices: [String]? { Wrapped.configChoices.map { $0 + ["null"] } }
  package init?(configValue: ConfigValue) {
    if configValue == .null {
      self = .none
    } else {
      guard let value = Wrapped(configValue: configValue) else { return nil }
      self = value
    }
  }
  package var configValue: ConfigValue { map(\.configValue) ?? .null }
}

extension Array: ConfigValueConvertible where Element: ConfigValueConvertible {
  package static var configTypeName: String { "list of \(Element.configTypeName)" }
  package init?(configValue: ConfigValue) {
    guard case .list(let values) = configValue else { return nil }
    var elements: [Element] = []
    for value in values {
      guard let element = Element(configValue: value) else { return nil }
      elements.append(element)
    }
    self = elements
  }
  package var configValue: ConfigValue { .list(map(\.configValue)) }
}

extension Dictionary: ConfigValueConvertible where Key == String, Value: ConfigValueConvertible {
  package static var configTypeName: String { "mapping of text to \(Value.configTypeName)" }
  package init?(configValue: ConfigValue) {
    guard case .mapping(let entries) = configValue else { return nil }
    self = [:]
    for entry in entries {
      guard self[entry.key] == nil, let value = Value(configValue: entry.value) else { return nil }
      self[entry.key] = value
    }
  }
  package var configValue: ConfigValue {
    .mapping(sorted { $0.key < $1.key }.map { ConfigValue.Entry($0.key, $0.value.configValue) })
  }
}

/// A choice among names; the raw values are what people write.
package protocol ConfigChoice: ConfigValueConvertible, CaseIterable, RawRepresentable where RawValue == String {}

extension ConfigChoice {
  package static var configTypeName: String { "choice" }
  package static var configChoices: [String]? { allCases.map(\.rawValue) }
  package init?(configValue: ConfigValue) {
    guard case .string(let name) = configValue else { return nil }
    self.init(rawValue: name)
  }
  package var configValue: ConfigValue { .string(rawValue) }
}
