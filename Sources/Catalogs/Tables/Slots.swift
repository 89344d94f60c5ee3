// SPDX-License-Identifier: GPL-3.0-or-later
// Which measurement of a kind is the one to use.

/// A role that one measurement of a catalog plays: an alias under a name that everybody knows (detection-measurement D.4.3).
package enum Slot: String, CaseIterable, Hashable, Sendable {
  case centroid = "slot_Centroid"
  case shape = "slot_Shape"
  case psfShape = "slot_PsfShape"
  case apFlux = "slot_ApFlux"
  case psfFlux = "slot_PsfFlux"
  case modelFlux = "slot_ModelFlux"
  case gaussianFlux = "slot_GaussianFlux"
  case calibFlux = "slot_CalibFlux"

  /// The flux slots: `_instFlux` and `_instFluxErr`.
  package static let fluxes: [Slot] = [.apFlux, .psfFlux, .modelFlux, .gaussianFlux, .calibFlux]
}

/// The columns of a flux slot: counts, their error and, where there is one, the flag that says not to trust them.
package struct FluxSlot: Hashable, Sendable {
  package let instFlux: Key<Double>
  package let instFluxErr: Key<Double>
  package let flag: Key<Bool>?
}

/// The columns of a centroid slot.
package struct CentroidSlot: Hashable, Sendable {
  package let position: PointKey
  /// `nil` when the measurement gives no errors.
  package let error: CovarianceMatrixKey?
  package let flag: Key<Bool>?
}

/// The columns of a shape slot.
package struct ShapeSlot: Hashable, Sendable {
  package let moments: QuadrupoleKey
  package let flag: Key<Bool>?
}

extension Schema {
  /// Lets a slot stand for a measurement, such as `base_SdssCentroid`; `nil` empties it.
  ///
  /// - Throws: ``CatalogError/invalidSchema(_:)``.
  package mutating func setSlot(_ slot: Slot, to measurement: String?) throws(CatalogError) {
    try setAlias(slot.rawValue, to: measurement ?? "")
  }

  /// What a slot stands for.
  package func measurement(of slot: Slot) -> String? { aliases[slot.rawValue] }

  private func flag(_ slot: Slot) -> Key<Bool>? { try? key(slot.rawValue + "_flag", as: Bool.self) }

  /// - Throws: ``CatalogError`` for an empty slot or a measurement without the columns.
  package func centroidSlot() throws(CatalogError) -> CentroidSlot {
    let name = Slot.centroid.rawValue
    return CentroidSlot(
      position: try PointKey(name, in: self), error: try? CovarianceMatrixKey(name, ["x", "y"], in: self),
      flag: flag(.centroid))
  }

  /// - Throws: ``CatalogError`` for an empty slot or a measurement without the columns.
  package func shapeSlot(_ slot: Slot = .shape) throws(CatalogError) -> ShapeSlot {
    ShapeSlot(moments: try QuadrupoleKey(slot.rawValue, in: self), flag: flag(slot))
  }

  /// - Throws: ``CatalogError`` for an empty slot or a measurement without the columns.
  package func fluxSlot(_ slot: Slot) throws(CatalogError) -> FluxSlot {
    FluxSlot(
      instFlux: try key(slot.rawValue + "_instFlux"), instFluxErr: try key(slot.rawValue + "_instFluxErr"),
      flag: flag(slot))
  }

  /// The columns that every catalog of sources begins with: `id`, `coord_ra`, `coord_dec`, `parent`.
  package static func minimalSource() throws(CatalogError) -> Schema {
    var schema = Schema()
    try schema.addField("id", as: Int64.self, doc: "unique ID")
    _ = try CoordKey(adding: "coord", to: &schema, doc: "position on the sky")
    try schema.addField("parent", as: Int64.self, doc: "ID of the source that this was deblended from; 0 for none")
    return schema
  }
}
