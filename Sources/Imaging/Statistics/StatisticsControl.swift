// SPDX-License-Identifier: GPL-3.0-or-later
// Which pixels a statistic uses, and how it clips.

/// Which pixels a statistic uses, and how it clips; defaults as the reference system's.
package struct StatisticsControl: Hashable, Sendable {
  /// Half-width of clipping in standard deviations.
  package var numSigmaClip: Double
  /// Number of clipping passes, 1 at least.
  package var numIter: Int
  /// Pixels with any of these bits are left out.
  package var andMask: UInt32
  /// Whether pixels that are not finite are left out.
  package var nanSafe: Bool

  package init(numSigmaClip: Double = 3, numIter: Int = 3, andMask: UInt32 = 0, nanSafe: Bool = true) {
    self.numSigmaClip = numSigmaClip
    self.numIter = numIter
    self.andMask = andMask
    self.nanSafe = nanSafe
  }
}
