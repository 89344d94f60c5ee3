// SPDX-License-Identifier: GPL-3.0-or-later
// What significance means where there is nothing.

internal import Imaging
internal import SkyGeometry

/// How the values of empty positions are distributed, in units of what their variance promises (detection-measurement F.1.1).
///
/// With a right variance plane the mean is 0 and the standard deviation 1. Where it is not, a significance can be put right:
/// ``calibrated(_:isNegative:)``. Mean and scatter come from the quartiles, so that the faint sources which nobody detected do not matter.
package struct NullDistribution: Hashable, Sendable {
  package let mean: Double
  package let stdev: Double
  /// How many empty positions were looked at.
  package let count: Int

  /// Positions on a grid that is as fine as a quarter of a million of them allows.
  private static let largestCount = 1 << 18
  private static let smallestCount = 100

  /// - Parameter excluded: bits of masked pixels that are not empty.
  /// - Returns: `nil` for fewer than 100 empty positions.
  init?(of image: DetectionImage, _ mask: Mask, leavingOut excluded: UInt32) throws(ImagingError) {
    let box = image.box
    guard !box.isEmpty else { return nil }
    let step = max(
      1, Int((Double(box.width) * Double(box.height) / Double(Self.largestCount)).squareRoot().rounded(.up)))
    var values: [Float] = []
    let (offset, maskOffset) = (box.minX - image.image.box.minX, box.minX - mask.box.minX)
    let bits = mask.bits
    for y in stride(from: box.minY, to: box.endY, by: step) {
      let (pixels, variances, flags) = (image.image.row(y), image.variance.row(y), bits.row(y))
      for i in stride(from: 0, to: box.width, by: step) where flags[i + maskOffset] & excluded == 0 {
        let (value, variance) = (pixels[i + offset], variances[i + offset])
        // Zeros are pixels that were excluded from the search.
        guard value.isFinite, value != 0, variance > 0, variance.isFinite else { continue }
        values.append(value / variance.squareRoot())
      }
    }
    guard values.count >= Self.smallestCount else { return nil }
    let statistics = try PixelStatistics(of: values, .quartiles)
    guard statistics.robustStandardDeviation > 0, statistics.robustStandardDeviation.isFinite else { return nil }
    (mean, stdev) = (statistics[.median], statistics.robustStandardDeviation)
    count = values.count
  }

  /// What a significance is, in standard deviations of empty positions.
  package func calibrated(_ significance: Double, isNegative: Bool) -> Double {
    (significance - (isNegative ? -mean : mean)) / stdev
  }
}
