// SPDX-License-Identifier: GPL-3.0-or-later
// Which data a job is about.

internal import Catalogs
package import TaskFramework

/// The values of a dimension that are wanted.
package enum DimensionSelection: Hashable, Sendable {
  case all
  case ranges([Range])
  case names(Set<String>)
  /// What all of several select.
  indirect case both(DimensionSelection, DimensionSelection)

  /// Numbers from `first` on to `last` at most, `step` apart.
  package struct Range: Hashable, Sendable {
    package let first: Int64
    package let last: Int64
    package let step: Int64

    func contains(_ value: Int64) -> Bool { value >= first && value <= last && (value - first) % step == 0 }
  }

  package func contains(_ value: DimensionValue) -> Bool {
    switch (self, value) {
    case (.all, _): true
    case (.ranges(let ranges), .number(let number)): ranges.contains { $0.contains(number) }
    case (.names(let names), .name(let name)): names.contains(name)
    case (.both(let a, let b), _): a.contains(value) && b.contains(value)
    default: false
    }
  }

  /// Numbers that are named one by one.
  var singleNumbers: [Int64] {
    switch self {
    case .ranges(let ranges): ranges.filter { $0.first == $0.last }.map(\.first)
    case .both(let a, let b): a.singleNumbers + b.singleNumbers
    case .all, .names: []
    }
  }

  /// Reads `3`, `100..131`, `100..131:2`, `r`, or `all`; several with commas or `^` between them.
  ///
  /// - Throws: ``TaskFramework/ConfigProblem`` that says what is expected.
  init(parsing text: String, _ dimension: Dimension) throws(ConfigProblem) {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "^" }
      .map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    guard dimension.isNumeric else {
      var names: Set<String> = []
      for part in parts where part != "all" {
        do throws(DataIDError) {
          _ = try DataID([dimension: .name(part)])
        } catch {
          throw ConfigProblem(path: dimension.rawValue, reason: "\(error)")
        }
        names.insert(part)
      }
      self = parts.contains("all") ? .all : .names(names)
      return
    }
    var ranges: [Range] = []
    for part in parts where part != "all" { ranges.append(try Self.range(part, dimension)) }
    self = parts.contains("all") ? .all : .ranges(ranges)
  }

  private static func range(_ text: String, _ dimension: Dimension) throws(ConfigProblem) -> Range {
    func problem(_ reason: String) -> ConfigProblem { ConfigProblem(path: dimension.rawValue, reason: reason) }
    let steps = text.split(separator: ":", omittingEmptySubsequences: false)
    let step = steps.count == 2 ? Int64(steps[1]) : 1
    let ends = (steps.first ?? "").split(separator: "..", omittingEmptySubsequences: false)
    guard steps.count <= 2, let step, step > 0, (1...2).contains(ends.count), let first = Int64(ends[0]),
      let last = Int64(ends[ends.count - 1]), first >= 0
    else {
      throw problem("\"\(text)\" is given; it must be a whole number from 0 on, a range such as 100..131, or all")
    }
    guard last >= first else { throw problem("the range \(text) ends before it begins") }
    return Range(first: first, last: last, step: step)
  }

  /// Reads what a job file has: a number, a text as above, or a list of these.
  init(_ value: ConfigValue, _ dimension: Dimension) throws(ConfigProblem) {
    switch value {
    case .integer(let number): try self.init(parsing: "\(number)", dimension)
    case .string(let text): try self.init(parsing: text, dimension)
    // A band may be called y or 1, as a name or a number of YAML.
    case .boolean(let flag) where !dimension.isNumeric: try self.init(parsing: flag ? "true" : "false", dimension)
    case .list(let values):
      guard !values.isEmpty else {
        throw ConfigProblem(path: dimension.rawValue, reason: "the list is empty, which selects nothing")
      }
      var ranges: [Range] = []
      var names: Set<String> = []
      var isAll = false
      for value in values {
        switch try DimensionSelection(value, dimension) {
        case .all: isAll = true
        case .ranges(let more): ranges += more
        case .names(let more): names.formUnion(more)
        case .both: break
        }
      }
      self = isAll ? .all : dimension.isNumeric ? .ranges(ranges) : .names(names)
    default:
      throw ConfigProblem(
        path: dimension.rawValue,
        reason: "\(value.kind) is given; it must be a value, a range such as 100..131, a list of these, or all")
    }
  }

  var text: String {
    switch self {
    case .all: "all"
    case .ranges(let ranges):
      ranges.map { range in
        range.first == range.last
          ? "\(range.first)" : "\(range.first)..\(range.last)" + (range.step == 1 ? "" : ":\(range.step)")
      }.joined(separator: ",")
    case .names(let names): names.sorted().joined(separator: ",")
    case .both(let a, let b): "\(a.text)∩\(b.text)"
    }
  }
}

