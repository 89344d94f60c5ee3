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
      "preserveTemplateMask", \.preserveTemplateMask, count: 0...32, doc: "planes of the template that stay as they are"),
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
    return try copying(result, "FAKE", to: "INJECTED")
  }

  /// The template's mask with the planes alone that say something about the difference.
  ///
  /// The same whatever was done before; the reference system empties SAT_TEMPLATE when a process subtracts a second time.
  ///
  /// - Throws: ``Imaging/ImagingError/tooManyMaskPlanes(name:)``.
  package func prepare(template: Mask) throws(ImagingError) -> Mask {
    var result = try copying(template, "FAKE", to: "INJECTED_TEMPLATE")
    for name in renameTemplateMask { result = try copying(result, name, to: name + "_TEMPLATE") }
    let kept = preserveTemplateMask + renameTemplateMask.map { $0 + "_TEMPLATE" } + ["INJECTED_TEMPLATE"]
    result.clear(~result.planes.bitMask(ofExisting: kept))
    return result
  }

  private func copying(_ mask: Mask, _ name: String, to other: String) throws(ImagingError) -> Mask {
    let from = mask.planes.bitMask(ofExisting: [name])
    guard from != 0 else { return mask }
    var result = mask
    let target = try result.addPlane(other)
    result.bits = result.bits.map { $0 & from != 0 ? $0 | target : $0 }
    return result
  }
}
