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
  /// Whoever reads eight columns from one of the stamp's on reads zeros for those that are not, so that products need no care at the side.
  let values: [Double]
  private(set) var sums = ForcedPixels.Sums()

  /// - Returns: `nil` for a stamp whose numbers are not finite.
  init?(_ stamp: Image<Double>, row: Int, position: Point2D, on pixels: ForcedPixels) {
    let box = stamp.box.intersection(pixels.box)
    var values = [Double](repeating: 0, count: (box.width + 8) * box.height + 8)
    let (count, used) = Self.fill(&values, from: stamp, box, on: pixels)
    self.row = row
    self.position = position
    self.box = box
    self.values = values
    pixelCount = count
    maskedFraction =
      count == stamp.box.area ? 0 : max(0, 1 - used / stamp.pixels.reduce(0) { $0 + abs($1) })
    sums = pixels.sums(of: self)
    guard sums.square.normal.isFinite else { return nil }
  }

  /// Writes what of a stamp counts.
  ///
  /// - Returns: how many pixels count, and Σ|m| over them.
  private static func fill(
    _ values: inout [Double], from stamp: Image<Double>, _ box: Box2I, on pixels: ForcedPixels
  ) -> (count: Int, sum: Double) {
    guard !box.isEmpty else { return (0, 0) }
    let planes = pixels.planes
    let (m, bits) = (stamp.pixels.span.bytes, planes.mask.bits.pixels.span.bytes)
    let (d, v) = (planes.image.pixels.span.bytes, planes.variance.pixels.span.bytes)
    var numbers = values.mutableSpan
    var target = numbers.mutableBytes
    let excluded = SIMD8<Int32>(repeating: Int32(bitPattern: pixels.excluded))
    let columns = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
    var (count, sum) = (SIMD8<Int32>.zero, SIMD8<Double>.zero)
    for y in box.minY..<box.endY {
      let own = (y - stamp.box.minY) * stamp.width + box.minX - stamp.box.minX
      let (pixel, place) = (pixels.index(x: box.minX, y: y), 8 + (y - box.minY) * (box.width + 8))
      for x in stride(from: 0, to: box.width, by: 8) {
        let isInside = (columns &- Int32(clamping: box.width - x)) &>> 31
        let isAllowed = EightPixels(bits: bits.pixels(at: pixel + x).bits & excluded).areZero
        let counts =
          d.pixels(at: pixel + x).areFinite & pixels.haveWeights(v.pixels(at: pixel + x)) & isInside & isAllowed
        let used = m.numbers(at: own + x) * EightPixels.ones(where: counts)
        target.storeBytes(of: used, toByteOffset: 8 * (place + x), as: SIMD8<Double>.self)
        count = count &- counts
        sum += used.magnitudes
      }
    }
    return (Int(count.wrappedSum()), sum.sum())
  }

  /// Where the number of a pixel is in ``values``.
  func index(x: Int, y: Int) -> Int { 8 + (y - box.minY) * (box.width + 8) + x - box.minX }
}