/// Which data are wanted: for some dimensions, some values.
package struct Selection: Hashable, Sendable, CustomStringConvertible {
  package private(set) var values: [Dimension: DimensionSelection] = [:]

  /// The dimensions that a person selects by.
  static let selectable: [Dimension] = [.tract, .patch, .visit, .detector, .band]

  package init() {}

  package subscript(dimension: Dimension) -> DimensionSelection { values[dimension] ?? .all }

  package func contains(_ dimension: Dimension, _ value: DimensionValue) -> Bool {
    values[dimension].map { $0.contains(value) } ?? true
  }

  mutating func intersect(_ dimension: Dimension, _ other: DimensionSelection) {
    values[dimension] = values[dimension].map { .both($0, other) } ?? other
  }

  /// Reads `{ tract: [0], visit: 100..131, band: [g, r] }`.
  ///
  /// - Throws: ``TaskFramework/ConfigError`` with the line and the key.
  package init(_ value: ConfigValue, key: String, from origin: ConfigOrigin) throws(ConfigError) {
    guard value != .null else { return }
    guard case .mapping(let entries) = value else {
      throw ConfigError(
        origin: origin, path: key, reason: "\(value.kind) is given; it must be a mapping of dimensions to values")
    }
    for entry in entries {
      let place = origin.at(line: entry.line)
      do throws(ConfigProblem) {
        let dimension = try Self.dimension(entry.key)
        values[dimension] = try DimensionSelection(entry.value, dimension)
      } catch {
        throw ConfigError(
          origin: place, path: "\(key).\(error.path)", reason: error.reason, suggestion: error.suggestion)
      }
    }
  }

  /// Reads what is typed: `visit=100..110 band=g,r`.
  ///
  /// - Throws: ``TaskFramework/ConfigError``.
  package init(parsing text: String, flag: String = "--select") throws(ConfigError) {
    let origin = ConfigOrigin.commandLine("\(flag) \(text)")
    for part in text.split(whereSeparator: \.isWhitespace) {
      guard let equals = part.firstIndex(of: "="), equals != part.startIndex else {
        throw ConfigError(origin: origin, path: "", reason: "\"\(part)\" must have the form visit=100..110")
      }
      do throws(ConfigProblem) {
        let dimension = try Self.dimension(String(part[..<equals]))
        guard values[dimension] == nil else {
          throw ConfigProblem(path: dimension.rawValue, reason: "it is there twice")
        }
        values[dimension] = try DimensionSelection(
          parsing: String(part[part.index(after: equals)...]), dimension)
      } catch {
        throw ConfigError(origin: origin, path: error.path, reason: error.reason, suggestion: error.suggestion)
      }
    }
    guard !values.isEmpty else {
      throw ConfigError(origin: origin, path: "", reason: "it is empty; write visit=100..110, for example")
    }
  }

  private static func dimension(_ name: String) throws(ConfigProblem) -> Dimension {
    guard let dimension = selectable.first(where: { $0.rawValue == name }) else {
      let names = selectable.map(\.rawValue)
      throw ConfigProblem(
        path: name, reason: "data are selected by \(names.joined(separator: ", "))",
        suggestion: nearestName(to: name, among: names))
    }
    return dimension
  }

  package var description: String {
    values.isEmpty
      ? "everything"
      : values.sorted { $0.key < $1.key }.map { "\($0.key.rawValue)=\($0.value.text)" }.joined(separator: " ")
  }
}
