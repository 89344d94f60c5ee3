// SPDX-License-Identifier: GPL-3.0-or-later
// One image of a fit of point sources.

internal import Imaging
internal import SkyGeometry

/// One image of a fit of point sources: its weighted pixels, its PSF, and which of the sources are on it.
struct FitPlane {
  /// A source on the image.
  struct Term {
    /// Which of the fit's positions it has.
    let source: Int
    /// Which of the fit's fluxes.
    let flux: Int
    /// −1 where the image shows it below zero.
    var sign = 1.0
  }

  let box: Box2I
  /// Roots of the weights, row by row; 0 for a pixel that does not count.
  let roots: [Double]
  /// Pixels times the roots.
  let targets: [Double]
  let kernel: Image<Double>
  let terms: [Term]
  /// Three columns of zeros for each source; then 1, x and y over the box, −1 to 1, times the roots, where there is a background.
  private let blank: [Double]
  let backgroundCount: Int
  /// Pixels that count.
  let count: Int
  /// Σ of the squared targets.
  let norm: Double

  /// - Parameters:
  ///   - weights: of the pixels, not negative; 0 for those that do not count.
  ///   - terms: at least one.
  init(_ pixels: PlanePixels, weights: [Double], kernel: Image<Double>, terms: [Term], hasBackground: Bool) {
    box = pixels.box
    let roots = weights.map { $0.squareRoot() }
    self.roots = roots
    targets = zip(pixels.values, roots).map { $1 > 0 ? $0 * $1 : 0 }
    self.kernel = kernel
    self.terms = terms
    count = weights.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
    norm = targets.reduce(0) { $0 + $1 * $1 }
    backgroundCount = hasBackground ? 3 : 0
    var blank = [Double](repeating: 0, count: 3 * terms.count * roots.count)
    if hasBackground {
      blank.reserveCapacity(blank.count + 3 * roots.count)
      blank += roots
      let (width, height) = (pixels.box.width, pixels.box.height)
      let x = (0..<width).map { Self.slope($0, of: width) }
      for row in 0..<height { for i in 0..<width { blank.append(x[i] * roots[row * width + i]) } }
      for row in 0..<height {
        let y = Self.slope(row, of: height)
        for i in 0..<width { blank.append(y * roots[row * width + i]) }
      }
    }
    self.blank = blank
  }

  /// The coordinate of a pixel, −1 to 1 over so many.
  static func slope(_ index: Int, of count: Int) -> Double { Double(2 * index + 1) / Double(max(count, 2)) - 1 }

  /// For each source of flux 1 its image and the two derivatives, then the background, times the roots, one after the other.
  ///
  /// - Returns: `nil` where a position is none.
  func columns(at positions: [Point2D]) -> [Double]? {
    let size = roots.count
    var result = blank
    for (number, term) in terms.enumerated() {
      guard let stamp = StampGradient(kernel, at: positions[term.source]) else { return nil }
      write(stamp.value, to: &result, from: 3 * number * size)
      write(stamp.alongX, to: &result, from: (3 * number + 1) * size)
      write(stamp.alongY, to: &result, from: (3 * number + 2) * size)
    }
    return result
  }

  private func write(_ image: Image<Double>, to columns: inout [Double], from start: Int) {
    let common = image.box.intersection(box)
    guard !common.isEmpty else { return }
    let from = common.minX - image.box.minX
    let factors = roots.span
    var all = columns.mutableSpan
    for y in common.minY..<common.endY {
      let row = image.row(y).extracting(from..<from + common.width)
      let offset = (y - box.minY) * box.width + common.minX - box.minX
      let weights = factors.extracting(offset..<offset + common.width)
      var target = all._mutatingExtracting(start + offset..<start + offset + common.width)
      for i in 0..<common.width { target[i] = row[i] * weights[i] }
    }
  }
}

/// The image of a point source of flux 1 over a box, row by row.
func sourceImage(_ kernel: Image<Double>, at position: Point2D, over box: Box2I) -> [Double] {
  var result = [Double](repeating: 0, count: box.area)
  guard let stamp = StampGradient(kernel, at: position)?.value else { return result }
  let common = stamp.box.intersection(box)
  for y in common.minY..<common.endY {
    let row = stamp.row(y)
    let offset = (y - box.minY) * box.width - box.minX
    for x in common.minX..<common.endX { result[offset + x] = row[x - stamp.box.minX] }
  }
  return result
}
