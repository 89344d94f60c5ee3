// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of the backgrounds of a patch's visits.

package import SkyGeometry

/// A visit's pixels in one cell, as far as they belong to one patch.
package struct WarpBin: Hashable, Sendable {
  package var visit: Int64
  package var cell: TractGrid.Cell
  /// Number of the visit's good pixels.
  package var count: Int
  /// Their clipped mean and the clipped variance of one of them; NaN without.
  package var mean: Double
  package var variance: Double
  /// Number of pixels that are good in this visit and in the cell's pivot.
  package var differenceCount: Int
  /// Clipped mean of pivot − visit over them; 0 for the pivot itself, NaN where nothing is shared.
  package var difference: Double
  /// The visit that differences in this cell are from.
  package var pivot: Int64
  /// Where the pixels of the difference are on average, from the cell's centre, pixels.
  package var offset: Point2D

  package init(
    visit: Int64, cell: TractGrid.Cell, count: Int, mean: Double, variance: Double, differenceCount: Int,
    difference: Double, pivot: Int64, offset: Point2D
  ) {
    self.visit = visit
    self.cell = cell
    self.count = count
    self.mean = mean
    self.variance = variance
    self.differenceCount = differenceCount
    self.difference = difference
    self.pivot = pivot
    self.offset = offset
  }
}
