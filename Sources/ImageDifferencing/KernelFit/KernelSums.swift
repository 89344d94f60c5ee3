// SPDX-License-Identifier: GPL-3.0-or-later
// Which stars' kernels have another sum than the others'.

internal import Imaging

/// Clipped mean and scatter of the kernel sums of stars, and which of them are outliers (differencing A8.3).
package struct KernelSums: Hashable, Sendable {
  package let count: Int
  package let mean: Double
  package let scatter: Double

  /// - Throws: ``NoKernelCandidatesError`` for no sums, or sums without a mean.
  package init(_ sums: [Double]) throws {
    count = sums.count
    guard let first = sums.first else {
      throw NoKernelCandidatesError(
        description: "no star can be used for a kernel: all cells are empty, or all were rejected")
    }
    guard sums.count > 1 else {
      (mean, scatter) = (first, 0)
      return
    }
    let statistics = try PixelStatistics(of: sums.map { Float($0) }, .clipped)
    guard statistics.clippedMean.isFinite else {
      throw NoKernelCandidatesError(description: "the kernel sums of \(sums.count) stars have no mean")
    }
    (mean, scatter) = (statistics.clippedMean, statistics.clippedStandardDeviation)
  }

  /// Whether a sum deviates by more than `sigma` times the scatter.
  package func isOutlier(_ sum: Double, beyond sigma: Double) -> Bool {
    // One star alone has no scatter, and is no outlier; where all agree, as without noise, rounding is none either.
    count > 1 && abs(sum - mean) > max(sigma * scatter, 1e-5 * abs(mean))
  }
}
