// SPDX-License-Identifier: GPL-3.0-or-later
// What a dataset or a quantum is about.

/// A way in which data are numbered (framework D.1).
package enum Dimension: String, CaseIterable, Hashable, Sendable, Comparable {
  case instrument, skymap, tract, patch, visit, detector, band

  package static func < (a: Dimension, b: Dimension) -> Bool { a.order < b.order }

  private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// Whether its values are numbers; the others are names.
  package var isNumeric: Bool {
    switch self {
    case .tract, .patch, .visit, .detector: true
    case .instrument, .skymap, .band: false
    }
  }
}

/// The value of a dimension.
package enum DimensionValue: Hashable, Sendable, Comparable, CustomStringConvertible {
  case number(Int64)
  case name(String)

  package var description: String {
    switch self {
    case .number(let value): "\(value)"
    case .name(let value): value
    }
  }

  package static func < (a: DimensionValue, b: DimensionValue) -> Bool {
    switch (a, b) {
    case (.number(let x), .number(let y)): x < y
    case (.name(let x), .name(let y)): x < y
    case (.number, .name): true
    case (.name, .number): false
    }
  }
}

/// What a dataset or a quantum is about: a value for each of some dimensions.
package struct DataID: Hashable, Sendable, Comparable, CustomStringConvertible {
  private let values: [Dimension: DimensionValue]

  /// - Throws: ``DataIDError``: a negative number, or a name that could not be part of a file's name.
  package init(_ values: [Dimension: DimensionValue]) throws(DataIDError) {
    for (dimension, value) in values {
      switch value {
      case .number(let number):
        guard dimension.isNumeric, number >= 0 else { throw DataIDError(dimension: dimension, value: value) }
      case .name(let name):
        // A name becomes part of a path.
        let isSafe =
          (1...64).contains(name.utf8.count)
          && name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "_-+.".utf8.contains($0)
          } && !name.hasPrefix(".")
        guard !dimension.isNumeric, isSafe else { throw DataIDError(dimension: dimension, value: value) }
      }
    }
    self.values = values
  }

  private init(known values: [Dimension: DimensionValue]) { self.values = values }

  package static let empty = DataID(known: [:])

  package subscript(dimension: Dimension) -> DimensionValue? { values[dimension] }

  package func number(_ dimension: Dimension) -> Int64? {
    if case .number(let value) = values[dimension] { value } else { nil }
  }

  package func name(_ dimension: Dimension) -> String? {
    if case .name(let value) = values[dimension] { value } else { nil }
  }

  package var dimensions: Set<Dimension> { Set(values.keys) }

  /// In the order of the dimensions.
  package var pairs: [(dimension: Dimension, value: DimensionValue)] {
    values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The part about some dimensions; `nil` when a value is missing.
  package func restricted(to dimensions: Set<Dimension>) -> DataID? {
    let part = values.filter { dimensions.contains($0.key) }
    return part.count == dimensions.count ? DataID(known: part) : nil
  }

  /// As people read it: `visit 100, detector 3`.
  package var description: String {
    values.isEmpty ? "everything" : pairs.map { "\($0.dimension.rawValue) \($0.value)" }.joined(separator: ", ")
  }

  /// By the values in the order of the dimensions.
  package static func < (a: DataID, b: DataID) -> Bool {
    for (x, y) in zip(a.pairs, b.pairs) {
      if x.dimension != y.dimension { return x.dimension < y.dimension }
      if x.value != y.value { return x.value < y.value }
    }
    return a.values.count < b.values.count
  }
}

/// A value that a dimension cannot have (category ValueError).
package struct DataIDError: Error, Hashable, Sendable, CustomStringConvertible {
  package let dimension: Dimension
  package let value: DimensionValue

  package var description: String {
    dimension.isNumeric
      ? "\(dimension.rawValue) cannot be \(value); it must be a whole number from 0 on"
      : "\(dimension.rawValue) cannot be \"\(value)\"; it must be 1 to 64 letters, digits, _, -, + or ."
  }
}

/// A dataset: its type's name and what it is about.
package struct DatasetRef: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let datasetType: String
  package let dataID: DataID

  package init(_ datasetType: String, _ dataID: DataID) {
    self.datasetType = datasetType
    self.dataID = dataID
  }

  package var description: String { "\(datasetType) of \(dataID)" }

  package static func < (a: DatasetRef, b: DatasetRef) -> Bool {
    a.datasetType == b.datasetType ? a.dataID < b.dataID : a.datasetType < b.datasetType
  }
}
