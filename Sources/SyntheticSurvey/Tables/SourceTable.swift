// SPDX-License-Identifier: GPL-3.0-or-later
// The stars of an exposure as a measurement would list them.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The table `src` of an exposure: point sources above a signal-to-noise ratio, with the errors that their photons allow.
struct SourceTable {
  private let survey: SyntheticSurvey
  private let visit: SurveyVisit
  private let detector: Int
  private let psf: Image<Double>
  private let pixelNoise: Double

  /// - Throws: ``Imaging/ImagingError``.
  init(
    _ survey: SyntheticSurvey, _ visit: SurveyVisit, _ detector: Int, _ psf: PolynomialPSF, pixelNoise: Double
  ) throws(ImagingError) {
    self.survey = survey
    self.visit = visit
    self.detector = detector
    self.psf = try psf.kernelImage(at: psf.averagePosition)
    self.pixelNoise = pixelNoise
  }

  /// The flags of a source's pixels: name, mask plane, and whether the central pixels alone count.
  private static let pixelFlags: [(name: String, plane: String, isCenter: Bool)] = [
    ("saturated", "SAT", false), ("saturatedCenter", "SAT", true), ("interpolated", "INTRP", false),
    ("interpolatedCenter", "INTRP", true), ("cr", "CR", false), ("crCenter", "CR", true), ("bad", "BAD", false),
    ("edge", "EDGE", true),
  ]

  /// - Throws: ``Catalogs/CatalogError``, ``Imaging/ImagingError``.
  func catalog(_ seen: [SeenObject], _ mask: Mask, _ wcs: SkyWCS) throws -> Catalog {
    var schema = try Schema.minimalSource()
    let id: Key<Int64> = try schema.key("id")
    let coord = try CoordKey("coord", in: schema)
    let centroid = try PointKey(adding: "base_SdssCentroid", to: &schema, doc: "centroid")
    let centroidError = try CovarianceMatrixKey(
      adding: "base_SdssCentroid", ["x", "y"], units: ["pixel", "pixel"], to: &schema, withCovariances: false,
      doc: "centroid")
    try schema.addField("base_SdssCentroid_flag", as: Bool.self, doc: "the centroid is not to be trusted")
    let flux = try schema.addField("base_PsfFlux_instFlux", as: Double.self, unit: "count", doc: "PSF flux")
    let fluxError = try schema.addField(
      "base_PsfFlux_instFluxErr", as: Double.self, unit: "count", doc: "standard error of the PSF flux")
    try schema.addField("base_PsfFlux_flag", as: Bool.self, doc: "the PSF flux is not to be trusted")
    var flags: [(key: Key<Bool>, pattern: UInt32, reach: Int)] = []
    let wide = min(20, max(1, Int(exactly: (visit.seeing / survey.config.camera.pixelScale).rounded()) ?? 1))
    for flag in Self.pixelFlags {
      let key = try schema.addField(
        "base_PixelFlags_flag_\(flag.name)", as: Bool.self,
        doc: "\(flag.plane) is set " + (flag.isCenter ? "in the central 3×3 pixels" : "within a FWHM of the centre"))
      flags.append((key, try mask.planes.bitMask(flag.plane), flag.isCenter ? 1 : wide))
    }
    let extendedness = try schema.addField(
      "base_ClassificationExtendedness_value", as: Double.self, doc: "0 for point sources")
    let candidate = try schema.addField(
      "calib_psf_candidate", as: Bool.self, doc: "bright and clean enough to model the PSF")
    let isPrimary = try schema.addField("detect_isPrimary", as: Bool.self, doc: "whether it is not a blend of others")
    try schema.setSlot(.centroid, to: "base_SdssCentroid")
    try schema.setSlot(.psfFlux, to: "base_PsfFlux")
    try schema.setSlot(.calibFlux, to: "base_PsfFlux")

    let packer = try survey.packer()
    var ids = try IDGenerator(packer, visit: visit.number, detector: Int64(detector)).makeFactory()
    var random = RandomStream(survey.config.seed, "sources", Int(visit.number), detector)
    let sigma = visit.seeing / survey.config.camera.pixelScale / 2.355
    var catalog = Catalog(schema)
    var positions: [Point2D] = []
    for one in seen {
      // Every object draws the same numbers whether it is listed or not.
      let (a, b, c) = (random.gaussian(), random.gaussian(), random.gaussian())
      guard one.object.kind != .galaxy, one.object.kind != .solarSystem, let pixel = one.pixel.pixel,
        mask.box.contains(pixel)
      else { continue }
      let error = TruthTable.fluxError(one.flux, psf: psf, pixelNoise: pixelNoise, gain: survey.config.camera.gain)
      let snr = one.flux / error
      guard snr >= survey.config.sources.threshold else { continue }
      let row = catalog.addRow()
      let width = sigma / snr
      let measured = Point2D(x: one.pixel.x + width * a, y: one.pixel.y + width * b)
      catalog[id, row] = try ids.next()
      catalog[centroid, row] = measured
      centroidError.set([[width * width, 0], [0, width * width]], in: &catalog, row: row)
      catalog[flux, row] = one.flux + error * c
      catalog[fluxError, row] = error
      catalog[extendedness, row] = 0
      catalog[isPrimary, row] = true
      var isClean = true
      for flag in flags {
        let isSet = mask.hasAny(flag.pattern, within: flag.reach, of: pixel)
        catalog[flag.key, row] = isSet
        if isSet { isClean = false }
      }
      catalog[candidate, row] = isClean && snr > 50
      positions.append(measured)
    }
    for (row, sky) in wcs.pixelToSky(positions).enumerated() { catalog[coord, row] = sky }
    return catalog
  }
}

extension Mask {
  /// Whether any bit of a pattern is set in the square about a pixel, as far as it is on the mask.
  fileprivate func hasAny(_ pattern: UInt32, within reach: Int, of pixel: Point2I) -> Bool {
    let square = Box2I(
      minX: pixel.x - reach, minY: pixel.y - reach, width: 2 * reach + 1, height: 2 * reach + 1)
    return cropped(to: square).bits.pixels.contains { $0 & pattern != 0 }
  }
}
