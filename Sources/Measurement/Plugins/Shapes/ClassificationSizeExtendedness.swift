// SPDX-License-Identifier: GPL-3.0-or-later
// How much larger a source is than the PSF.

package import Catalogs
package import TaskFramework

/// `base_ClassificationSizeExtendedness`: 0 for a point source, toward 1 for a larger or smaller one (detection-measurement B.13).
///
/// 1 − exp(−½χ²) with χ² = (T − T_PSF)²/T_PSF and T = Ixx + Iyy of the slots Shape and PsfShape. A measure in px², not a probability:
/// the noise of the moments does not enter.
package struct ClassificationSizeExtendednessConfig: MeasurementPluginConfig {
  package static let executionOrder = ExecutionOrder.flux
  package static let requiredSlots: [Slot] = [.shape, .psfShape]
  package init() {}
  package static let fields: [ConfigField<Self>] = []

  package func makePlugin(
    _ name: String, addingTo schema: inout Schema
  ) throws(CatalogError) -> any MeasurementPlugin {
    ClassificationSizeExtendedness(
      name: name,
      value: try schema.addField(
        name + "_value", doc: "0 for the size of the PSF, toward 1 the more the size differs from it"),
      flag: try schema.addFlag(name, doc: "a shape is missing or flagged"))
  }
}

private struct ClassificationSizeExtendedness: MeasurementPlugin {
  let name: String
  let value: Key<Double>
  let flag: Key<Bool>?

  func measure(row: Int, of catalog: inout Catalog, on image: MeasurementImage) throws(MeasurementFailure) {
    guard let shape = image.slots.shape, let psfShape = image.slots.psfShape else { throw .other("there is no shape") }
    for slot in [shape, psfShape] {
      if let bad = slot.flag, catalog[bad, row] { throw .other("a shape is flagged") }
    }
    let (size, psfSize) = (
      SecondMoments(catalog[shape.moments, row]).trace, SecondMoments(catalog[psfShape.moments, row]).trace
    )
    guard size.isFinite, psfSize > 0 else { throw .other("a shape is missing") }
    let difference = size - psfSize
    catalog[value, row] = 1 - exponential(-0.5 * difference * difference / psfSize)
  }
}
