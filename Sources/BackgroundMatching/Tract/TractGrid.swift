// SPDX-License-Identifier: GPL-3.0-or-later
// The cells in which a tract's backgrounds are measured.

package import Imaging
package import SkyGeometry

/// The division of a tract into cells of nearly one size, the same for all of its visits and patches.
package struct TractGrid: Hashable, Sendable {
  /// The tract's pixels and a frame around them.
  package let box: Box2I
  /// Side of a cell that was asked for, pixels.
  package let binSize: Int
  package let columns: BackgroundCells
  package let rows: BackgroundCells

  /// The cells of a tract, and one more all around, so that no pixel of it lies beyond their centres.
  ///
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a box without pixels, a size that is not 1 to 100,000, or more
  ///   than two million cells.
  package init(tract: Box2I, binSize: Int) throws(ImagingError) {
    guard (1...100_000).contains(binSize), !tract.isEmpty else {
      throw .invalidParameter("cells of \(binSize) pixels over a tract of \(tract)")
    }
    let box = tract.grown(by: binSize)
    let control = try Background.Control(covering: box, binSize: binSize)
    self.box = box
    self.binSize = binSize
    columns = try BackgroundCells(length: box.width, count: control.columns)
    rows = try BackgroundCells(length: box.height, count: control.rows)
    guard cellCount <= Self.largestCellCount else {
      throw .invalidParameter(
        "cells of \(binSize) pixels divide a tract of \(tract.width)×\(tract.height) pixels into \(cellCount) cells, more than "
          + "\(Self.largestCellCount); binSize must be larger")
    }
  }

  /// Each visit has several numbers for each cell.
  private static let largestCellCount = 2_000_000

  package var cellCount: Int { columns.count * rows.count }

  func index(_ cell: Cell) -> Int { cell.y * columns.count + cell.x }

  /// A cell by its column and row.
  package struct Cell: Hashable, Sendable {
    package let x: Int
    package let y: Int

    package init(x: Int, y: Int) {
      self.x = x
      self.y = y
    }
  }

  package func contains(_ cell: Cell) -> Bool {
    cell.x >= 0 && cell.x < columns.count && cell.y >= 0 && cell.y < rows.count
  }

  /// The pixels of a cell.
  package func box(of cell: Cell) -> Box2I {
    Box2I(
      minX: box.minX + columns.edges[cell.x], minY: box.minY + rows.edges[cell.y],
      width: columns.edges[cell.x + 1] - columns.edges[cell.x], height: rows.edges[cell.y + 1] - rows.edges[cell.y])
  }

  /// The cells that share pixels with a box, row by row.
  package func cells(in part: Box2I) -> [Cell] {
    func range(_ cells: BackgroundCells, from first: Int, to end: Int) -> [Int] {
      (0..<cells.count).filter { cells.edges[$0] < end && cells.edges[$0 + 1] > first }
    }
    let common = box.intersection(part)
    guard !common.isEmpty else { return [] }
    let across = range(columns, from: common.minX - box.minX, to: common.endX - box.minX)
    return range(rows, from: common.minY - box.minY, to: common.endY - box.minY).flatMap { y in
      across.map { Cell(x: $0, y: y) }
    }
  }
}
