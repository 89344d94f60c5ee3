// SPDX-License-Identifier: GPL-3.0-or-later
// How far a model goes beyond its data.

internal import Imaging
internal import SkyGeometry

extension Background {
  /// The part of the pixels in cells that lie beyond the data.
  ///
  /// As the surface is drawn: along each column of cells from its first to its last cell with a value, then along the rows from the
  /// first to the last column that has any. Gaps between cells with values do not count, nor do the outer halves of outermost cells.
  var extrapolatedFraction: Double {
    let good = (0..<values.width).map { i in (0..<values.height).filter { j in values[i, j].isFinite } }
    guard let first = good.firstIndex(where: { !$0.isEmpty }), let last = good.lastIndex(where: { !$0.isEmpty }) else {
      return 1
    }
    func size(_ cells: BackgroundCells, _ i: Int) -> Int { cells.edges[i + 1] - cells.edges[i] }
    var inside = 0
    for i in first...last {
      // An empty column takes what its neighbours have.
      let rows = good[i].isEmpty ? good[..<i].last { !$0.isEmpty } ?? [] : good[i]
      guard let low = rows.first, let high = rows.last else { continue }
      inside += size(columnCells, i) * (rowCells.edges[high + 1] - rowCells.edges[low])
    }
    return 1 - Double(inside) / Double(box.area)
  }
}
