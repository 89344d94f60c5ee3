// SPDX-License-Identifier: GPL-3.0-or-later
// The bins of all patches of a tract.

internal import Imaging
internal import SkyGeometry

/// A part of a cell that belongs to one patch, with what each visit has there.
struct TractPiece {
  /// A visit in a piece.
  struct Entry {
    /// Which of the visits.
    let visit: Int
    let count: Int
    let mean: Double
    /// Of a pixel.
    let variance: Double
    /// Pivot − visit, and of how many pixels.
    let difference: Double
    let differenceCount: Int
    /// Where those pixels are on average, from the cell's centre.
    let offset: Point2D
  }

  /// The cell's index in the grid.
  let cell: Int
  /// Which of the visits the differences are from; `nil` when it has no entry.
  let pivot: Int?
  let entries: [Entry]
}

/// The bins of all patches of a tract, by cell and visit.
package struct TractBins: Sendable {
  package let grid: TractGrid
  /// The visits in ascending order.
  package let visits: [Int64]
  private(set) var pieces: [TractPiece]

  /// - Parameter patches: the bins of each patch; those of cells outside of the grid are left out.
  package init(grid: TractGrid, patches: [[WarpBin]]) {
    self.grid = grid
    let visits = Set(patches.joined().map(\.visit)).sorted()
    self.visits = visits
    let numbers = Dictionary(uniqueKeysWithValues: visits.enumerated().map { ($1, $0) })
    pieces = patches.flatMap { bins -> [TractPiece] in
      var byCell: [Int: [TractPiece.Entry]] = [:]
      var pivots: [Int: Int] = [:]
      for bin in bins where bin.count > 0 && grid.contains(bin.cell) {
        guard let visit = numbers[bin.visit] else { continue }
        byCell[grid.index(bin.cell), default: []].append(
          TractPiece.Entry(
            visit: visit, count: bin.count, mean: bin.mean, variance: bin.variance, difference: bin.difference,
            differenceCount: bin.difference.isFinite ? bin.differenceCount : 0, offset: bin.offset))
        pivots[grid.index(bin.cell)] = numbers[bin.pivot]
      }
      return byCell.sorted { $0.key < $1.key }.map { cell, entries in
        TractPiece(cell: cell, pivot: pivots[cell], entries: entries.sorted { $0.visit < $1.visit })
      }
    }
  }

  /// The bins with differences as they would be at the centres of the cells, by models of the visits' backgrounds.
  ///
  /// At the edge of a visit the pixels of a cell are to one side of its centre, and a gradient would be taken for an offset.
  ///
  /// - Parameter models: what is added to each visit, in every cell.
  func centered(by models: [[Double]]) -> TractBins {
    var result = self
    result.pieces = pieces.map { piece in
      guard let pivot = piece.pivot else { return piece }
      let atPivot = gradient(of: models[pivot], at: piece.cell)
      return TractPiece(
        cell: piece.cell, pivot: pivot,
        entries: piece.entries.map { entry in
          guard entry.visit != pivot, entry.differenceCount > 0 else { return entry }
          // Pivot − visit is what is added to the visit, less what is added to the pivot.
          let slope = gradient(of: models[entry.visit], at: piece.cell) - atPivot
          let correction = slope.x * entry.offset.x + slope.y * entry.offset.y
          guard correction.isFinite else { return entry }
          return TractPiece.Entry(
            visit: entry.visit, count: entry.count, mean: entry.mean, variance: entry.variance,
            difference: entry.difference - correction, differenceCount: entry.differenceCount, offset: entry.offset)
        })
    }
    return result
  }

  /// The slope of a model at a cell, a pixel.
  private func gradient(of model: [Double], at cell: Int) -> Point2D {
    let (columns, rows) = (grid.columns.count, grid.rows.count)
    let (x, y) = (cell % columns, cell / columns)
    func slope(_ a: Int, _ b: Int, _ index: (Int) -> Int, _ centers: [Double]) -> Double {
      a == b ? 0 : (model[index(b)] - model[index(a)]) / (centers[b] - centers[a])
    }
    return Point2D(
      x: slope(max(0, x - 1), min(columns - 1, x + 1), { y * columns + $0 }, grid.columns.centers),
      y: slope(max(0, y - 1), min(rows - 1, y + 1), { $0 * columns + x }, grid.rows.centers))
  }

  /// Number of pixels of a cell, by its index.
  func area(_ cell: Int) -> Int {
    grid.box(of: TractGrid.Cell(x: cell % grid.columns.count, y: cell / grid.columns.count)).area
  }
}
