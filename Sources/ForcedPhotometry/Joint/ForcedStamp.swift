// SPDX-License-Identifier: GPL-3.0-or-later
// A source's PSF on the pixels that count.

internal import Imaging
internal import SkyGeometry

/// The PSF at a source, on the pixels of an image that count.
struct ForcedStamp {
  /// Of the catalog.
  let row: Int
  let position: Point2D
  /// The pixels that stamp and image share.
  let box: Box2I
  let pixelCount: Int
  /// Σ|m| over the pixels that do not count or lie beyond the image, over that of all of the stamp.
  let maskedFraction: Double
  /// m row by row, 0 where a pixel does not count; eight zeros are before each row and behind the last.
  ///
  /// Whoever reads eight columns of which one is the stamp's reads zeros for those that are not, so that products need no care at the sides.
  let values: [Double]
  private(set) var sums = ForcedPixels.Sums()

  /// - Returns: `nil` for a stamp whose numbers are not finite, or all zero.
  init?(_ stamp: Image<Double>, row: Int, position: Point2D, on pixels: ForcedPixels) {
    let total = stamp.pixels.reduce(0) { $0 + abs($1) }
    guard total > 0, total.isFinite else { return nil }
    let box = stamp.box.intersection(pixels.box)
    var values: [Double] = []
    var (count, used) = (0, 0.0)
    if !box.isEmpty {
      values.reserveCapacity((box.width + 8) * box.height + 8)
      values.append(contentsOf: Self.margin)
      let (planes, least) = (pixels.planes, pixels.leastVariance)
      let (before, skipped) = (box.minX - stamp.box.minX, box.minX - pixels.box.minX)
      for y in box.minY..<box.endY {
        let m = stamp.row(y).extracting(before..<before + box.width)
        let bits = planes.mask.bits.row(y).extracting(skipped..<skipped + box.width)
        let d = planes.image.row(y).extracting(skipped..<skipped + box.width)
        let v = planes.variance.row(y).extracting(skipped..<skipped + box.width)
        for i in m.indices {
          guard bits[i] & pixels.excluded == 0, d[i].isFinite, v[i] > least, v[i] < .infinity else {
            values.append(0)
            continue
          }
          values.append(m[i])
          count += 1
          used += abs(m[i])
        }
        values.append(contentsOf: Self.margin)
      }
    }
    self.row = row
    self.position = position
    self.box = box
    self.values = values
    pixelCount = count
    // All of them in the same order have the same sum to the last bit.
    maskedFraction = count == stamp.box.area ? 0 : max(0, 1 - used / total)
    sums = pixels.sums(of: self)
  }

  private static let margin = [Double](repeating: 0, count: 8)

  /// Where the number of a pixel is in ``values``.
  ///
  /// - Precondition: ``hasColumns(_:_:)``.
  func index(x: Int, y: Int) -> Int { 8 + (y - box.minY) * (box.width + 8) + x - box.minX }

  /// Whether any of eight columns of a row, from `x` on, is the stamp's.
  func hasColumns(_ x: Int, _ y: Int) -> Bool {
    y >= box.minY && y < box.endY && x < box.endX && x + 8 > box.minX
  }
}
