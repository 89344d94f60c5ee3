// SPDX-License-Identifier: GPL-3.0-or-later
// What of the masks goes into the difference.

package import Imaging
package import TaskFramework

/// Which planes of the template go into the difference, and under which names (differencing A2.5).
package struct MaskPreparation: Config {
  package var preserveTemplateMask = ["NO_DATA", "BAD", "HIGH_VARIANCE"]
  package var renameTemplateMask = ["SAT", "CR", "INJECTED", "INJECTED_CORE"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "preserveTemplateMask", \.preserveTemplateMask, count: 0...32, doc: "planes of the template that stay as they are"
    ),
    .field(
      "renameTemplateMask", \.renameTemplateMask, count: 0...32,
      doc: "planes of the template that stay under the name PLANE_TEMPLATE"),
  ]

  /// The science mask without old detections; FAKE stays, also as INJECTED.
  ///
  /// - Throws: ``Imaging/ImagingError/tooManyMaskPlanes(name:)``.
  package func prepare(science: Mask) throws(ImagingError) -> Mask {
    var result = science
    result.clear(result.planes.bitMask(ofExisting: ["DETECTED", "DETECTED_NEGATIVE"]))
    try copy([("FAKE", "INJECTED")], in: &result)
    return result
  }

  /// The template's mask with the planes alone that say something about the difference.
  ///
  /// The same whatever was done before; the reference system empties SAT_TEMPLATE when a process subtracts a second time.
  ///
  /// - Throws: ``Imaging/ImagingError/tooManyMaskPlanes(name:)``.
  package func prepare(template: Mask) throws(ImagingError) -> Mask {
    var result = template
    try copy([("FAKE", "INJECTED_TEMPLATE")] + renameTemplateMask.map { ($0, $0 + "_TEMPLATE") }, in: &result)
    let kept = preserveTemplateMask + renameTemplateMask.map { $0 + "_TEMPLATE" } + ["INJECTED_TEMPLATE"]
    result.clear(~result.planes.bitMask(ofExisting: kept))
    return result
  }

  /// Bits of masks that have none of the planes are not touched: the result shares its memory with them.
  private func copy(_ names: [(from: String, to: String)], in mask: inout Mask) throws(ImagingError) {
    var moves: [(from: UInt32, to: UInt32)] = []
    for (name, other) in names {
      let from = mask.planes.bitMask(ofExisting: [name])
      if from != 0 { moves.append((from, try mask.addPlane(other))) }
    }
    mask.copyBits(moves)
  }
}
