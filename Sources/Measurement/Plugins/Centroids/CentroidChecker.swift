// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a centroid is still that of its source.

internal import Catalogs
internal import SkyGeometry

/// Puts centroids that left their source back to its first peak (detection-measurement B.1.4).
struct CentroidChecker {
  let doFootprintCheck: Bool
  /// Pixels; not checked unless positive.
  let maxDistToPeak: Double
  let position: PointKey
  /// `nil` for a centroid without errors.
  let error: CovarianceMatrixKey?
  let flag: Key<Bool>
  let resetToPeak: Key<Bool>
  let badError: Key<Bool>

  func check(row: Int, of catalog: inout Catalog) {
    guard doFootprintCheck || maxDistToPeak > 0 else { return }
    if let error, error.errors.contains(where: { catalog[$0, row].isNaN }) {
      catalog[badError, row] = true
      catalog[flag, row] = true
    }
    guard let footprint = catalog.footprint(row: row), let peak = footprint.peaks.first else { return }
    let found = catalog[position, row]
    let isOutside = doFootprintCheck && !(found.pixel.map { footprint.spans.contains($0) } ?? false)
    let isFar = maxDistToPeak > 0 && !(found.distance(to: peak.position) <= maxDistToPeak)
    guard isOutside || isFar else { return }
    catalog[position, row] = peak.position
    catalog[resetToPeak, row] = true
    catalog[flag, row] = true
  }
}
