// SPDX-License-Identifier: GPL-3.0-or-later
// What the deblender says of a source.

internal import Catalogs
internal import SkyGeometry

/// The columns that a band's deblending adds to those of families (detection-measurement A.7.9).
///
/// `deblend_patchedTemplate` and `deblend_hasStrayFlux` of the reference are not among them: there are no such templates, and no stray flux.
struct DeblendColumns {
  let isPointSource: Key<Bool>
  let center: PointKey
  let instFlux: Key<Double>
  let hasTooManyPeaks: Key<Bool>
  let isTooBig: Key<Bool>
  let isMasked: Key<Bool>
  let isFailed: Key<Bool>
  let isSkipped: Key<Bool>
  let isRamped: Key<Bool>
  let isZero: Key<Bool>
  let hasNoPixels: Key<Bool>

  private static let prefix = "deblend_"

  /// - Throws: ``Catalogs/CatalogError``.
  init(addingTo schema: inout Schema) throws(CatalogError) {
    func flag(_ name: String, _ doc: String) throws(CatalogError) -> Key<Bool> {
      try schema.addField(Self.prefix + name, doc: doc)
    }
    isPointSource = try flag("deblendedAsPsf", "its template is a point source")
    center = try PointKey(adding: Self.prefix + "psfCenter", to: &schema, doc: "position of that point source")
    instFlux = try schema.addField(Self.prefix + "psf_instFlux", unit: "count", doc: "flux of that point source")
    hasTooManyPeaks = try flag("tooManyPeaks", "its family has more peaks than are deblended")
    isTooBig = try flag("parentTooBig", "its family is larger than what is deblended")
    isMasked = try flag("masked", "too much of its family has no good pixels")
    isFailed = try flag("failed", "no template could be made for its family")
    isSkipped = try flag("skipped", "its family is not deblended: a child has the pixels nearest to its peak")
    isRamped = try flag("rampedTemplate", "its template is continued beyond the edge of the data")
    isZero = try flag("zeroTemplate", "there is no light of its own: its template is a point source at the noise")
    hasNoPixels = try flag("noPixels", "it has no share of any pixel: its footprint is the nearest one, as it is")
  }

  /// - Throws: ``Catalogs/CatalogError`` for a schema without the columns.
  init(_ schema: Schema) throws(CatalogError) {
    func flag(_ name: String) throws(CatalogError) -> Key<Bool> { try schema.key(Self.prefix + name) }
    isPointSource = try flag("deblendedAsPsf")
    center = try PointKey(Self.prefix + "psfCenter", in: schema)
    instFlux = try schema.key(Self.prefix + "psf_instFlux")
    hasTooManyPeaks = try flag("tooManyPeaks")
    isTooBig = try flag("parentTooBig")
    isMasked = try flag("masked")
    isFailed = try flag("failed")
    isSkipped = try flag("skipped")
    isRamped = try flag("rampedTemplate")
    isZero = try flag("zeroTemplate")
    hasNoPixels = try flag("noPixels")
  }
}
