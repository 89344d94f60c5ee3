// SPDX-License-Identifier: GPL-3.0-or-later
// From sources to kernel candidates.

package import Imaging
internal import SkyGeometry
package import TaskFramework

/// Too few sources to measure a kernel with (category InsufficientKernelSourcesError).
package struct InsufficientKernelSourcesError: CategorizedError, Hashable, CustomStringConvertible {
  package let nSources: Int
  package let nRequired: Int

  package var category: String { "InsufficientKernelSourcesError" }
  package var description: String {
    "only \(nSources) sources can be used for a kernel, and \(nRequired) are required (minKernelSources); sourceSelector says which are bright enough"
  }
}

/// Which of the good sources become kernel candidates, by the pixels about them (differencing A5.2 to A5.6).
package struct CandidateSelection: Config {
  package var restrictKernelEdgeSources = true
  package var maxKernelSources = 1000
  package var minKernelSources = 3
  package var excludeMaskPlanes = ["NO_DATA", "BAD", "SAT", "EDGE", "FAKE", "HIGH_VARIANCE"]

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field(
      "restrictKernelEdgeSources", \.restrictKernelEdgeSources,
      doc: "leave out sources that are within a kernel's side of the edge"),
    .field(
      "maxKernelSources", \.maxKernelSources, in: 0...10_000_000,
      doc: "the most sources, those of highest signal to noise; 0 for all"),
    .field("minKernelSources", \.minKernelSources, in: 1...1_000_000, doc: "the fewest sources"),
    .field(
      "excludeMaskPlanes", \.excludeMaskPlanes, count: 0...32,
      doc: "a source with any such pixel about it, in either image, is left out"),
  ]

  /// Cuts stamps of the sources that have no bad pixel about them; 2 · side + 1 pixels wide, so that a kernel finds its own width of pixels
  /// around the middle.
  ///
  /// - Parameters:
  ///   - sources: those that their catalog speaks for.
  ///   - convolved: the image to convolve.
  ///   - reference: the image to match; candidates lie in both.
  ///   - side: of the kernel, pixels.
  /// - Returns: in the order of the sources, rated by their fluxes.
  /// - Throws: ``InsufficientKernelSourcesError``, ``Imaging/ImagingError``.
  package func candidates(
    _ sources: [KernelSource], convolved: MaskedImage, reference: MaskedImage, side: Int
  ) throws -> [KernelCandidate] {
    let area = reference.box.intersection(convolved.box).grown(by: restrictKernelEdgeSources ? -side : 0)
    // A template's planes may have been renamed by then (``MaskPreparation``).
    let excluded = excludeMaskPlanes + excludeMaskPlanes.map { $0 + "_TEMPLATE" }
    let (first, second) = (
      reference.mask.planes.bitMask(ofExisting: excluded), convolved.mask.planes.bitMask(ofExisting: excluded)
    )
    var kept: [(source: KernelSource, box: Box2I)] = []
    for source in sources {
      guard let box = Box2I(centeredAt: source.position, side: 2 * side + 1), area.contains(box),
        reference.mask.isClear(of: first, in: box), convolved.mask.isClear(of: second, in: box)
      else { continue }
      kept.append((source, box))
    }
    if maxKernelSources > 0, kept.count > maxKernelSources {
      let best = Set(
        kept.indices.sorted { (kept[$0].source.signalToNoise, $1) > (kept[$1].source.signalToNoise, $0) }
          .prefix(maxKernelSources))
      kept = kept.indices.filter(best.contains).map { kept[$0] }
    }
    guard kept.count >= minKernelSources else {
      throw InsufficientKernelSourcesError(nSources: kept.count, nRequired: minKernelSources)
    }
    return try kept.map { source, box in
      try KernelCandidate(
        id: source.id, position: source.position, rating: source.flux, template: convolved.cropped(to: box),
        science: reference.cropped(to: box))
    }
  }
}

extension Mask {
  /// Whether no pixel of a box within the mask has any of some bits.
  func isClear(of pattern: UInt32, in part: Box2I) -> Bool {
    let columns = part.minX - box.minX..<part.endX - box.minX
    for y in part.minY..<part.endY {
      let row = bits.row(y)
      for i in columns where row[i] & pattern != 0 { return false }
    }
    return true
  }
}
