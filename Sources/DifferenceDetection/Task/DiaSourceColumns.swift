// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of a catalog of DIA sources.

internal import Catalogs
internal import Measurement

/// The columns of a catalog of DIA sources, in the order of detection-measurement A.3.1.
struct DiaSourceColumns {
  let schema: Schema
  let id: Key<Int64>
  let parent: Key<Int64>
  let isNegative: Key<Bool>
  let significance: Key<Double>
  let calibratedSignificance: Key<Double>
  let deblend: DeblendColumns
  let primaryFlags: PrimaryFlags
  let dipole: DipoleFitter
  let forced: ForcedColumns
  let forcedTemplate: ForcedColumns
  let skySource: Key<Bool>
  let glintTrail: Key<Bool>
  let fromPositive: Key<Bool>
  let fromNegative: Key<Bool>

  /// Adds the columns of all subtasks.
  ///
  /// - Throws: ``Catalogs/CatalogError``, ``TaskFramework/TaskError``.
  init(
    _ config: DetectAndMeasureConfig, _ measurement: SingleFrameMeasurementTask, _ applyApCorr: ApplyApCorrTask
  ) throws {
    var schema = try Schema.minimalSource()
    id = try schema.key("id")
    parent = try schema.key("parent")
    isNegative = try schema.addField("is_negative", doc: "the source was detected as significantly negative")
    try schema.setAlias("flags_negative", to: "is_negative")
    significance = try schema.addField(
      "significance", doc: "of the strongest peak, in standard deviations that its variance gives")
    calibratedSignificance = try schema.addField(
      "significance_calibrated", doc: "of the strongest peak, in standard deviations of empty positions")
    deblend = try DeblendColumns(addingTo: &schema)
    primaryFlags = try PrimaryFlags(addingTo: &schema)
    var dipole: DipoleFitter?
    try measurement.addFields(to: &schema) { schema in
      dipole = try DipoleFitter(DetectAndMeasureTask.dipoleName, config.dipoleFit, addingTo: &schema)
    }
    guard let dipole else { throw CatalogError.invalidSchema("the dipole fit has no columns") }
    self.dipole = dipole
    if config.doApCorr { try applyApCorr.addFields(to: &schema) }
    forced = try ForcedColumns("ip_diffim_forced_PsfFlux", of: "the science image", addingTo: &schema)
    forcedTemplate = try ForcedColumns(
      "ip_diffim_forced_template_PsfFlux", of: "the matched template", addingTo: &schema)
    for (name, doc) in [
      ("refMatchId", "unique ID of a matching reference source; not filled here"),
      ("srcMatchId", "unique ID of a matching source of the science image; not filled here"),
    ] { try schema.addField(name, as: Int64.self, doc: doc) }
    skySource = try schema.addField("sky_source", doc: "placed where there is nothing")
    glintTrail = try schema.addField("glint_trail", doc: "lies on a line with other sources")
    fromPositive = try schema.addField("merge_footprint_positive", doc: "a positive detection is part of the source")
    fromNegative = try schema.addField("merge_footprint_negative", doc: "a negative detection is part of the source")
    self.schema = schema
  }
}

/// What the deblender says of a source; the names that the reference's has for the same.
struct DeblendColumns {
  let childCount: Key<Int32>
  let blend: Key<Int32>
  let isPSF: Key<Bool>
  let center: PointKey
  let flux: Key<Double>
  let fluxError: Key<Double>
  let tooManyPeaks: Key<Bool>
  let parentTooBig: Key<Bool>
  let masked: Key<Bool>
  let skipped: Key<Bool>
  let peakID: Key<Int32>
  let peakCount: Key<Int32>
  let parentPeakCount: Key<Int32>

