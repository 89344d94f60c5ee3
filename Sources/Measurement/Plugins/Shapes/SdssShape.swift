// SPDX-License-Identifier: GPL-3.0-or-later
// Adaptive moments as columns.

package import Catalogs
internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// `base_SdssShape`: adaptive moments, their errors, and those of the PSF (detection-measurement B.3).
package struct SdssShapeConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.shape
  package static let needsPSF = true

  package var maxIter = 100
  package var maxShift = 0.0
  package var tol1 = 1e-5
  package var tol2 = 1e-4
  package var doMeasurePsf = true

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("maxIter", \.maxIter, in: 1...10_000, doc: "rounds after which the iteration is given up"),
    .field(
      "maxShift", \.maxShift, in: 0...100,
      doc: "how far the first moments may be from the centroid, pixels; at least 2 and at most 10 are used"),
    .field(positive: "tol1", \.tol1, doc: "change of the ellipticities at which the iteration stops"),
    .field(positive: "tol2", \.tol2, doc: "relative change of xx at which the iteration stops"),
    .field("doMeasurePsf", \.doMeasurePsf, doc: "also measure the PSF at the source"),
  ]

  var control: AdaptiveMomentsControl {
    var control = AdaptiveMomentsControl()
    control.maxIter = maxIter
    control.maxShift = min(max(maxShift, 2), 10)
    (control.tol1, control.tol2) = (tol1, tol2)
    return control
  }

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    SdssShape(
      name: name, control: control, doMeasurePsf: doMeasurePsf, keys: try SdssShapeKeys(name, addingTo: &schema))
  }
}

/// The columns of `base_SdssShape`.
struct SdssShapeKeys {
  let moments: QuadrupoleKey
  let error: CovarianceMatrixKey
  let center: PointKey
  let instFlux: Key<Double>
  let instFluxErr: Key<Double>
  let psf: QuadrupoleKey
  /// Covariances of the flux with xx, yy and xy.
  let fluxCovariances: [Key<Float>]
  let flag: Key<Bool>
  let unweightedBad: Key<Bool>
  let unweighted: Key<Bool>
  let shift: Key<Bool>
  let maxIter: Key<Bool>
  let psfFlag: Key<Bool>

  init(_ name: String, addingTo schema: inout Schema) throws(CatalogError) {
    moments = try QuadrupoleKey(adding: name, to: &schema, doc: "adaptive moments of source, PSF and pixel together")
    error = try CovarianceMatrixKey(
      adding: name, ["xx", "yy", "xy"], units: ["pixel^2", "pixel^2", "pixel^2"], to: &schema, withCovariances: false,
      doc: "adaptive moments")
    center = try PointKey(adding: name, to: &schema, doc: "first moments under the weight of the adaptive moments")
    instFlux = try schema.addField(
      name + "_instFlux", unit: "count", doc: "flux of the Gaussian with the adaptive moments")
    instFluxErr = try schema.addField(name + "_instFluxErr", unit: "count", doc: "standard error of instFlux")
    psf = try QuadrupoleKey(adding: name + "_psf", to: &schema, doc: "adaptive moments of the PSF at the source")
    var covariances: [Key<Float>] = []
    for moment in ["xx", "yy", "xy"] {
      covariances.append(
        try schema.addField(
          "\(name)_instFlux_\(moment)_Cov", unit: "count pixel^2", doc: "covariance of instFlux and \(moment)"))
    }
    fluxCovariances = covariances
    flag = try schema.addFlag(name, doc: "the moments are not to be trusted")
    unweightedBad = try schema.addFlag(name, "unweightedBad", doc: "neither weighted nor unweighted moments exist")
    unweighted = try schema.addFlag(name, "unweighted", doc: "no weighted moments exist; these are unweighted")
    shift = try schema.addFlag(name, "shift", doc: "the first moments are too far from the centroid")
    maxIter = try schema.addFlag(name, "maxIter", doc: "the iteration did not end")
    psfFlag = try schema.addFlag(name, "psf", doc: "the PSF's moments could not be measured")
    try schema.aliasFlag(of: .centroid, as: "badCentroid", for: name)
  }
}

private struct SdssShape: MeasurementPlugin {
  let name: String
  let control: AdaptiveMomentsControl
  let doMeasurePsf: Bool
  let keys: SdssShapeKeys
  var flag: Key<Bool>? { keys.flag }

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    let position = try image.safeCentroid(row: row, of: &catalog, flag: keys.flag)
    let found = adaptiveMoments(
      of: image.image, at: position, isNegative: image.slots.isNegative(row: row, of: catalog), control: control)
    write(found, row: row, to: &catalog, position: position, image)
    let isFailed = found.isBad
    if doMeasurePsf {
      let center = found.center.isFinite ? found.center : position
      guard let psf = try? image.psfMoments(at: center), !psf.isBad else { throw .flagged(keys.psfFlag) }
      catalog[keys.psf, row] = psf.moments.columns
    }
    if isFailed { throw .other("there are no weighted moments") }
  }

  private func write(
    _ found: AdaptiveMoments, row: Int, to catalog: inout Catalog, position: Point2D, _ image: MeasurementImage
  ) {
    catalog[keys.moments, row] = found.moments.columns
    catalog[keys.center, row] = found.center
    catalog[keys.instFlux, row] = found.flux
    catalog[keys.unweightedBad, row] = found.isUnweightedBad
    catalog[keys.unweighted, row] = found.isUnweighted && !found.isUnweightedBad
    catalog[keys.shift, row] = found.isShifted
    catalog[keys.maxIter, row] = found.hasReachedMaxIter
    guard let pixel = position.pixel, image.box.contains(pixel),
      let covariance = found.covariance(pixelVariance: Double(image.variance[pixel.x, pixel.y]))
    else { return }
    catalog[keys.instFluxErr, row] = covariance[0][0].squareRoot()
    for i in 0..<3 {
      catalog[keys.error.errors[i], row] = Float(covariance[i + 1][i + 1].squareRoot())
      catalog[keys.fluxCovariances[i], row] = Float(covariance[0][i + 1])
    }
  }
}
