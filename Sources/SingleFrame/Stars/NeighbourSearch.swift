// SPDX-License-Identifier: GPL-3.0-or-later
// What is near a source.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The peaks of an image, to be asked what is near a place.
struct NeighbourSearch {
  private let peaks: [Peak]
  /// Peaks by cells of the image.
  private var cells: [[Int]]
  private let columns: Int
  private let rows: Int
  private let box: Box2I
  private static let cell = 64

  init(_ peaks: [Peak], over box: Box2I) {
    self.peaks = peaks
    self.box = box
    columns = box.width / Self.cell + 1
    rows = box.height / Self.cell + 1
    cells = Array(repeating: [], count: columns * rows)
    for (i, peak) in peaks.enumerated() where box.contains(peak.pixel) {
      cells[(peak.pixel.y - box.minY) / Self.cell * columns + (peak.pixel.x - box.minX) / Self.cell].append(i)
    }
  }

  /// The other peaks within a square, in a fixed order.
  func others(near place: Point2I, within reach: Int, but own: Int64) -> [Peak] {
    func cells(_ low: Int, _ high: Int, _ count: Int) -> Range<Int> {
      let first = max(0, low / Self.cell)
      return first..<max(first, min(count, high / Self.cell + 1))
    }
    let (x, y) = (place.x - box.minX, place.y - box.minY)
    var found: [Peak] = []
    for j in cells(y - reach, y + reach, rows) {
      for i in cells(x - reach, x + reach, columns) {
        for k in self.cells[j * columns + i] where peaks[k].id != own {
          let peak = peaks[k]
          if abs(peak.pixel.x - place.x) <= reach, abs(peak.pixel.y - place.y) <= reach { found.append(peak) }
        }
      }
    }
    return found
  }

  /// Whether no neighbour matters: none within 2.5 widths that has 3 % of the peak's height, none within 4 that has 50 %.
  func isIsolated(_ peak: Peak, fwhm: Double) -> Bool {
    let reach = Int(exactly: min(4 * fwhm, 1000).rounded(.up)) ?? 1000
    return !others(near: peak.pixel, within: reach, but: peak.id).contains { other in
      let distance = Point2D(other.pixel).distance(to: Point2D(peak.pixel))
      return distance <= 2.5 * fwhm
        ? other.value > 0.03 * peak.value : distance <= 4 * fwhm && other.value > 0.5 * peak.value
    }
  }
}
