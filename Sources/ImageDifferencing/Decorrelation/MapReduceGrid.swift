// SPDX-License-Identifier: GPL-3.0-or-later
// Overlapping cells of an image.

internal import Imaging
internal import SkyGeometry

/// Overlapping cells of an image, each with what is computed about it (differencing B8).
struct MapReduceGrid {
  struct Cell {
    /// What is kept.
    let box: Box2I
    /// What is computed.
    let expanded: Box2I
  }

  let cells: [Cell]

  /// More would take for ever.
  private static let maxCells = 100_000

  /// - Parameter fwhm: of the PSF, pixels; the unit of lengths with `scaleByFwhm`.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for cells without pixels, or too many.
  init(over box: Box2I, fwhm: Double, _ config: ImageMapReduceConfig) throws(ImagingError) {
    func pixels(_ length: Double, _ name: String, least: Int) throws(ImagingError) -> Int {
      let scaled = (config.scaleByFwhm ? length * fwhm : length).rounded(.toNearestOrEven)
      guard let value = Int(exactly: scaled), value >= least, value <= 1_000_000 else {
        throw .invalidParameter("\(name) is \(scaled) pixels; it must be \(least) to 1000000")
      }
      return value
    }
    let (x, y) = (
      Axis(
        length: box.width, cell: try pixels(config.cellSizeX, "cellSizeX", least: 1),
        step: try pixels(config.gridStepX, "gridStepX", least: 1), config.adjustGridOption),
      Axis(
        length: box.height, cell: try pixels(config.cellSizeY, "cellSizeY", least: 1),
        step: try pixels(config.gridStepY, "gridStepY", least: 1), config.adjustGridOption)
    )
    let border = (
      x: try pixels(config.borderSizeX, "borderSizeX", least: 0),
      y: try pixels(config.borderSizeY, "borderSizeY", least: 0)
    )
    guard x.count <= Self.maxCells, y.count <= Self.maxCells / max(1, x.count) else {
      throw .invalidParameter("\(x.count) × \(y.count) cells are too many")
    }
    cells = x.starts.flatMap { left in
      y.starts.compactMap { bottom -> Cell? in
        let whole = Box2I(minX: box.minX + left, minY: box.minY + bottom, width: x.cell, height: y.cell)
        let wide = Box2I(
          minX: whole.minX - border.x, minY: whole.minY - border.y, width: whole.width + 2 * border.x,
          height: whole.height + 2 * border.y)
        let kept = whole.intersection(box)
        return kept.area > 1 ? Cell(box: kept, expanded: wide.intersection(box)) : nil
      }
    }
  }

  /// Where cells begin along one axis.
  private struct Axis {
    let cell: Int
    let count: Int
    private let centers: [Double]

    var starts: [Int] { centers.compactMap { Int(exactly: $0.rounded(.down)).map { $0 - cell / 2 } } }

    init(length: Int, cell: Int, step: Int, _ adjustment: GridAdjustment) {
      switch adjustment {
      case .spacing:
        count = length / cell + 1
        self.cell = cell
        let (low, high) = (Double(cell / 2), Double(length - cell / 2))
        let steps = Double(max(1, count - 1))
        centers = count > MapReduceGrid.maxCells ? [] : (0..<count).map { low + (high - low) * Double($0) / steps }
      case .size, .none:
        let size = adjustment == .size ? step : cell
        let places = Array(stride(from: size / 2, to: length + size / 2, by: step).prefix(MapReduceGrid.maxCells + 1))
        count = places.count
        self.cell = adjustment == .size ? size + 1 : size
        centers = places.map(Double.init)
      }
    }
  }
}
