// SPDX-License-Identifier: GPL-3.0-or-later
// The mean of a patch's warps.

internal import Imaging
internal import Logging
package import SkyGeometry
package import TaskFramework

/// Combines the warps of a patch into coadds: means weighted by the inverse of the visits' variances, without outliers.
///
/// One weight a visit and patch, not one a pixel: the PSF of the coadd is then the mean of the visits' PSFs with the same weights.
/// Pixels whose inputs differ from what that PSF assumes have INEXACT_PSF. How outliers are found: ``Imaging/stack(_:rows:_:)``.
package final class AssembleCoaddTask: Task {
  package static let defaultName: String? = "assembleCoadd"
  package let node: TaskNode
  package let config: AssembleCoaddConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Makes coadds of the same warps in one pass over them, a strip of rows at a time.
  ///
  /// **Metadata.** For each coadd `NAME_visits`, `NAME_weights` (sum 1), `NAME_clippedPixelCount`, `NAME_coverage`.
  ///
  /// - Parameters:
  ///   - warps: of the box, with their backgrounds.
  ///   - box: the patch's pixels in the tract.
  ///   - memory: what strips may take, bytes.
  ///   - checkCancellation: asked between strips.
  /// - Returns: for each selection its coadd; `nil` for one without members.
  /// - Throws: ``Imaging/ImagingError``, and what reading and `checkCancellation` throw.
  package func run(
    _ warps: [WarpedVisit], _ selections: [CoaddSelection], box: Box2I, wcs: SkyWCS, band: String?,
    memory: Int = 1 << 28,
    checkCancellation: () throws -> Void = {}
  ) throws -> [Coadd?] {
    try timer("run") { () throws in
      var planes = MaskPlanes.standard
      for warp in warps { for name in warp.planes.planeNames { try planes.add(name) } }
      let control = try stackControl(&planes)
      var coadds = try selections.filter { !$0.members.isEmpty }.map {
        try CoaddInProgress($0, warps, box: box, medianFraction: config.medianFraction)
      }
      for strip in StripPlan(box: box, inputCount: warps.count, memory: memory).strips {
        try checkCancellation()
        let images = try read(warps, StripPlan.input(of: strip, in: box), box, planes)
        for i in coadds.indices { try coadds[i].add(images, rows: strip, control) }
      }
      return try selections.map { selection in
        guard let coadd = coadds.first(where: { $0.selection == selection }) else { return nil }
        try describe(coadd, warps)
        return Coadd(exposure: try exposure(coadd, warps, planes, wcs, band), inputCount: coadd.inputCount)
      }
    }
  }

  private func stackControl(_ planes: inout MaskPlanes) throws -> StackControl {
    let (clipped, rejected) = (try planes.add("CLIPPED"), try planes.add("REJECTED"))
    let inexact = try planes.add("INEXACT_PSF")
    return StackControl(
      badMask: planes.bitMask(ofExisting: config.badMaskPlanes), noData: try planes.bitMask("NO_DATA"),
      clips: config.doClip, numSigmaClip: config.sigmaClip, numSigmaClipBeside: config.sigmaClipBeside,
      clipped: clipped, rejected: rejected, inexactPSF: inexact,
      propagated: planes.bitMask(ofExisting: config.propagatedMaskPlanes),
      propagationThreshold: config.maskPropagationThreshold)
  }

  /// Rows of all warps, their backgrounds added and their bits at the same places.
  private func read(
    _ warps: [WarpedVisit], _ rows: Range<Int>, _ box: Box2I, _ planes: MaskPlanes
  ) throws -> [MaskedImage] {
    let part = Box2I(minX: box.minX, minY: rows.lowerBound, width: box.width, height: rows.count)
    return try warps.map { warp in
      var image = try warp.rows(rows)
      guard image.box == part else {
        throw ImagingError.sizeMismatch(
          what: "the rows of visit \(warp.visit)", found: "\(image.box)", expected: "\(part)")
      }
      if let background = warp.background { try image.add(try background.image(in: part)) }
      let conformed = try image.mask.conformed(to: planes)
      try image.update { _, mask, _ in mask = conformed }
      return image
    }
  }

  private func describe(_ coadd: CoaddInProgress, _ warps: [WarpedVisit]) throws {
    let name = coadd.selection.name
    try metadata.set("\(name)_visits", coadd.selection.members.map { .integer(warps[$0].visit) })
    try metadata.set("\(name)_weights", coadd.weights.map { .float($0) })
    try metadata.set("\(name)_clippedPixelCount", coadd.clippedCount)
    let covered = coadd.inputCount.pixels.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
    try metadata.set("\(name)_coverage", Double(covered) / Double(max(1, coadd.inputCount.box.area)))
  }

  private func exposure(
    _ coadd: CoaddInProgress, _ warps: [WarpedVisit], _ planes: MaskPlanes, _ wcs: SkyWCS, _ band: String?
  ) throws -> Exposure {
    var result = Exposure(
      try MaskedImage(image: coadd.image, mask: Mask(bits: coadd.bits, planes: planes), variance: coadd.variance),
      wcs: wcs, photoCalib: try PhotoCalib(mean: 1), filter: FilterLabel(band: band))
    let members = coadd.selection.members.map { warps[$0] }
    let psfs = members.compactMap(\.psf)
    if psfs.count == members.count, let first = psfs.first {
      let components = try psfs.indices.flatMap { try psfs[$0].components(asImage: $0, weight: coadd.weights[$0]) }
      let center = result.box.center
      let isCovered = components.contains { $0.contains(center) }
      result.psf = try CoaddPSF(components, averagePosition: isCovered ? center : first.averagePosition)
    } else {
      log.warning("\(members.count - psfs.count) of \(members.count) warps have no PSF, so the coadd has none")
    }
    return result
  }
}
