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
///
/// Campaigns hold millions, so the values lie side by side, −1 and the empty name standing for none.
package struct DataID: Hashable, Sendable, Comparable, CustomStringConvertible {
  private var tract: Int64 = -1
  private var patch: Int64 = -1
  private var visit: Int64 = -1
  private var detector: Int64 = -1
  private var instrument = ""
  private var skymap = ""
  private var band = ""

  /// - Throws: ``DataIDError``: a negative number, or a name that could not be part of a file's name.
  package init(_ values: [Dimension: DimensionValue]) throws(DataIDError) {
    for (dimension, value) in values {
      switch value {
      case .number(let number):
        guard dimension.isNumeric, number >= 0 else { throw DataIDError(dimension: dimension, value: value) }
      case .name(let name):
        guard !dimension.isNumeric, Self.isSafe(name) else { throw DataIDError(dimension: dimension, value: value) }
      }
      self[dimension] = value
    }
  }

  private init() {}

  package static let empty = DataID()

  /// Whether a name may become part of a path.
  private static func isSafe(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "_-+.".utf8.contains($0)
      } && !name.hasPrefix(".")
  }

  package private(set) subscript(dimension: Dimension) -> DimensionValue? {
    get {
      func number(_ value: Int64) -> DimensionValue? { value < 0 ? nil : .number(value) }
      func name(_ value: String) -> DimensionValue? { value.isEmpty ? nil : .name(value) }
      return switch dimension {
      case .tract: number(tract)
      case .patch: number(patch)
      case .visit: number(visit)
      case .detector: number(detector)
      case .instrument: name(instrument)
      case .skymap: name(skymap)
      case .band: name(band)
      }
    }
    set {
      let number: Int64 = if case .number(let value) = newValue { value } else { -1 }
      let name = if case .name(let value) = newValue { value } else { "" }
      switch dimension {
      case .tract: tract = number
      case .patch: patch = number
      case .visit: visit = number
      case .detector: detector = number
      case .instrument: instrument = name
      case .skymap: skymap = name
      case .band: band = name
      }
    }
  }

  package func number(_ dimension: Dimension) -> Int64? {
    if case .number(let value) = self[dimension] { value } else { nil }
  }

  package func name(_ dimension: Dimension) -> String? {
    if case .name(let value) = self[dimension] { value } else { nil }
  }

  package var dimensions: Set<Dimension> { Set(Dimension.allCases.filter { self[$0] != nil }) }

  /// In the order of the dimensions.
  package var pairs: [(dimension: Dimension, value: DimensionValue)] {
    Dimension.allCases.compactMap { dimension in self[dimension].map { (dimension, $0) } }
  }

  /// The part about some dimensions; `nil` when a value is missing.
  package func restricted(to dimensions: Set<Dimension>) -> DataID? {
    var part = DataID()
    for dimension in dimensions {
      guard let value = self[dimension] else { return nil }
      part[dimension] = value
    }
    return part
  }

  /// As people read it: `visit 100, detector 3`.
  package var description: String {
    self == .empty ? "everything" : pairs.map { "\($0.dimension.rawValue) \($0.value)" }.joined(separator: ", ")
  }

  /// By the values in the order of the dimensions.
  package static func < (a: DataID, b: DataID) -> Bool {
    for dimension in Dimension.allCases {
      switch (a[dimension], b[dimension]) {
      case (let x?, let y?): if x != y { return x < y }
      // Fewer dimensions come first, as do those that begin with an earlier one.
      case (nil, .some): return a.pairs.allSatisfy { $0.dimension < dimension }
      case (.some, nil): return !b.pairs.allSatisfy { $0.dimension < dimension }
      case (nil, nil): continue
      }
    }
    return false
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
