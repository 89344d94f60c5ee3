// SPDX-License-Identifier: GPL-3.0-or-later
// What is true of the sky, as tables.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The tables `truth` of an exposure and `truth_objects` of the survey.
enum TruthTable {
  private static let kindLength = SkyObjectKind.allCases.map(\.rawValue.utf8.count).max() ?? 1

  /// Standard error of a PSF flux in counts, at a pixel noise of sky and read-out and for the source's own photons.
  static func fluxError(_ flux: Double, psf: Image<Double>, pixelNoise: Double, gain: Double) -> Double {
    let area = 1 / psf.pixels.reduce(0) { $0 + $1 * $1 }
    return (pixelNoise * pixelNoise * area + max(0, flux) / gain).squareRoot()
  }

  /// Every object whose light reaches an exposure, or would but for its absence.
  ///
  /// - Throws: ``Catalogs/CatalogError``, ``Imaging/ImagingError``.
  static func exposure(
    _ seen: [SeenObject], _ psf: PolynomialPSF, gain: Double, pixelNoise: Double, _ calibration: PhotoCalib,
    _ visit: SurveyVisit
  ) throws -> Catalog {
    var schema = Schema()
    let id = try schema.addField("objectId", as: Int64.self, doc: "number of the object, as in truth_objects")
    let kind = try schema.addField(
      "kind", .string(length: kindLength), as: String.self,
      doc: "star, galaxy, variable, transient, properMotion or solarSystem")
    let coord = try CoordKey(adding: "coord", to: &schema, doc: "position at mid-exposure")
    let x = try schema.addField("x", as: Double.self, unit: "pixel", doc: "position at mid-exposure, column")
    let y = try schema.addField("y", as: Double.self, unit: "pixel", doc: "position at mid-exposure, row")
    let flux = try schema.addField("flux", as: Double.self, unit: "nJy", doc: "flux in this exposure")
    let staticFlux = try schema.addField(
      "staticFlux", as: Double.self, unit: "nJy", doc: "flux that the static sky has of this object")
    let instFlux = try schema.addField(
      "instFlux", as: Double.self, unit: "count", doc: "flux in counts of the exposure")
    let change = try schema.addField(
      "instFluxDifference", as: Double.self, unit: "count", doc: "flux less that of the static sky, counts")
    let signal = try schema.addField(
      "snr", as: Double.self, doc: "signal-to-noise ratio that a PSF flux would have")
    let changeSignal = try schema.addField(
      "differenceSnr", as: Double.self,
      doc: "signal-to-noise ratio that a PSF flux of the difference to a noiseless static sky would have; signed")
    let isChanging = try schema.addField(
      "isChanging", as: Bool.self, doc: "whether the object can differ from the static sky")
    let isPositive = try schema.addField(
      "isPositive", as: Bool.self, doc: "whether it is brighter than the static sky, or elsewhere")
    var catalog = Catalog(schema, rowCount: seen.count)
    // The effective area of the PSF changes by a few per cent over a detector.
    let stamp = try psf.kernelImage(at: psf.averagePosition)
    for (row, one) in seen.enumerated() {
      let error = fluxError(max(one.flux, one.staticFlux), psf: stamp, pixelNoise: pixelNoise, gain: gain)
      let difference = one.flux - one.staticFlux
      catalog[id, row] = one.object.id
      catalog[kind, row] = one.object.kind.rawValue
      catalog[coord, row] = one.sky
      catalog[x, row] = one.pixel.x
      catalog[y, row] = one.pixel.y
      catalog[flux, row] = one.flux * calibration.mean
      catalog[staticFlux, row] = one.staticFlux * calibration.mean
      catalog[instFlux, row] = one.flux
      catalog[change, row] = difference
      catalog[signal, row] = one.flux / error
      catalog[changeSignal, row] = difference / error
      catalog[isChanging, row] = one.object.isChanging
      catalog[isPositive, row] = difference > 0 || one.object.kind == .properMotion
    }
    return catalog
  }

