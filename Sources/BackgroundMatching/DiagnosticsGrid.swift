// SPDX-License-Identifier: GPL-3.0-or-later
// The cells on which a fit is judged.

internal import Imaging
internal import SkyGeometry

/// A difference image in cells of `binSize` pixels from its first pixel on; the last ones take what is left (framework A.7).
///
/// These are not the cells of the model, which divide each axis evenly. Cells with fewer than two usable pixels are left out.
struct DiagnosticsGrid: Sendable {
  struct Cell: Hashable, Sendable {
    /// Its pixels, in parent coordinates.
    var box: Box2I
    /// The statistic of its usable pixels, counts.
    var value: Double
    /// Standard error of their mean: their scatter, at least epsilon, by the root of their number; counts.
    var error: Double
  }

  private(set) var cells: [Cell] = []

  /// - Throws: ``Imaging/ImagingError`` for an image without pixels.
  init(
    _ image: MaskedImage, binSize: Int, _ statistic: Statistic, epsilon: Double, _ control: StatisticsControl
  ) throws(ImagingError) {
    let box = image.box
    let selection: PixelStatistics.Selection =
      switch statistic {
      case .median: [.moments, .quartiles]
      case .meanclip: [.moments, .clipped]
      default: .moments
      }
    for y in stride(from: box.minY, to: box.endY, by: binSize) {
      for x in stride(from: box.minX, to: box.endX, by: binSize) {
        let cell = Box2I(minX: x, minY: y, width: min(binSize, box.endX - x), height: min(binSize, box.endY - y))
        let statistics = try PixelStatistics(
          of: image.image, mask: image.mask, in: cell, control: control, selection)
        guard statistics.count > 1 else { continue }
        let scatter = max(statistics.standardDeviation, epsilon)
        cells.append(
          Cell(box: cell, value: statistics[statistic], error: scatter / Double(statistics.count).squareRoot()))
      }
    }
  }

  /// Along the axis that has fewer, the number of rows or columns with a cell.
  var shorterCount: Int { min(Set(cells.map(\.box.minX)).count, Set(cells.map(\.box.minY)).count) }

  /// Whether no cell has noise, as when an exposure is matched to itself.
  func isUniform(epsilon: Double) -> Bool { !cells.contains { $0.error > epsilon } }

  /// The root of the mean square of cell minus model at the cells' true centres; NaN without cells.
  ///
  /// Between pixels the model is interpolated linearly.
  func fitRMS(of model: Image<Float>) -> Double {
    var (sum, count) = (0.0, 0)
    for cell in cells {
      let (left, right) = (cell.box.minX + (cell.box.width - 1) / 2, cell.box.minX + cell.box.width / 2)
      let (low, high) = (cell.box.minY + (cell.box.height - 1) / 2, cell.box.minY + cell.box.height / 2)
      let center =
        (Double(model[left, low]) + Double(model[right, low]) + Double(model[left, high])
          + Double(model[right, high])) / 4
      let residual = cell.value - center
      guard !residual.isNaN else { continue }
      sum += residual * residual
      count += 1
    }
    return (sum / Double(count)).squareRoot()
  }
}
