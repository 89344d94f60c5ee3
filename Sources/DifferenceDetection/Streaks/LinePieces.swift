// SPDX-License-Identifier: GPL-3.0-or-later
// Short pieces of lines that stand out.

internal import Imaging

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A short piece of a line, in blocks.
struct LinePiece {
  /// Its middle; the centre of the first block is 0.
  let x: Double
  let y: Double
  /// Of its normal, radians, from 0 up to π.
  let theta: Double
  /// By how many standard deviations its sum exceeds those beside it.
  let significance: Double
}

/// Finds short pieces of lines of any direction along which blocks are brighter than beside them.
///
/// **Model.** Sums over 8 to 32 rows along lines of slopes from −1 to 1, and the same for columns, by halves: the sums over 2 m rows are those
/// over m rows with an offset (Götz and Druck 1996, Pattern Recognition 29, 711; Brady 1998, SIAM J. Comput. 27, 107). Less the mean of the two
/// sums 6 blocks to either side, so that what is wide does not count. The unit is the standard deviation that independent blocks have, or
/// the one that the image shows where that is larger, up to one and a half times as large: in a crowded field stars scatter more than what a
/// block may count.
struct LinePieces {
  /// The most significant first.
  private(set) var pieces: [LinePiece] = []

  /// How far to either side a piece is compared with others, blocks.
  private static let contrastDistance = 6
  /// More than these are not looked at.
  private static let mostPieces = 5000

  /// - Parameters:
  ///   - rowCount: of a piece: 8, 16 or 32.
  ///   - step: rows from one piece to the next.
  init(_ blocks: BlockPlane, rowCount: Int, step: Int, threshold: Double) {
    for isTransposed in [false, true] {
      let plane = isTransposed ? blocks.transposed : blocks
      guard plane.width > 0, plane.height > 0 else { continue }
      var scan = Scan(plane, rowCount: rowCount, threshold: threshold)
      for first in stride(from: 0, to: plane.height, by: step) { scan.addRows(from: first) }
      pieces += scan.pieces(isTransposed: isTransposed)
    }
    pieces.sort { ($1.significance, $0.y, $0.x, $0.theta) < ($0.significance, $1.y, $1.x, $1.theta) }
    pieces = Array(pieces.prefix(Self.mostPieces))
  }

  /// The search along the rows of one plane.
  private struct Scan {
    let plane: BlockPlane
    let rowCount: Int
    let threshold: Double
    /// Standard deviation of a contrast of independent blocks.
    let unit: Double
    /// Zeros on both sides of a row, so that lines may begin and end beside the image.
    let margin: Int
    /// Of a row with its margins.
    let length: Int
    /// Sums over some rows, for each offset between the first and the last; two of them take turns.
    var current: [Float]
    var next: [Float]
    /// The largest contrast of each place over all slopes, and the slope.
    var best: [Float]
    var bestSlope: [Int32]
    /// Contrasts of places far from each other, to know their scatter.
    var sample: [Float] = []
    var found: [(x: Double, y: Double, slope: Double, contrast: Float)] = []

    init(_ plane: BlockPlane, rowCount: Int, threshold: Double) {
      (self.plane, self.rowCount, self.threshold) = (plane, rowCount, threshold)
      unit = (1.5 * Double(rowCount)).squareRoot()
      margin = 2 * rowCount
      length = plane.width + 2 * margin
      current = [Float](repeating: 0, count: rowCount * length)
      (next, best) = (current, [Float](repeating: 0, count: length))
      bestSlope = [Int32](repeating: 0, count: length)
    }

    /// Finds the pieces through the rows from one on.
    mutating func addRows(from first: Int) {
      for i in best.indices { (best[i], bestSlope[i]) = (-.infinity, 0) }
      for sign in [1, -1] {
        fill(from: first)
        var rows = 1
        while rows < rowCount {
          double(rows, sign: sign)
          swap(&current, &next)
          rows *= 2
        }
        // Straight down is the same for both signs.
        for shift in (sign > 0 ? 0 : 1)..<rowCount { compare(shift, sign: sign) }
      }
      let least = Float(threshold * unit)
      let middle = Double(first) + Double(rowCount - 1) / 2
      let reach = rowCount - 2
      for i in margin - reach..<length - margin + reach
      where best[i] >= least && best[i] >= best[i - 1] && best[i] > best[i + 1] {
        let shift = Double(bestSlope[i])
        found.append((Double(i - margin) + shift / 2, middle, shift / Double(rowCount - 1), best[i]))
      }
    }

    private mutating func fill(from first: Int) {
      for i in current.indices { current[i] = 0 }
      for j in 0..<min(rowCount, plane.height - first) {
        for i in 0..<plane.width { current[j * length + margin + i] = plane.values[(first + j) * plane.width + i] }
      }
    }

    /// From sums over `rows` rows to sums over twice as many.
    private mutating func double(_ rows: Int, sign: Int) {
      let (length, pairs) = (length, rowCount / (2 * rows))
      // Lines that begin further out do not reach the image.
      let places = margin / 2..<length - margin / 2
      current.withUnsafeBufferPointer { source in
        next.withUnsafeMutableBufferPointer { target in
          for pair in 0..<pairs {
            for shift in 0..<2 * rows {
              let upper = (2 * pair * rows + shift / 2) * length
              let lower = ((2 * pair + 1) * rows + shift / 2) * length + sign * ((shift + 1) / 2)
              let out = (2 * pair * rows + shift) * length
              for x in places { target[out + x] = source[upper + x] + source[lower + x] }
            }
          }
        }
      }
    }

    /// Keeps the contrasts with one offset where they are the largest yet.
    private mutating func compare(_ shift: Int, sign: Int) {
      let (start, distance, slope) = (shift * length, contrastDistance, Int32(sign * shift))
      let places = margin / 2..<length - margin / 2
      if shift % 4 == 0 {
        for x in stride(from: margin + shift, to: length - margin, by: 7) {
          sample.append(contrast(at: start + x, distance))
        }
      }
      current.withUnsafeBufferPointer { sums in
        best.withUnsafeMutableBufferPointer { best in
          bestSlope.withUnsafeMutableBufferPointer { slopes in
            for x in places {
              let i = start + x
              let value = sums[i] - 0.5 * (sums[i - distance] + sums[i + distance])
              slopes[x] = value > best[x] ? slope : slopes[x]
              best[x] = value > best[x] ? value : best[x]
            }
          }
        }
      }
    }

    private func contrast(at i: Int, _ distance: Int) -> Float {
      current[i] - 0.5 * (current[i - distance] + current[i + distance])
    }

    func pieces(isTransposed: Bool) -> [LinePiece] {
      var unit = unit
      if sample.count > 100 {
        let quartiles = quantiles([0.25, 0.75], of: sample)
        unit = min(max(unit, PixelStatistics.sigmaPerIQR * (quartiles[1] - quartiles[0])), 1.5 * unit)
      }
      return found.filter { Double($0.contrast) >= threshold * unit }.map { place in
        // Along (slope, 1), so the normal is (1, −slope); with rows and columns exchanged (−slope, 1).
        let angle = isTransposed ? atan2(1, -place.slope) : atan2(-place.slope, 1)
        return LinePiece(
          x: isTransposed ? place.y : place.x, y: isTransposed ? place.x : place.y,
          theta: angle < 0 ? angle + .pi : angle, significance: Double(place.contrast) / unit)
      }
    }
  }
}
