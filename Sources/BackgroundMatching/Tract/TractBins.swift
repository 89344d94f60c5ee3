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

    func moved(toVisit other: Int) -> Entry {
      Entry(
        visit: other, count: count, mean: mean, variance: variance, difference: difference,
        differenceCount: differenceCount, offset: offset)
    }
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
    var collector = Collector(grid)
    for patch in patches { collector.add(patch) }
    self.init(collector)
  }

  /// The same with one patch in memory at a time.
  ///
  /// - Throws: what loading throws.
  package init(grid: TractGrid, patchCount: Int, load: (_ patch: Int) throws -> [WarpBin]) throws {
    var collector = Collector(grid)
    for patch in 0..<max(0, patchCount) { collector.add(try load(patch)) }
    self.init(collector)
  }

  private init(_ collector: Collector) {
    grid = collector.grid
    // Until all patches are there nobody knows which visits there are.
    let order = collector.visits.indices.sorted { collector.visits[$0] < collector.visits[$1] }
    visits = order.map { collector.visits[$0] }
    var places = [Int](repeating: 0, count: order.count)
    for (place, number) in order.enumerated() { places[number] = place }
    pieces = collector.pieces.map { piece in
      TractPiece(
        cell: piece.cell, pivot: piece.pivot.map { places[$0] },
        entries: piece.entries.map { $0.moved(toVisit: places[$0.visit]) }.sorted { $0.visit < $1.visit })
    }
  }

  /// Pieces with visits numbered as they come.
  private struct Collector {
    let grid: TractGrid
    private(set) var visits: [Int64] = []
    private(set) var pieces: [TractPiece] = []
    private var numbers: [Int64: Int] = [:]

    init(_ grid: TractGrid) { self.grid = grid }

    private mutating func number(_ visit: Int64) -> Int {
      if let known = numbers[visit] { return known }
      numbers[visit] = visits.count
      visits.append(visit)
      return visits.count - 1
    }

    mutating func add(_ bins: [WarpBin]) {
      var byCell: [Int: (pivot: Int64, entries: [TractPiece.Entry])] = [:]
      for bin in bins where bin.count > 0 && grid.contains(bin.cell) {
        byCell[grid.index(bin.cell), default: (bin.pivot, [])].entries.append(
          TractPiece.Entry(
            visit: number(bin.visit), count: bin.count, mean: bin.mean, variance: bin.variance,
            difference: bin.difference, differenceCount: bin.difference.isFinite ? bin.differenceCount : 0,
            offset: bin.offset))
      }
      for (cell, content) in byCell.sorted(by: { $0.key < $1.key }) {
        pieces.append(TractPiece(cell: cell, pivot: numbers[content.pivot], entries: content.entries))
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
