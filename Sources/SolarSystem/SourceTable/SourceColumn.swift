// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of the columns of a catalog of sources.

/// A column of the calibrated table, and where it is from.
struct SourceColumn {
  enum Origin {
    /// As it is, with the catalog's unit; what ought to be degrees and is in radians is brought to degrees.
    case same
    /// Counts of a flux or its error, as nJy at the source's place.
    case nanojansky
    /// |flux| over its error, both in counts: the name with `Err` is the error.
    case signalToNoise
  }

  let name: String
  let unit: String
  let doc: String
  /// The first of these that the catalog has.
  let inputs: [String]
  let origin: Origin

  init(_ name: String, _ inputs: [String], _ origin: Origin = .same, unit: String = "", doc: String) {
    self.name = name
    self.unit = unit
    self.doc = doc
    self.inputs = inputs
    self.origin = origin
  }

  /// What is taken from catalogs of sources, of single frames as of differences, where they have it (docs/solar-system.md); names are those of the DiaSource table.
  ///
  /// Tables that know no slots, such as CSV, have measurements by name.
  static let all: [SourceColumn] = [
    SourceColumn("parentDiaSourceId", ["parent"], doc: "ID of the source that this was deblended from; 0 for none"),
    SourceColumn("raErr", ["coord_raErr"], unit: "deg", doc: "standard error of ra, times cos dec"),
    SourceColumn("decErr", ["coord_decErr"], unit: "deg", doc: "standard error of dec"),
    SourceColumn("x", ["slot_Centroid_x", "base_SdssCentroid_x"], unit: "pixel", doc: "position, x"),
    SourceColumn("y", ["slot_Centroid_y", "base_SdssCentroid_y"], unit: "pixel", doc: "position, y"),
    SourceColumn("xErr", ["slot_Centroid_xErr", "base_SdssCentroid_xErr"], unit: "pixel", doc: "standard error of x"),
    SourceColumn("yErr", ["slot_Centroid_yErr", "base_SdssCentroid_yErr"], unit: "pixel", doc: "standard error of y"),
    SourceColumn(
      "centroid_flag", ["slot_Centroid_flag", "base_SdssCentroid_flag"], doc: "the position is not to be trusted"),
    SourceColumn(
      "apFlux", ["slot_ApFlux_instFlux", "base_CircularApertureFlux_12_0_instFlux"], .nanojansky, unit: "nJy",
      doc: "aperture flux"),
    SourceColumn(
      "apFluxErr", ["slot_ApFlux_instFluxErr", "base_CircularApertureFlux_12_0_instFluxErr"], .nanojansky, unit: "nJy",
      doc: "standard error of apFlux"),
    SourceColumn(
      "apFlux_flag", ["slot_ApFlux_flag", "base_CircularApertureFlux_12_0_flag"], doc: "apFlux is not to be trusted"),
    SourceColumn(
      "psfFlux", ["slot_PsfFlux_instFlux", "base_PsfFlux_instFlux"], .nanojansky, unit: "nJy", doc: "PSF flux"),
    SourceColumn(
      "psfFluxErr", ["slot_PsfFlux_instFluxErr", "base_PsfFlux_instFluxErr"], .nanojansky, unit: "nJy",
      doc: "standard error of psfFlux"),
    SourceColumn("psfFlux_flag", ["slot_PsfFlux_flag", "base_PsfFlux_flag"], doc: "psfFlux is not to be trusted"),
    SourceColumn(
      "snr", ["slot_PsfFlux_instFlux", "base_PsfFlux_instFlux"], .signalToNoise, doc: "|psfFlux| over psfFluxErr"),
    SourceColumn(
      "scienceFlux", ["ip_diffim_forced_PsfFlux_instFlux"], .nanojansky, unit: "nJy",
      doc: "forced PSF flux on the exposure"),
    SourceColumn(
      "scienceFluxErr", ["ip_diffim_forced_PsfFlux_instFluxErr"], .nanojansky, unit: "nJy",
      doc: "standard error of scienceFlux"),
    SourceColumn(
      "templateFlux", ["ip_diffim_forced_template_PsfFlux_instFlux"], .nanojansky, unit: "nJy",
      doc: "forced PSF flux on the template"),
    SourceColumn(
      "templateFluxErr", ["ip_diffim_forced_template_PsfFlux_instFluxErr"], .nanojansky, unit: "nJy",
      doc: "standard error of templateFlux"),
    SourceColumn("isNegative", ["is_negative"], doc: "detected as significantly negative"),
    SourceColumn("isDipole", ["ip_diffim_DipoleFit_classification"], doc: "a dipole"),
    SourceColumn(
      "dipoleLength", ["ip_diffim_DipoleFit_separation"], unit: "pixel", doc: "distance of the lobes of the dipole fit"),
    SourceColumn(
      "extendedness", ["base_ClassificationSizeExtendedness_value", "base_ClassificationExtendedness_value"],
      doc: "0 for a point, 1 for what is extended"),
    SourceColumn("trailFlux", ["ext_trailedSources_Naive_flux"], .nanojansky, unit: "nJy", doc: "flux of the trail"),
    SourceColumn("trailLength", ["ext_trailedSources_Naive_length"], unit: "pixel", doc: "length of the trail"),
    SourceColumn(
      "trailAngle", ["ext_trailedSources_Naive_angle"], unit: "deg",
      doc: "direction of the trail, from the x axis toward y"),
    SourceColumn("trail_flag", ["ext_trailedSources_Naive_flag"], doc: "the trail is not to be trusted"),
    SourceColumn("glint_trail", ["glint_trail"], doc: "lies on a line with other sources"),
    SourceColumn("sky_source", ["sky_source", "merge_peak_sky"], doc: "placed where there is nothing"),
    SourceColumn("nChild", ["deblend_nChild"], doc: "number of children that it was split into"),
  ]
}
