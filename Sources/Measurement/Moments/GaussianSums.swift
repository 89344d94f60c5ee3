// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of pixels under a Gaussian weight.

internal import Imaging
internal import SkyGeometry

/// Sums of pixels under the weight exp(−q/2) with q = Δᵀ w Δ about a centre (detection-measurement B.3.2).
struct GaussianSums {
  var sum = 0.0
  /// Of the coordinates, from the centre.
  var x = 0.0
  var y = 0.0
  var xx = 0.0
  var yy = 0.0
  var xy = 0.0

  private mutating func add(_ value: Double, _ dx: Double, _ dy: Double) {
    sum += value
    x += value * dx
    y += value * dy
    xx += value * dx * dx
    yy += value * dy * dy
    xy += value * dx * dy
  }

  /// - Parameters:
  ///   - weight: w; zero for no weight. Then all pixels of the box count.
  ///   - isFine: whether each pixel is 4×4 points, for weights that are narrow beside it.
  ///   - box: what is looked at.
  init<Pixel: BinaryFloatingPoint>(
    of image: Image<Pixel>, at center: Point2D, weight w: SecondMoments, isFine: Bool, in box: Box2I
  ) {
    let box = box.intersection(image.box)
    guard !box.isEmpty else { return }
    let origin = image.box.minX
    for y in box.minY..<box.endY {
      let dy = Double(y) - center.y
      // Beyond these columns no point of the row can count; a pixel of margin is for rounding and for points off the centre.
      let reach = Self.columns(w, dy: abs(dy) - (isFine ? min(abs(dy), 0.375) : 0), in: box, center: center)
      guard let reach else { continue }
      let row = image.row(y)
      for x in reach {
        let value = Double(row[x - origin])
        let dx = Double(x) - center.x
        if isFine { addFine(value, dx, dy, w) } else { addPlain(value, dx, dy, w) }
      }
    }
  }

  @inline(__always)
  private mutating func addPlain(_ value: Double, _ dx: Double, _ dy: Double, _ w: SecondMoments) {
    let q = w.xx * dx * dx + 2 * w.xy * dx * dy + w.yy * dy * dy
    if q <= 14 { add(value * exponential(-0.5 * q), dx, dy) }
  }

  /// The reference does not divide by the number of points, which makes the amplitude 16 times too large (G-7).
  private mutating func addFine(_ value: Double, _ dx: Double, _ dy: Double, _ w: SecondMoments) {
    func q(_ a: Double, _ b: Double) -> Double { w.xx * a * a + 2 * w.xy * a * b + w.yy * b * b }
    let (left, right, down, up) = (dx - 0.375, dx + 0.375, dy - 0.375, dy + 0.375)
    guard max(q(left, down), q(left, up), q(right, down), q(right, up)) <= 9 else { return }
    for j in 0..<4 {
      let b = down + 0.25 * Double(j)
      for i in 0..<4 {
        let a = left + 0.25 * Double(i)
        add(value * exponential(-0.5 * q(a, b)) / 16, a, b)
      }
    }
  }

  /// The columns of a row that q ≤ 14 can reach; `nil` for none.
  private static func columns(_ w: SecondMoments, dy: Double, in box: Box2I, center: Point2D) -> ClosedRange<Int>? {
    guard w.xx > 0 else { return box.minX...box.maxX }
    // The half-width of the ellipse in this row does not exceed that of a row through points at |dy|, whichever its slant.
    let discriminant = w.xy * w.xy * dy * dy - w.xx * (w.yy * dy * dy - 14)
    guard discriminant >= 0 else { return nil }
    let half = (discriminant.squareRoot() + abs(w.xy * dy)) / w.xx + 2
    guard half < Double(box.width) + abs(center.x - Double(box.minX)) else { return box.minX...box.maxX }
    guard let low = Box2I.pixelIndex(center.x - half), let high = Box2I.pixelIndex(center.x + half) else {
      return box.minX...box.maxX
    }
    let (first, last) = (max(low, box.minX), min(high, box.maxX))
    return first <= last ? first...last : nil
  }
}
