// SPDX-License-Identifier: GPL-3.0-or-later
// What a difference is worth, in numbers.

internal import Catalogs
package import Imaging
internal import Measurement
internal import SkyGeometry
internal import TaskFramework

extension DetectAndMeasureTask {
  /// Counts pixels by what is known about them (detection-measurement A.13.1, A.13.2).
  ///
  /// **Metadata.** `nGoodPixels`, `nBadPixels` (where no source can be: with a plane of `detection.excludeMaskPlanes` or, unless
  /// `doRejectBadMaskPlaneDetections` is off, `badMaskPlanes`), `nPixelsDetectedPositive`, `nPixelsDetectedNegative`,
  /// `nBadPixelsDetectedPositive`, `nBadPixelsDetectedNegative`, and for each plane of the mask `PLANE_mask_fraction`, in lower case.
  package func calculateMetrics(_ difference: Exposure) throws {
    let mask = difference.maskedImage.mask
    let bad = mask.planes.bitMask(
      ofExisting: detection.config.excludeMaskPlanes
        + (config.doRejectBadMaskPlaneDetections ? config.badMaskPlanes : []))
    let positive = mask.planes.bitMask(ofExisting: ["DETECTED"])
    let negative = mask.planes.bitMask(ofExisting: ["DETECTED_NEGATIVE"])
    let area = mask.box.area
    // One pass: how many pixels have each bit, and those pairs of bits.
    var counts = [Int](repeating: 0, count: 32)
    var (badCount, badPositive, badNegative) = (0, 0, 0)
    let bits = mask.bits
    for y in mask.box.minY..<mask.box.endY {
      let row = bits.row(y)
      for i in row.indices where row[i] != 0 {
        var rest = row[i]
        if rest & bad != 0 {
          badCount += 1
          if rest & positive != 0 { badPositive += 1 }
          if rest & negative != 0 { badNegative += 1 }
        }
        while rest != 0 {
          counts[rest.trailingZeroBitCount] += 1
          rest &= rest - 1
        }
      }
    }
    func count(_ pattern: UInt32) -> Int { pattern == 0 ? 0 : counts[pattern.trailingZeroBitCount] }
    try metadata.set("nGoodPixels", area - badCount)
    try metadata.set("nBadPixels", badCount)
    try metadata.set("nPixelsDetectedPositive", count(positive))
    try metadata.set("nPixelsDetectedNegative", count(negative))
    try metadata.set("nBadPixelsDetectedPositive", badPositive)
    try metadata.set("nBadPixelsDetectedNegative", badNegative)
    for plane in mask.planes.planeNames {
      let fraction = Double(count(mask.planes.bitMask(ofExisting: [plane]))) / Double(max(1, area))
      try metadata.set(plane.lowercased() + "_mask_fraction", fraction)
    }
  }

  /// How much of the kernel's stars is left in the difference, beside what sky sources have (A.13.3).
  ///
  /// - Returns: why the subtraction is bad, if it is and `raiseOnBadSubtractionRatio` asks.
  func measureResiduals(
    science: Exposure, difference: Exposure, _ diaSources: Catalog, _ kernelSources: Catalog?
  ) throws -> (any Error)? {
    guard config.doCalculateResidualMetics, let kernelSources else { return nil }
    let stars = kernelSources.footprints.compactMap { $0?.spans }
    guard !stars.isEmpty else { return nil }
    let sky = (0..<diaSources.rowCount).filter { diaSources[columns.skySource, $0] }
      .compactMap { diaSources.footprint(row: $0)?.spans }
    let (image, other) = (difference.maskedImage.image, science.maskedImage.image)
    let levels = sky.compactMap { image.meanAbsolute(over: $0) }
    let level =
      levels.isEmpty
      ? try medianAbsolute(image) : levels.reduce(0, +) / Double(levels.count)
    let residual = FootprintRatio(stars, difference: image, science: other, sky: level)
    try metadata.set("residualFootprintRatioMean", residual.mean)
    try metadata.set("residualFootprintRatioStdev", residual.standardDeviation)
    let ratios = levels.map { $0 / level }
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    let variance = ratios.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(ratios.count)
    try metadata.set("differenceFootprintSkyRatioMean", mean)
    try metadata.set("differenceFootprintSkyRatioStdev", variance.squareRoot())
    guard config.raiseOnBadSubtractionRatio else { return nil }
    for (what, value, threshold) in [
      ("mean", residual.mean, config.badSubtractionRatioThreshold),
      ("scatter", residual.standardDeviation, config.badSubtractionVariationThreshold),
    ] where value > threshold {
      return DetectAndMeasureError.badSubtraction(what: what, ratio: value, threshold: threshold)
    }
    return nil
  }

  private func medianAbsolute(_ image: Image<Float>) throws -> Double {
    let values = image.pixels.filter(\.isFinite).map { abs($0) }
    guard !values.isEmpty else { return .nan }
    return try PixelStatistics(of: values, .quartiles)[.median]
  }
}
