// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a source has more light than a star.

package import Catalogs
package import TaskFramework

/// `base_ClassificationExtendedness`: 0 for a source whose model flux is that of the PSF, else 1 (detection-measurement B.13).
///
/// 0 where r F + a σ(F) < f + b σ(f), with model flux F and PSF flux f of the slots. Its execution order is behind aperture corrections: run it after them by its order.
package struct ClassificationExtendednessConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.catalogCalculation
  package static let requiredSlots: [Slot] = []

  package var fluxRatio = 0.95
  package var modelErrFactor = 0.0
  package var psfErrFactor = 0.0

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("fluxRatio", \.fluxRatio, in: 0...10, doc: "r: how much of its model flux a star's PSF flux exceeds"),
    .field("modelErrFactor", \.modelErrFactor, in: 0...100, doc: "a: standard errors added to the model flux"),
    .field("psfErrFactor", \.psfErrFactor, in: 0...100, doc: "b: standard errors added to the PSF flux"),
  ]

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    func flux(_ slot: Slot) throws(CatalogError) -> FluxSlot {
      guard let flux = try? schema.fluxSlot(slot) else {
        throw .invalidSchema("\(name) needs \(slot.rawValue), which stands for no flux")
      }
      return flux
    }
    return ClassificationExtendedness(
      name: name, config: self, model: try flux(.modelFlux), psf: try flux(.psfFlux),
      value: try schema.addField(name + "_value", doc: "0 for a point source, 1 for a larger one"),
      flag: try schema.addFlag(name, doc: "a flux is missing or flagged"))
  }
}

private struct ClassificationExtendedness: MeasurementPlugin {
  let name: String
  let config: ClassificationExtendednessConfig
  let model: FluxSlot
  let psf: FluxSlot
  let value: Key<Double>
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    for slot in [model, psf] {
      if let bad = slot.flag, catalog[bad, row] { throw .other("a flux is flagged") }
    }
    // An error that does not count may be missing.
    func sum(_ slot: FluxSlot, _ ratio: Double, _ factor: Double) -> Double {
      ratio * catalog[slot.instFlux, row] + (factor == 0 ? 0 : factor * catalog[slot.instFluxErr, row])
    }
    let (large, small) = (sum(model, config.fluxRatio, config.modelErrFactor), sum(psf, 1, config.psfErrFactor))
    guard large.isFinite, small.isFinite else { throw .other("a flux is missing") }
    catalog[value, row] = large < small ? 0 : 1
  }
}