  init(addingTo schema: inout Schema) throws(CatalogError) {
    childCount = try schema.addField(
      "deblend_nChild", doc: "number of children; 0, since blends are replaced by theirs")
    blend = try schema.addField("deblend_blendId", doc: "number of the blend in this catalog; 0 for none")
    isPSF = try schema.addField("deblend_deblendedAsPsf", doc: "a child of a blend that point sources fit")
    center = try PointKey(
      adding: "deblend_psfCenter", to: &schema, doc: "position of the point source in the blend's fit")
    flux = try schema.addField(
      "deblend_psf_instFlux", unit: "count", doc: "flux of the point source in the blend's fit")
    fluxError = try schema.addField(
      "deblend_psf_instFluxErr", unit: "count", doc: "standard error of it, the neighbours' included")
    tooManyPeaks = try schema.addField("deblend_tooManyPeaks", doc: "not deblended: too many peaks")
    parentTooBig = try schema.addField("deblend_parentTooBig", doc: "not deblended: too large")
    masked = try schema.addField("deblend_masked", doc: "not deblended: too much of it is masked")
    skipped = try schema.addField("deblend_skipped", doc: "has several peaks and was not deblended")
    peakID = try schema.addField("deblend_peakId", doc: "number of the peak that a child is of")
    peakCount = try schema.addField("deblend_nPeaks", doc: "number of peaks")
    parentPeakCount = try schema.addField("deblend_parentNPeaks", doc: "number of peaks of the blend")
  }

  /// - Parameter number: of the blend in the catalog.
  func write(_ detection: Detection, blend number: Int32, row: Int, to catalog: inout Catalog) {
    let found = detection.blend
    catalog[blend, row] = found.isDeblended ? number : 0
    catalog[isPSF, row] = found.isPSF
    catalog[center, row] = found.position
    (catalog[flux, row], catalog[fluxError, row]) = (found.flux, found.fluxError)
    catalog[tooManyPeaks, row] = found.hasTooManyPeaks
    catalog[parentTooBig, row] = found.isTooBig
    catalog[masked, row] = found.isMasked
    catalog[skipped, row] = found.isSkipped
    catalog[peakID, row] = Int32(clamping: found.peakID)
    catalog[peakCount, row] = Int32(clamping: detection.footprint.peaks.count)
    catalog[parentPeakCount, row] = Int32(clamping: found.parentPeakCount)
  }
}

/// The columns of a forced PSF flux.
struct ForcedColumns {
  let instFlux: Key<Double>
  let instFluxErr: Key<Double>
  let area: Key<Float>
  let chi2: Key<Float>
  let npixels: Key<Int32>
  let flags: [(name: String, key: Key<Bool>)]

  init(_ name: String, of image: String, addingTo schema: inout Schema) throws(CatalogError) {
    instFlux = try schema.addField(name + "_instFlux", unit: "count", doc: "PSF flux on \(image) at the source")
    instFluxErr = try schema.addField(name + "_instFluxErr", unit: "count", doc: "standard error of that flux")
    area = try schema.addField(name + "_area", unit: "pixel", doc: "effective area of the PSF on \(image)")
    chi2 = try schema.addField(name + "_chi2", doc: "chi squared of the fit on \(image)")
    npixels = try schema.addField(name + "_npixels", doc: "number of pixels used on \(image)")
    flags = [
      ("_flag", try schema.addFlag(name, doc: "the flux on \(image) is not to be trusted")),
      ("_flag_noGoodPixels", try schema.addFlag(name, "noGoodPixels", doc: "\(image) has no good pixel under the PSF")),
      ("_flag_edge", try schema.addFlag(name, "edge", doc: "a part of the PSF lies beyond \(image)")),
    ]
  }

  /// Takes the columns `base_PsfFlux…` of a forced catalog with the same rows.
  ///
  /// - Throws: ``Catalogs/CatalogError`` for a catalog that lacks them.
  func copy(from forced: Catalog, to catalog: inout Catalog) throws(CatalogError) {
    func copy<Value: ColumnValue>(_ suffix: String, _ key: Key<Value>) throws(CatalogError) {
      let source = try forced.schema.key("base_PsfFlux" + suffix, as: Value.self)
      for row in 0..<catalog.rowCount { catalog[key, row] = forced[source, row] }
    }
    try copy("_instFlux", instFlux)
    try copy("_instFluxErr", instFluxErr)
    try copy("_area", area)
    try copy("_chi2", chi2)
    try copy("_npixels", npixels)
    for (suffix, key) in flags { try copy(suffix, key) }
  }
}
