// SPDX-License-Identifier: GPL-3.0-or-later
// The sky of a coadd, as a model that a file can hold.

internal import Imaging
internal import SingleFrame
internal import SkyGeometry

extension BackgroundModel {
  /// Cells across the shorter side at least, so that the curve through them bends as the sky does.
  private static let fewestCells = 6
  /// Side of a cell where the sky is a polynomial, pixels.
  private static let polynomialCell = 128

  /// A sky as the curve through its values at the centres of cells, which are half as large as those that it was measured in.
  ///
  /// - Returns: `nil` for the sky of an image without a usable pixel.
  /// - Throws: ``Imaging/ImagingError``.
  init?(sampling sky: SkyModel) throws(ImagingError) {
    let largest: Int
    switch sky.mesh {
    case .none: return nil
    case .spline(let binSize): largest = binSize / 2
    case .polynomial, .constant: largest = Self.polynomialCell
    }
    let box = sky.image.box
    let side = max(1, min(largest, min(box.width, box.height) / Self.fewestCells))
    let control = try Background.Control(covering: box, binSize: side)
    let cells = Image<Float>(box: Box2I(width: control.columns, height: control.rows), fill: 0)
    let grid = try Background(box: box, values: cells)
    let (columns, rows) = (grid.columnCells.centers, grid.rowCells.centers)
    let values = Image<Float>(box: cells.box) { i, j in
      // Centres of even cells lie between pixels.
      let (x, y) = (columns[i].rounded(.down), rows[j].rounded(.down))
      let (u, v) = (Float(columns[i] - x), Float(rows[j] - y))
      let (left, low) = (box.minX + Int(x), box.minY + Int(y))
      let (right, high) = (min(left + 1, box.maxX), min(low + 1, box.maxY))
      let lower = (1 - u) * sky.image[left, low] + u * sky.image[right, low]
      let upper = (1 - u) * sky.image[left, high] + u * sky.image[right, high]
      return (1 - v) * lower + v * upper
    }
    self.init(try Background(box: box, values: values))
  }
}
