// SPDX-License-Identifier: GPL-3.0-or-later
// Why sources cannot be associated with objects of the solar system.

internal import TaskFramework

/// Why sources cannot be associated with objects of the solar system.
package enum SolarSystemError: CategorizedError, Hashable, CustomStringConvertible {
  /// Text that is no designation, or an ID that belongs to none (category ValueError).
  case invalidDesignation(String, reason: String)
  /// A table of ephemerides, or of sources, lacks a column (category KeyError).
  case missingColumn(String, table: String, remedy: String)
  /// A row of a table says something that cannot be (category ValueError).
  case invalidRow(table: String, row: Int, reason: String)
  /// One ID stands in several rows (category RuntimeError).
  case duplicates(table: String, column: String, ids: [Int64], rows: [[Int]])
  /// The ephemerides are of another time than the exposure; MJD, TAI (category ValueError).
  case outsideTimeRange(exposure: Double, first: Double, last: Double)
  /// The exposure does not say what is needed of it (category ValueError).
  case missingInput(String)
  /// The exposure is of another band than the sources (category ValueError).
  case wrongBand(found: String, expected: String)
  /// More pairs of sources and objects than a computer should have to keep (category RuntimeError).
  case tooManyPairs(limit: Int, radius: Double)
  /// Tables of several detectors that do not belong together (category ValueError).
  case tablesDiffer(String)

  package var category: String {
    switch self {
    case .missingColumn: "KeyError"
    case .duplicates, .tooManyPairs: "RuntimeError"
    default: "ValueError"
    }
  }

  package var description: String {
    switch self {
    case .invalidDesignation(let text, let reason): "\"\(text)\" is no designation of a minor planet: \(reason)"
    case .missingColumn(let column, let table, let remedy): "the \(table) have no column \(column); \(remedy)"
    case .invalidRow(let table, let row, let reason): "the \(table), row \(row + 1): \(reason)"
    case .duplicates(let table, let column, let ids, let rows):
      "column \(column) of the \(table) must tell rows apart, and several have "
        + zip(ids, rows).prefix(5).map { id, rows in
          "\(id) (rows \(rows.prefix(4).map { "\($0 + 1)" }.joined(separator: ", "))\(rows.count > 4 ? ", …" : ""))"
        }.joined(separator: "; ") + (ids.count > 5 ? "; and \(ids.count - 5) more" : "")
    case .outsideTimeRange(let exposure, let first, let last):
      "the exposure's midpoint is MJD \(exposure) (TAI), the ephemerides hold from \(first) to \(last); take those of "
        + "its night, or set doExtrapolate" + (first > 2_000_000 ? "; MJD is a Julian date less 2400000.5" : "")
    case .missingInput(let text): text
    case .wrongBand(let found, let expected): "the exposure is of band \(found), the sources are of band \(expected)"
    case .tooManyPairs(let limit, let radius):
      "there are more than \(limit) pairs of a source and an object within \(radius)″ (maxCandidatePairs); lower maxDistArcSeconds"
    case .tablesDiffer(let text): text
    }
  }
}
