// SPDX-License-Identifier: GPL-3.0-or-later
// The template of an exposure, from coadds.

package import Imaging
package import SkyGeometry
package import TaskFramework

/// Makes the template of an exposure: the coadds about it on its pixels and in its counts, with a border.
///
/// **Model.** In each tract the patches are joined pixel by pixel, each pixel from the patch whose inner box has it, and the lot is
/// resampled once; where tracts overlap, their weights fall to zero toward their edges. Neither border shows. nJy become counts by the
/// exposure's photometric calibration at each pixel, so that the kernel that matches the template to the exposure has a sum near 1.
///
/// **Noise.** The variance is that of a single pixel, as for all warps. That of overlapping tracts is not lower than that of one: their
/// coadds share their visits, and so their noise.
///
/// **Invalid pixels.** What no coadd covers has NO_DATA, NaN and infinite variance; a pixel of a coadd without data costs all pixels whose
/// interpolation it is a part of. Other bits of a coadd go to those pixels, plane by name.
///
/// **Source.** differencing A1, A2.
package final class GetTemplateTask: Task {
  package static let defaultName: String? = "getTemplate"
  package let node: TaskNode
  package let config: GetTemplateConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Makes a template.
  ///
  /// **Metadata.** `tracts` and `patchCount`, those that it is made of; `goodPixelCount` and `coverage` (share of the exposure's box
  /// that has data).
  ///
  /// - Parameters:
  ///   - patches: of any tracts, in any order; none may be there twice. They are opened one at a time, if any of their pixels are needed.
  ///   - box: the exposure's pixels.
  ///   - wcs: the exposure's.
  ///   - photoCalib: the exposure's; it becomes the template's.
  ///   - checkCancellation: asked between patches and tracts.
  /// - Returns: the template over the box grown by `templateBorderSize`, with the coadds' PSF as it is there (without one where a coadd
  ///   has none, with a warning) and their filter.
  /// - Throws: ``TaskFramework/NoWorkFound`` when no pixel of the box has data, ``TaskFramework/TaskError`` for a coadd that has no
  ///   calibration, another WCS than its tract, or a variance that means nothing, ``Imaging/ImagingError``, and what opening, reading and
  ///   `checkCancellation` throw.
  package func run(
    _ patches: [TemplatePatch], box: Box2I, wcs: SkyWCS, photoCalib: PhotoCalib,
    checkCancellation: () throws -> Void = {}
  ) throws -> Exposure {
    try timer("run") { () throws in
      guard !box.isEmpty else { throw NoWorkFound("the exposure has no pixels") }
      let target = box.grown(by: config.templateBorderSize)
      var (join, psf) = (TractJoin(), TemplatePSF(box: target, control: try config.control, order: config.psfOrder))
      var filter: FilterLabel?
      var (tracts, patchCount): ([Int], Int) = ([], 0)
      let groups = grouped(patches)
      for group in groups {
        let map = WCSPixelMap(destination: wcs, source: group.tract.wcs)
        guard let mosaic = try mosaic(group.patches, target, map, checkCancellation) else { continue }
        try checkCancellation()
        let warped = try warp(mosaic.image, to: target, along: map, control: psf.control)
        let noData = try warped.mask.planes.bitMask("NO_DATA")
        guard warped.mask.bits.pixels.contains(where: { $0 & noData == 0 }) else { continue }
        let weight =
          groups.count > 1
          ? try TractWeight(of: warped, tract: group.tract, tapCount: psf.control.kernel.tapCount) : nil
        try join.add(warped, weight: weight?.image(over: target, along: map))
        for piece in mosaic.pieces { try psf.add(piece, along: map, weight: weight?.inverseVariance ?? 1) }
        filter = filter ?? mosaic.filter
        tracts.append(group.tract.id)
        patchCount += mosaic.pieces.count
      }
      guard let joined = join.image else { throw NoWorkFound("no coadd has data where the exposure is") }
      let image = try joined.inCounts(of: photoCalib)
      try metadata.set("tracts", tracts.map { .integer(Int64($0)) })
      try metadata.set("patchCount", patchCount)
      try describe(image, box)
      return Exposure(image, psf: try finish(psf, box), wcs: wcs, photoCalib: photoCalib, filter: filter)
    }
  }

  /// Tracts and patches in the order of their numbers.
  private func grouped(_ patches: [TemplatePatch]) -> [(tract: TractInfo, patches: [TemplatePatch])] {
    let sorted = patches.sorted { ($0.patch.tract, $0.patch.index) < ($1.patch.tract, $1.patch.index) }
    return sorted.reduce(into: []) { groups, patch in
      if groups.last?.tract.id == patch.tract.id {
        groups[groups.count - 1].patches.append(patch)
      } else {
        groups.append((patch.tract, [patch]))
      }
    }
  }

  private func mosaic(
    _ patches: [TemplatePatch], _ target: Box2I, _ map: WCSPixelMap, _ checkCancellation: () throws -> Void
  ) throws -> TractMosaic? {
    let margin = try config.control.kernel.tapCount / 2
    guard let needed = TractMosaic.needed(for: target, along: map, margin: margin) else {
      warn("\(patches.map(\.name).joined(separator: ", ")): a part of the exposure has no place in the tract")
      return nil
    }
    return try TractMosaic(patches, needed: needed, checkCancellation: checkCancellation)
  }

  private func describe(_ image: MaskedImage, _ box: Box2I) throws {
    let mask = image.mask.cropped(to: box)
    let good = box.area - mask.count(try mask.planes.bitMask("NO_DATA"))
    guard good > 0 else { throw NoWorkFound("no coadd has data where the exposure is") }
    try metadata.set("goodPixelCount", good)
    try metadata.set("coverage", Double(good) / Double(box.area))
  }

  private func finish(_ psf: TemplatePSF, _ box: Box2I) throws -> CoaddPSF? {
    if psf.lacksPSF { warn("a coadd has no PSF, so the template has none") }
    guard !psf.lacksPSF, let largest = psf.largestOverlap else { return nil }
    let isCovered = psf.components.contains { $0.contains(box.center) }
    return try CoaddPSF(psf.components, averagePosition: isCovered ? box.center : largest.position)
  }
}
