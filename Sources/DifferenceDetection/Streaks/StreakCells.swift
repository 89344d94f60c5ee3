// SPDX-License-Identifier: GPL-3.0-or-later
// Medians of pixels along a line.

internal import Imaging
internal import SkyGeometry

/// The pixels about a line in cells along and across it, each by its median: a star or a dipole on the line does not matter to it.
struct StreakCells {
  /// A cell with enough pixels.
  struct Cell {
    /// Mean distance of its pixels from the line, px.
    let distance: Double
    /// Mean place of its pixels along the line, px from the point nearest to the image's centre.
    let place: Double
    /// The median, counts.
    let value: Double
    /// One over the variance of the median.
    let weight: Double
  }

  let line: ImageLine
  /// How far from the line the cells reach, px.
  let reach: Double
  /// The cells of each part of the line, in the order along it; those of parts where too many are missing are left out.
  private(set) var parts: [[Cell]] = []
  /// Good pixels along the line, in the middle, px.
  private(set) var goodLength = 0.0

  /// Length of a cell along the line, px.
  static let partLength = 64.0
  /// Most cells across the line, on either side of it.
  private static let mostCells = 40.0

  /// - Parameter bad: pixels with any of these bits do not count, nor do those without a finite value and a positive, finite variance.
  init(_ image: MaskedImage, along line: ImageLine, reach: Double, bad: UInt32) {
    (self.line, self.reach) = (line, reach)
    let step = max(1, reach / Self.mostCells)
    let (width, height) = (Double(image.width), Double(image.height))
    let halfLength = 0.5 * (width * width + height * height).squareRoot()
    guard let acrossHalf = Box2I.pixelIndex((reach / step).rounded(.down)),
      let partCount = Box2I.pixelIndex((2 * halfLength / Self.partLength).rounded(.down) + 1), !image.box.isEmpty
    else { return }
    let across = 2 * acrossHalf + 1
    var samples = Samples(cellCount: across * partCount)
    let center = image.box.center
    for y in image.box.minY..<image.box.endY {
      guard let columns = line.columns(ofRow: y, within: (Double(acrossHalf) + 0.5) * step, in: image.box) else {
        continue
      }
      let (pixels, variances, bits) = (image.image.row(y), image.variance.row(y), image.mask.bits.row(y))
      let dy = Double(y) - center.y
      for x in columns {
        let i = x - image.box.minX
        guard bits[i] & bad == 0, pixels[i].isFinite, variances[i] > 0, variances[i] < .infinity else { continue }
        let dx = Double(x) - center.x
        let distance = dx * line.normal.x + dy * line.normal.y - line.rho
        let place = dy * line.normal.x - dx * line.normal.y
        guard let column = Box2I.pixelIndex(distance / step), abs(column) <= acrossHalf,
          let part = Box2I.pixelIndex((place + halfLength) / Self.partLength - 0.5), part >= 0, part < partCount
        else { continue }
        samples.add(
          pixels[i], variance: variances[i], distance: distance, place: place,
          to: part * across + column + acrossHalf)
      }
    }
    let medians = samples.medians(least: Int(exactly: (0.25 * Self.partLength * step).rounded(.up)) ?? 1)
    for part in 0..<partCount {
      let cells = medians[part * across..<(part + 1) * across]
      // A line's own place has to be seen, and most of what is beside it.
      let (found, own) = (cells.compactMap { $0 }, cells[part * across + acrossHalf])
      guard own != nil, 4 * found.count >= 3 * across else { continue }
      parts.append(found)
      goodLength += Double(samples.counts[part * across + acrossHalf]) / step
    }
  }
}

/// The pixels of many cells.
private struct Samples {
  private var cells: [Int32] = []
  private var values: [Float] = []
  private(set) var counts: [Int]
  private var variances: [Double]
  private var distances: [Double]
  private var places: [Double]

  init(cellCount: Int) {
    counts = [Int](repeating: 0, count: cellCount)
    variances = [Double](repeating: 0, count: cellCount)
    (distances, places) = (variances, variances)
  }

  mutating func add(_ value: Float, variance: Float, distance: Double, place: Double, to cell: Int) {
    cells.append(Int32(truncatingIfNeeded: cell))
    values.append(value)
    counts[cell] += 1
    variances[cell] += Double(variance)
    distances[cell] += distance
    places[cell] += place
  }

  /// The medians of cells with at least some number of pixels.
  func medians(least: Int) -> [StreakCells.Cell?] {
    var starts = [Int](repeating: 0, count: counts.count + 1)
    for i in counts.indices { starts[i + 1] = starts[i] + counts[i] }
    var (sorted, next) = (values, starts)
    for i in values.indices {
      let cell = Int(cells[i])
      sorted[next[cell]] = values[i]
      next[cell] += 1
    }
    return counts.indices.map { cell in
      guard counts[cell] >= max(least, 1) else { return nil }
      let n = Double(counts[cell])
      let value = median(ofFirst: counts[cell], in: &sorted, from: starts[cell])
      // The variance of a median is π/2 times that of a mean.
      return StreakCells.Cell(
        distance: distances[cell] / n, place: places[cell] / n, value: Double(value),
        weight: n * n / (0.5 * .pi * variances[cell]))
    }
  }
}
