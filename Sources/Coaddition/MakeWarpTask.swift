// SPDX-License-Identifier: GPL-3.0-or-later
// The exposures of a visit on the pixels of a patch.

package import Imaging
internal import Logging
package import SkyGeometry
package import TaskFramework

/// Resamples the exposures of a visit onto a patch: one calibrated image, in nJy, with the PSF that it has there.
///
/// Neighbouring pixels of a warp share input pixels, so their noise is correlated; its variance is that of a single pixel.
package final class MakeWarpTask: Task {
  package static let defaultName: String? = "makeWarp"
  package let node: TaskNode
  package let config: MakeWarpConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// Makes the warp of a visit.
  ///
  /// **Metadata.** `detectors`, `goodPixelCount`, `coverage` (of the box), `meanVariance` (clipped mean over pixels that are not bad,
  /// nJy²): what coadds take weights from.
  ///
  /// - Parameters:
  ///   - inputs: in the order of their detectors; where two overlap the first one counts.
  ///   - wcs: the tract's.
  ///   - box: the patch's pixels in the tract.
  /// - Throws: ``TaskFramework/NoWorkFound`` when no pixel of the patch has data, ``TaskFramework/TaskError`` for an exposure that
  ///   cannot be placed, calibrated or weighted, ``Imaging/ImagingError``, and what loading throws.
  package func run(_ inputs: [WarpInput], wcs: SkyWCS, box: Box2I) throws -> Exposure {
    try timer("run") { () throws in
      var warp = try WarpAccumulator(box: box, wcs: wcs, config)
      var (visitInfo, filter): (VisitInfo?, FilterLabel?)
      for input in inputs {
        let exposure = try input.load()
        try warp.add(exposure, name: "detector \(input.detector)")
        visitInfo = visitInfo ?? exposure.visitInfo
        filter = filter ?? exposure.filter
      }
      try describe(warp.image, inputs)
      if warp.lacksPSF { log.warning("an exposure has no PSF, so the warp has none") }
      var result = Exposure(
        warp.image, wcs: wcs, photoCalib: try PhotoCalib(mean: 1), visitInfo: visitInfo, filter: filter)
      if !warp.lacksPSF, let position = warp.largestOverlap?.position {
        result.psf = try CoaddPSF(warp.components, averagePosition: position)
      }
      return result
    }
  }

  private func describe(_ image: MaskedImage, _ inputs: [WarpInput]) throws {
    let noData = try image.mask.planes.bitMask("NO_DATA")
    var good = 0
    for (pixel, bits) in zip(image.image.pixels, image.mask.bits.pixels) where pixel.isFinite && bits & noData == 0 {
      good += 1
    }
    guard good > 0 else { throw NoWorkFound("no pixel of the patch has data in this visit") }
    let bad = image.mask.planes.bitMask(ofExisting: config.badMaskPlanes + ["NO_DATA"])
    var variance = try PixelStatistics(
      of: image.variance, mask: image.mask, control: StatisticsControl(andMask: bad), .clipped)[.meanclip]
    // A warp without a good pixel still has a noise of its own.
    if !variance.isFinite {
      variance = try PixelStatistics(
        of: image.variance, mask: image.mask, control: StatisticsControl(andMask: noData), .clipped)[.meanclip]
    }
    // Found here, it costs the visit its warp; found later, it would cost others their coadd.
    guard variance > 0, variance.isFinite else {
      throw TaskError("the mean variance of its pixels is \(variance) nJy², from which no weight follows")
    }
    try metadata.set("detectors", inputs.map { .integer($0.detector) })
    try metadata.set("goodPixelCount", good)
    try metadata.set("coverage", Double(good) / Double(image.box.area))
    try metadata.set("meanVariance", variance)
  }
}
