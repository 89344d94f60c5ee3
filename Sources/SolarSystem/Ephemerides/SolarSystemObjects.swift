// SPDX-License-Identifier: GPL-3.0-or-later
// A table of ephemerides.

package import Catalogs

/// Objects of the solar system that may be on an exposure: a table of ephemerides in one of three layouts (framework B.3).
///
/// What tells the layouts apart is which columns there are:
/// - `obs_x_poly`: **series**, as MPSky gives them. Chebyshev coefficients of observer and object (``ChebyshevColumn``) in days since `tmin`, good until `tmax`.
/// - `RATrue_deg`: **states**, as Sorcha gives them. Positions, rates and vectors in km and km/s at `fieldMJD_TAI`.
/// - `ra` and `dec`: **positions**, as anyone lists them, with what else is known (``ListedEphemerides``).
///
/// IDs are the column `ssObjectId`, else they follow from the packed designation in `packed_desig` or `ObjID`.
package struct SolarSystemObjects: Sendable {
  package enum Layout: Hashable, Sendable { case series, states, positions }

  package let table: Catalog
  package let layout: Layout
  /// One a row, all different.
  package let ids: [Int64]
  package let designations: [String]
  /// Standard errors of the predicted positions along one axis, arcseconds; NaN where the table gives none.
  package let errors: [Double]
  private let source: any EphemerisSource

  package var count: Int { table.rowCount }

  /// What the tables are called in messages.
  static let tableName = "ephemerides"

  /// - Throws: ``SolarSystemError`` for a column that is missing, an ID that stands twice or a designation that is none.
  package init(_ table: Catalog) throws(SolarSystemError) {
    self.table = table
    let columns = EphemerisColumns(table)
    if table.schema.fields.contains(where: { $0.name.hasPrefix("obs_x_poly") }) {
      layout = .series
      source = try SeriesEphemerides(columns)
    } else if columns.has("RATrue_deg") {
      layout = .states
      source = try StateEphemerides(columns)
    } else {
      layout = .positions
      source = try ListedEphemerides(columns)
    }
    ids = try columns.ids()
    designations = columns.designations(layout)
    errors =
      try columns.numbers(["Err_arcsec", "Err_arcsec_", "Err"], .arcseconds)
      ?? Array(repeating: .nan, count: table.rowCount)
    if let row = errors.firstIndex(where: { $0 < 0 }) {
      throw .invalidRow(table: Self.tableName, row: row, reason: "the position's error is \(errors[row])")
    }
  }

  /// Where all objects are, in the order of the rows.
  ///
  /// - Parameters:
  ///   - time: MJD, TAI; the midpoint of an exposure.
  ///   - extrapolates: whether ephemerides of another time are used all the same.
  /// - Returns: NaN for rows whose numbers are none.
  /// - Throws: ``SolarSystemError/outsideTimeRange(exposure:first:last:)``.
  package func ephemerides(at time: Double, extrapolates: Bool = false) throws(SolarSystemError) -> [ObjectEphemeris] {
    if !extrapolates, let range = source.timeRange, !(time >= range.first && time <= range.last) {
      throw .outsideTimeRange(exposure: time, first: range.first, last: range.last)
    }
    return (0..<count).map { source.ephemeris(row: $0, at: time) }
  }

  /// The largest error of a prediction, arcseconds.
  ///
  /// - Parameter missing: what it is where the table gives none.
  func largestError(missing: Double) -> Double { errors.map { $0.isFinite ? $0 : missing }.max() ?? missing }

  /// Whether a column only serves to work out where the object is.
  func isInternal(_ column: String) -> Bool {
    ["obs_x_poly", "obs_y_poly", "obs_z_poly", "obj_x_poly", "obj_y_poly", "obj_z_poly", "Obs_Sun_"].contains {
      column.hasPrefix($0)
    } || column == "tmin" || column == "tmax"
  }
}

/// A way from a table's columns to ephemerides.
protocol EphemerisSource: Sendable {
  /// The times that all rows are good for, MJD (TAI); `nil` when the table does not say.
  var timeRange: (first: Double, last: Double)? { get }
  func ephemeris(row: Int, at time: Double) -> ObjectEphemeris
}
