// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a source is a dipole.

package import Catalogs
package import TaskFramework

/// `ip_diffim_ClassificationDipole`: 1 for a dipole, 0 for any other source (detection-measurement A.15.14).
///
/// A dipole is significant and has light in both lobes. Fluxes and significance are those of `ip_diffim_DipoleFit`; without its
/// columns every source is flagged.
package struct ClassificationDipoleConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.apertureCorrection
  package static let requiredSlots: [Slot] = []

  package var minSn = 50.0.squareRoot()
  package var maxFluxRatio = 0.65

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("minSn", \.minSn, in: 0...1e6, doc: "a dipole has a larger signal to noise, of both lobes together"),
    .field("maxFluxRatio", \.maxFluxRatio, in: 0.5...1, doc: "neither lobe of a dipole has this part of the light"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    ClassificationDipole(
      name: name, config: self, fit: DipoleFitColumns(schema),
      value: try schema.addField(name + "_value", doc: "1 for a dipole, 0 for any other source"),
      flag: try schema.addFlag(name, doc: "there is no fit of a dipole, or it is flagged"))
  }
}

/// The columns of the fit that a classification rests on.
private struct DipoleFitColumns {
  let positive: Key<Double>
  let negative: Key<Double>
  let signalToNoise: Key<Double>
  let flag: Key<Bool>

  /// - Returns: `nil` for a schema without them.
  init?(_ schema: Schema) {
    let name = "ip_diffim_DipoleFit"
    guard let positive = try? schema.key(name + "_pos_instFlux", as: Double.self),
      let negative = try? schema.key(name + "_neg_instFlux", as: Double.self),
      let signalToNoise = try? schema.key(name + "_signalToNoise", as: Double.self),
      let flag = try? schema.key(name + "_flag", as: Bool.self)
    else { return nil }
    (self.positive, self.negative, self.signalToNoise, self.flag) = (positive, negative, signalToNoise, flag)
  }
}

private struct ClassificationDipole: MeasurementPlugin {
  let name: String
  let config: ClassificationDipoleConfig
  let fit: DipoleFitColumns?
  let value: Key<Double>
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let fit else { throw .other("there is no fit of a dipole") }
    let (positive, negative) = (abs(catalog[fit.positive, row]), abs(catalog[fit.negative, row]))
    let total = positive + negative
    // False for a source that was not fitted, whose columns are NaN.
    let isDipole =
      catalog[fit.signalToNoise, row] > config.minSn && positive / total < config.maxFluxRatio
      && negative / total < config.maxFluxRatio
    catalog[value, row] = isDipole ? 1 : 0
    if catalog[fit.flag, row] { throw .other("the fit of the dipole is flagged") }
  }
}
