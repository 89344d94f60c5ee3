// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of moments under a weight that follows its source.

internal import Catalogs

/// The columns of `ext_shapeHSM_HsmSourceMoments` and `ext_shapeHSM_HsmPsfMoments` (detection-measurement B.9.4).
struct HsmMomentsKeys {
  let center: PointKey
  let moments: QuadrupoleKey
  let flag: Key<Bool>
  let noPixels: Key<Bool>
  let notContained: Key<Bool>
  let noConvergence: Key<Bool>
  let invalid: Key<Bool>
  let noPSF: Key<Bool>

  /// - Parameter what: of what the moments are.
  init(_ name: String, of what: String, addingTo schema: inout Schema) throws(CatalogError) {
    center = try PointKey(adding: name, to: &schema, doc: "first moments of \(what)")
    moments = try QuadrupoleKey(adding: name, to: &schema, doc: "adaptive moments of \(what)")
    flag = try schema.addFlag(name, doc: "the moments are not to be trusted")
    noPixels = try schema.addFlag(name, "no_pixels", doc: "there is no pixel to measure")
    notContained = try schema.addFlag(name, "not_contained", doc: "the centroid is outside of the footprint's box")
    try schema.addField(
      name + "_flag_parent_source", as: Bool.self, doc: "the source was deblended into others; never set")
    noConvergence = try schema.addFlag(name, "galsim", doc: "the iteration did not end, or left the source")
    invalid = try schema.addFlag(name, "invalid_param", doc: "the moments are those of no ellipse")
    try schema.addField(name + "_flag_edge", as: Bool.self, doc: "the image ends within the source; never set")
    noPSF = try schema.addFlag(name, "no_psf", doc: "the PSF is undefined or has no moments")
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
  }

  /// Writes what was found.
  ///
  /// - Throws: ``MeasurementFailure`` when nothing was, or no ellipse.
  func write(_ found: HSMMoments?, row: Int, to catalog: inout Catalog) throws(MeasurementFailure) {
    guard let found else { throw .flagged(noConvergence) }
    guard !found.moments.isSingular else { throw .flagged(invalid) }
    catalog[center, row] = found.center
    catalog[moments, row] = found.moments.columns
  }
}
