// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of dipoles.

internal import Catalogs
internal import SkyGeometry

/// The columns of dipoles (detection-measurement A.16).
struct DipoleFitKeys {
  /// The columns of one lobe, or of both together.
  struct Part {
    let position: PointKey
    let error: CovarianceMatrixKey
  }

  struct Flux {
    let instFlux: Key<Double>
    let instFluxErr: Key<Double>
  }

  let positiveFlux: Flux
  let negativeFlux: Flux
  let flux: Flux
  let positive: Part
  let negative: Part
  let center: Part
  let orientation: Key<Double>
  let separation: Key<Double>
  let chi2dof: Key<Double>
  let nData: Key<Int64>
  let signalToNoise: Key<Double>
  let deltaChi2: Key<Double>
  let classification: Key<Bool>
  let classificationAttempted: Key<Bool>
  let flag: Key<Bool>
  let edge: Key<Bool>

  init(_ name: String, addingTo schema: inout Schema) throws(CatalogError) {
    func flux(_ prefix: String, _ doc: String) throws(CatalogError) -> Flux {
      Flux(
        instFlux: try schema.addField("\(name)_\(prefix)instFlux", unit: "count", doc: doc),
        instFluxErr: try schema.addField("\(name)_\(prefix)instFluxErr", unit: "count", doc: doc + ", standard error"))
    }
    func part(_ suffix: String, _ doc: String) throws(CatalogError) -> Part {
      Part(
        position: try PointKey(adding: name + suffix, to: &schema, doc: doc),
        error: try CovarianceMatrixKey(
          adding: name + suffix, ["x", "y"], units: ["pixel", "pixel"], to: &schema, withCovariances: false, doc: doc))
    }
    positiveFlux = try flux("pos_", "flux of the positive lobe")
    negativeFlux = try flux("neg_", "flux of the negative lobe, below zero")
    self.flux = try flux("", "mean of the fluxes of both lobes, above zero")
    positive = try part("_pos", "position of the positive lobe")
    negative = try part("_neg", "position of the negative lobe")
    center = try part("", "mean position of the lobes; the centroid of a source that is not fitted")
    orientation = try schema.addField(
      name + "_orientation", unit: "deg", doc: "direction from the negative to the positive lobe, from +x toward +y")
    separation = try schema.addField(name + "_separation", unit: "pixel", doc: "distance of the lobes")
    chi2dof = try schema.addField(name + "_chi2dof", doc: "chi squared per degree of freedom over all images")
    nData = try schema.addField(name + "_nData", doc: "number of pixels used, of all images")
    signalToNoise = try schema.addField(name + "_signalToNoise", doc: "fluxes over their noise, in quadrature")
    deltaChi2 = try schema.addField(
      name + "_deltaChi2", doc: "chi squared of a single source less that of the dipole, on the difference")
    classification = try schema.addField(name + "_classification", doc: "the source is a dipole")
    classificationAttempted = try schema.addField(name + "_classificationAttempted", doc: "a dipole was fitted")
    flag = try schema.addFlag(name, doc: "the dipole, or the centroid in its place, is not to be trusted")
    edge = try schema.addFlag(name, "edge", doc: "the source is not on all images as a whole")
    try schema.setAlias(name + "_flag_classification", to: name + "_classification")
    try schema.setAlias(name + "_flag_classificationAttempted", to: name + "_classificationAttempted")
  }

  /// Writes a fit into a row.
  func write(_ fit: DipoleFit, row: Int, to catalog: inout Catalog) {
    func write(_ value: Double, _ error: Double, _ keys: Flux) {
      catalog[keys.instFlux, row] = value
      catalog[keys.instFluxErr, row] = error
    }
    func write(_ position: Point2D, _ error: Point2D, _ keys: Part) {
      catalog[keys.position, row] = position
      catalog[keys.error.errors[0], row] = Float(error.x)
      catalog[keys.error.errors[1], row] = Float(error.y)
    }
    write(fit.positive.flux, fit.positive.fluxError, positiveFlux)
    write(-fit.negative.flux, fit.negative.fluxError, negativeFlux)
    write(fit.flux, fit.fluxError, flux)
    write(fit.positive.position, fit.positive.positionError, positive)
    write(fit.negative.position, fit.negative.positionError, negative)
    write(fit.center, fit.centerError, center)
    catalog[orientation, row] = fit.orientation
    catalog[separation, row] = fit.separation
    catalog[chi2dof, row] = fit.chi2dof
    catalog[nData, row] = Int64(fit.dataCount)
    catalog[signalToNoise, row] = fit.signalToNoise
    catalog[deltaChi2, row] = fit.deltaChi2
    catalog[classification, row] = fit.isDipole
    catalog[classificationAttempted, row] = true
  }
}