  /// All objects of a survey with what makes them.
  ///
  /// - Throws: ``Catalogs/CatalogError``.
  static func objects(_ objects: [SkyObject], bands: [String]) throws(CatalogError) -> Catalog {
    var schema = Schema()
    let id = try schema.addField("objectId", as: Int64.self, doc: "number of the object")
    let kind = try schema.addField(
      "kind", .string(length: kindLength), as: String.self,
      doc: "star, galaxy, variable, transient, properMotion or solarSystem")
    let coord = try CoordKey(adding: "coord", to: &schema, doc: "position; of what moves at the first visit")
    var fluxes: [Key<Double>] = []
    for (index, _) in bands.enumerated() {
      fluxes.append(
        try schema.addField(
          "flux\(index)", as: Double.self, unit: "nJy", doc: "mean or largest flux in band \(bands[index])"))
    }
    func number(_ name: String, _ unit: String, _ doc: String) throws(CatalogError) -> Key<Double> {
      try schema.addField(name, as: Double.self, unit: unit, doc: doc + "; NaN for other kinds")
    }
    let radius = try number("radius", "arcsec", "half-light radius along the major axis of a galaxy")
    let ratio = try number("axisRatio", "", "axis ratio of a galaxy")
    let angle = try number("positionAngle", "deg", "position angle of a galaxy, from north toward east")
    let bulge = try number("bulgeFraction", "", "part of a galaxy's light with de Vaucouleurs' profile")
    let period = try number("period", "d", "period of a variable")
    let amplitude = try number("amplitude", "mag", "amplitude of a variable, mean to peak")
    let phase = try number("phase", "deg", "phase of a variable at the first visit; it is faintest at 90")
    let start = try number("startMjd", "d", "when a transient begins, MJD (TAI)")
    let end = try number("endMjd", "d", "when a transient ends, MJD (TAI)")
    let rise = try number("rise", "d", "e-folding time of the rise of a transient that appears")
    let decline = try number("decline", "d", "e-folding time of its decline")
    let isGone = try schema.addField(
      "isDisappearance", as: Bool.self, doc: "whether a transient is a star that is missing from start to end")
    let speed = try number("speed", "arcsec/yr", "proper motion")
    let bearing = try number("bearing", "deg", "direction of the proper motion, 0 toward east, 90 toward north")
    let epoch = try number("epochMjd", "d", "when an object of the solar system is in the field, MJD (TAI)")
    let ssObjectID = try schema.addField(
      "ssObjectId", as: Int64.self, doc: "ID of an object of the solar system, else 0")
    var catalog = Catalog(schema, rowCount: objects.count)
    for (row, object) in objects.enumerated() {
      catalog[id, row] = object.id
      catalog[kind, row] = object.kind.rawValue
      catalog[coord, row] = object.position
      for (key, flux) in zip(fluxes, object.fluxes) { catalog[key, row] = flux }
      for key in [
        radius, ratio, angle, bulge, period, amplitude, phase, start, end, rise, decline, speed, bearing, epoch,
      ] { catalog[key, row] = .nan }
      switch object.behaviour {
      case .constant: break
      case .galaxy(let shape):
        catalog[radius, row] = shape.radius
        catalog[ratio, row] = shape.axisRatio
        catalog[angle, row] = shape.positionAngle.degrees
        catalog[bulge, row] = shape.bulge
      case .periodic(let light):
        catalog[period, row] = light.period
        catalog[amplitude, row] = light.amplitude
        catalog[phase, row] = Angle(radians: light.phase).degrees
      case .episode(let episode):
        catalog[start, row] = episode.start
        catalog[end, row] = episode.end
        catalog[isGone, row] = episode.isDisappearance
        if !episode.isDisappearance {
          catalog[rise, row] = episode.rise
          catalog[decline, row] = episode.decline
        }
      case .properMotion(let motion):
        catalog[speed, row] = motion.speed
        catalog[bearing, row] = motion.bearing.degrees
      case .orbit(let planet):
        catalog[epoch, row] = planet.trajectory.epoch
        catalog[ssObjectID, row] = planet.designation.ssObjectID
      }
    }
    return catalog
  }
}
