// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of trails.

internal import Catalogs
internal import SkyGeometry

/// The columns of `ext_trailedSources_Naive` (detection-measurement A.16).
struct TrailedSourceColumns {
  let sky: CoordKey
  let start: PointKeys
  let end: PointKeys
  let flux: Key<Double>
  let fluxErr: Key<Double>
  let length: Key<Double>
  let lengthErr: Key<Double>
  let angle: Key<Angle>
  let angleErr: Key<Double>
  let flags: TrailedSourceFlags

  /// One end of the trail.
  struct PointKeys {
    let x: Key<Double>
    let y: Key<Double>
    let xErr: Key<Double>
    let yErr: Key<Double>

    init(_ name: String, _ i: Int, addingTo schema: inout Schema) throws(CatalogError) {
      func add(_ column: String, _ doc: String) throws(CatalogError) -> Key<Double> {
        try schema.addField("\(name)_\(column)", unit: "pixel", doc: doc)
      }
      let end = i == 0 ? "first end of the trail" : "second end of the trail"
      x = try add("x\(i)", "\(end), x")
      y = try add("y\(i)", "\(end), y")
      xErr = try add("x\(i)Err", "\(end), standard error of x")
      yErr = try add("y\(i)Err", "\(end), standard error of y")
    }
  }

  init(_ name: String, addingTo schema: inout Schema) throws(CatalogError) {
    sky = try CoordKey(adding: name, to: &schema, doc: "middle of the trail")
    start = try PointKeys(name, 0, addingTo: &schema)
    end = try PointKeys(name, 1, addingTo: &schema)
    flux = try schema.addField(name + "_flux", unit: "count", doc: "flux of the trail")
    fluxErr = try schema.addField(name + "_fluxErr", unit: "count", doc: "standard error of flux")
    length = try schema.addField(name + "_length", unit: "pixel", doc: "length of the trail")
    lengthErr = try schema.addField(name + "_lengthErr", unit: "pixel", doc: "standard error of length")
    angle = try schema.addField(
      name + "_angle", unit: "deg", doc: "direction of the trail, from the x axis toward the y axis")
    angleErr = try schema.addField(name + "_angleErr", unit: "deg", doc: "standard error of angle")
    flags = try TrailedSourceFlags(name, addingTo: &schema)
  }
}

/// The flags of `ext_trailedSources_Naive`.
struct TrailedSourceFlags {
  let general: Key<Bool>
  let noFlux: Key<Bool>
  let noConverge: Key<Bool>
  let noSigma: Key<Bool>
  let edge: Key<Bool>
  let offImage: Key<Bool>
  let nan: Key<Bool>
  let suspectLongTrail: Key<Bool>
  let shape: Key<Bool>
  let safeCentroid: Key<Bool>

  init(_ name: String, addingTo schema: inout Schema) throws(CatalogError) {
    general = try schema.addFlag(name, doc: "there is no trail to rely on")
    noFlux = try schema.addFlag(name, "noFlux", doc: "neither the trail nor an aperture has a flux")
    noConverge = try schema.addFlag(name, "noConverge", doc: "the moments are those of no trail, such as a circle")
    noSigma = try schema.addFlag(name, "noSigma", doc: "the PSF is undefined or has no width")
    edge = try schema.addFlag(name, "edge", doc: "an end of the trail is off the image or on a pixel marked EDGE")
    offImage = try schema.addFlag(name, "off_image", doc: "an end of the trail is off the image")
    nan = try schema.addFlag(name, "nan", doc: "the source has no position")
    suspectLongTrail = try schema.addFlag(
      name, "suspect_long_trail", doc: "the trail is longer than three standard deviations of the PSF")
    shape = try schema.addFlag(name, "shape", doc: "the shape is flagged or missing")
    safeCentroid = try schema.addFlag(
      name, "safeCentroid", doc: "the shape has no first moments; the middle of the trail is the centroid")
  }
}
