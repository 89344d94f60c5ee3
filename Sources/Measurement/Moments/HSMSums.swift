// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of pixels under a Gaussian, four at a time.

internal import Imaging
internal import SkyGeometry

/// The pixels about a source in float64, side by side for the many rounds of an iteration.
struct HSMStamp {
  let box: Box2I
  /// Row by row, with three more at the end, so that four can be read from any pixel on.
  let pixels: [Double]

  /// - Parameters:
  ///   - badBits: pixels whose mask has any of these are zero.
  ///   - part: within the image, and the image's box is the mask's.
  init(_ image: Image<Float>, mask: Mask?, leavingOut badBits: UInt32, in part: Box2I) {
    box = part
    var pixels = [Double](repeating: 0, count: part.area + 3)
    var target = pixels.mutableSpan
    let first = part.minX - image.box.minX
    var place = 0
    for y in part.minY..<part.endY {
      let row = image.row(y)
      if badBits != 0, let mask {
        let bits = mask.bits.row(y)
        for i in 0..<part.width { target[place + i] = bits[first + i] & badBits == 0 ? Double(row[first + i]) : 0 }
      } else {
        for i in 0..<part.width { target[place + i] = Double(row[first + i]) }
      }
      place += part.width
    }
    self.pixels = pixels
  }

  init(_ image: Image<Double>) {
    box = image.box
    pixels = image.pixels + [0, 0, 0]
  }
}

/// Sums of a stamp's pixels under exp(−ρ²/2), ρ² = Δᵀ M⁻¹ Δ, up to ρ² = −2 ln 10⁻⁷ (detection-measurement B.9.1).
struct HSMSums {
  static let limit = 32.23619130191664

  private(set) var sum = 0.0
  /// Of the coordinates, from the centre.
  private(set) var x = 0.0
  private(set) var y = 0.0
  private(set) var xx = 0.0
  private(set) var yy = 0.0
  private(set) var xy = 0.0

  /// In a row the weight is a Gaussian about a centre that moves from row to row.
  ///
  /// From one pixel to the next it changes by a ratio, which itself changes by a constant ratio: two products a pixel take the
  /// place of an exponential function.
  ///
  /// - Parameter m: the moments of the weight; sums are zero unless they are positive definite.
  init(of stamp: HSMStamp, at center: Point2D, moments m: SecondMoments) {
    let determinant = m.determinant
    guard m.xx > 0, m.yy > 0, determinant > 0, m.trace.isFinite, center.isFinite else { return }
    let (w, slant, box) = (m.yy / determinant, m.xy / m.yy, stamp.box)
    let height = (Self.limit * m.yy).squareRoot()
    guard let rows = Self.pixels(center.y - height, center.y + height, box.minY, box.maxY) else { return }
    let (q, q6, q16) = (exponential(-w), exponential(-6 * w), exponential(-16 * w))
    let q4 = exponential(-4 * w)
    let (q8, lanes) = (q4 * q4, SIMD4<Double>(0, 1, 2, 3))
    var (sums, sumsX, sumsY) = (SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero)
    var (sumsXX, sumsYY, sumsXY) = (SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero)
    let pixels = stamp.pixels.span
    for y in rows {
      let dy = Double(y) - center.y
      let rest = Self.limit - dy * dy / m.yy
      guard rest >= 0 else { continue }
      let (middle, half) = (center.x + slant * dy, (rest / w).squareRoot())
      guard let columns = Self.pixels(middle - half, middle + half, box.minX, box.maxX) else { continue }
      let d = Double(columns.lowerBound) - middle
      // The first four weights, and their ratios to the next four.
      let w0 = exponential(-0.5 * (dy * dy / m.yy + w * d * d))
      let r0 = exponential(-w * (d + 0.5))
      let (r1, r2) = (r0 * q, r0 * q * q)
      var weight = SIMD4(w0, w0 * r0, w0 * r0 * r1, w0 * r0 * r1 * r2)
      var ratio = r0 * r0 * r0 * r0 * q6 * SIMD4(1, q4, q8, q8 * q4)
      var dx = Double(columns.lowerBound) - center.x + lanes
      var (row, rowX, rowXX) = (SIMD4<Double>.zero, SIMD4<Double>.zero, SIMD4<Double>.zero)
      var i = (y - box.minY) * box.width + columns.lowerBound - box.minX
      var left = columns.count
      while left > 0 {
        var values = SIMD4(pixels[i], pixels[i + 1], pixels[i + 2], pixels[i + 3])
        if left < 4 { values.replace(with: 0, where: lanes .>= Double(left)) }
        let weighted = weight * values
        row += weighted
        rowX.addProduct(weighted, dx)
        rowXX.addProduct(weighted * dx, dx)
        weight *= ratio
        ratio *= q16
        dx += 4
        i += 4
        left -= 4
      }
      sums += row
      sumsX += rowX
      sumsXX += rowXX
      sumsY.addProduct(row, SIMD4(repeating: dy))
      sumsYY.addProduct(row, SIMD4(repeating: dy * dy))
      sumsXY.addProduct(rowX, SIMD4(repeating: dy))
    }
    (sum, x, y) = (sums.sum(), sumsX.sum(), sumsY.sum())
    (xx, yy, xy) = (sumsXX.sum(), sumsYY.sum(), sumsXY.sum())
  }

  /// The pixels whose centres lie between two coordinates, of those from `first` to `last`.
  @inline(__always)
  private static func pixels(_ low: Double, _ high: Double, _ first: Int, _ last: Int) -> ClosedRange<Int>? {
    guard low <= Double(last), high >= Double(first) else { return nil }
    let (a, b) = (Int(max(low, Double(first)).rounded(.up)), Int(min(high, Double(last)).rounded(.down)))
    return a <= b ? a...b : nil
  }
}
