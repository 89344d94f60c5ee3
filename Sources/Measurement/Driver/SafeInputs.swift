// SPDX-License-Identifier: GPL-3.0-or-later
// Position and shape that measurements start from.

package import Catalogs
package import SkyGeometry

extension MeasurementImage {
  /// The position of a source for another measurement than a centroid: its centroid, else its first peak (B.1.1).
  ///
  /// A centroid that is flagged or missing sets the measurement's own flag.
  ///
  /// - Throws: ``MeasurementFailure`` when there is neither.
  package func safeCentroid(
    row: Int, of catalog: inout Catalog, flag: Key<Bool>
  ) throws(MeasurementFailure) -> Point2D {
    guard let slot = slots.centroid else { throw .other("there is no centroid") }
    let position = catalog[slot.position, row]
    if position.isFinite {
      if let bad = slot.flag, catalog[bad, row] { catalog[flag, row] = true }
      return position
    }
    catalog[flag, row] = true
    return try firstPeak(row: row, of: catalog).position
  }

  /// Where a centroid starts: from the one that there is, else from the first peak.
  ///
  /// - Throws: ``MeasurementFailure`` when there is neither.
  package func startingPoint(row: Int, of catalog: Catalog) throws(MeasurementFailure) -> Point2D {
    if let slot = slots.centroid {
      let position = catalog[slot.position, row]
      if position.isFinite { return position }
    }
    return try firstPeak(row: row, of: catalog).position
  }

  /// - Throws: ``MeasurementFailure`` for a source without a footprint, or a footprint without a peak.
  package func firstPeak(row: Int, of catalog: Catalog) throws(MeasurementFailure) -> Peak {
    guard let peak = catalog.footprint(row: row)?.peaks.first else {
      throw .other("the source has no footprint with a peak")
    }
    return peak
  }

  /// The shape of a source for another measurement (B.1.2); one that is flagged sets the measurement's own flag.
  ///
  /// - Throws: ``MeasurementFailure`` for a shape that is none.
  package func safeShape(
    row: Int, of catalog: inout Catalog, flag: Key<Bool>
  ) throws(MeasurementFailure) -> SecondMoments {
    guard let slot = slots.shape else { throw .other("there is no shape") }
    let shape = SecondMoments(catalog[slot.moments, row])
    guard !shape.isSingular else { throw .other("the shape is singular") }
    if let bad = slot.flag, catalog[bad, row] { catalog[flag, row] = true }
    return shape
  }
}
