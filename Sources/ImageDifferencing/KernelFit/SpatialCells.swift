// SPDX-License-Identifier: GPL-3.0-or-later
// Stars spread evenly over an image.

internal import SkyGeometry

/// The division of a region into cells, each with its stars from the brightest on, so that stars from everywhere are used (differencing 0.8, A8).
struct SpatialCells {
  /// Indices of candidates by cell; cells row by row.
  let cells: [[Int]]

  /// - Parameters:
  ///   - positions: of the candidates; those outside of the region are in no cell.
  ///   - sizeX: width of a cell, pixels; the last ones are narrower.
  init(_ region: Box2I, sizeX: Int, sizeY: Int, _ candidates: [KernelCandidate]) {
    let (sizeX, sizeY) = (max(1, sizeX), max(1, sizeY))
    let columns = max(1, (region.width + sizeX - 1) / sizeX)
    let rows = max(1, (region.height + sizeY - 1) / sizeY)
    var cells = [[Int]](repeating: [], count: columns * rows)
    for (index, candidate) in candidates.enumerated() {
      guard let pixel = candidate.position.pixel, region.contains(pixel) else { continue }
      cells[(pixel.y - region.minY) / sizeY * columns + (pixel.x - region.minX) / sizeX].append(index)
    }
    // A newcomer goes before its equals, as in the reference system.
    self.cells = cells.map { members in
      members.sorted { (candidates[$0].rating, $0) > (candidates[$1].rating, $1) }
    }
  }
}
