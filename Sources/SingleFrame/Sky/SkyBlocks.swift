// SPDX-License-Identifier: GPL-3.0-or-later
// Means of small blocks of pixels.

internal import Imaging
internal import SkyGeometry

/// Means of square blocks of pixels, on which sky is told from sources.
///
/// A block of four pixels a side is about a matched filter for stars of usual widths, and a sixteenth of the pixels.
struct SkyBlocks {
  static let side = 4
  /// Mean of the good pixels of each block; NaN with fewer than a quarter of them.
  let means: Image<Float>
  /// Blocks that have a mean.
  let count: Int

  /// - Throws: ``Imaging/ImagingError``.
  init(_ image: Image<Float>, _ mask: Mask, bad: UInt32) throws(ImagingError) {
    let side = Self.side
    let box = Box2I(width: (image.width + side - 1) / side, height: (image.height + side - 1) / side)
    var pixels: [Float] = []
    pixels.reserveCapacity(box.area)
    var total = 0
    let bits = mask.bits
    for j in 0..<box.height {
      var sums = [Float](repeating: 0, count: box.width)
      var counts = [Int32](repeating: 0, count: box.width)
      for y in side * j..<min(side * j + side, image.height) {
        let row = image.row(image.box.minY + y)
        let planes = bits.row(image.box.minY + y)
        // Whole blocks first; what does not count adds 0.
        let whole = image.width / side
        for i in 0..<whole {
          var (sum, count) = (sums[i], counts[i])
          for k in side * i..<side * i + side {
            let isGood = planes[k] & bad == 0 && row[k].isFinite
            sum += isGood ? row[k] : 0
            count += isGood ? 1 : 0
          }
          (sums[i], counts[i]) = (sum, count)
        }
        for k in side * whole..<image.width where planes[k] & bad == 0 && row[k].isFinite {
          sums[whole] += row[k]
          counts[whole] += 1
        }
      }
      for i in 0..<box.width {
        // Blocks at the edge may be smaller.
        let area = min(side, image.width - side * i) * min(side, image.height - side * j)
        let isUsed = counts[i] > 0 && 4 * Int(counts[i]) >= area && sums[i].isFinite
        pixels.append(isUsed ? sums[i] / Float(counts[i]) : .nan)
        total += isUsed ? 1 : 0
      }
    }
    means = try Image(box: box, pixels: pixels)
    count = total
  }

  /// Half as many blocks of twice the side, several times over: means of the blocks that are sky, NaN with fewer than half of them.
  static func binned(_ image: Image<Float>, by factor: Int) -> Image<Float> {
    let box = Box2I(width: (image.width + factor - 1) / factor, height: (image.height + factor - 1) / factor)
    return Image(box: box) { i, j in
      var (sum, count, all) = (0.0, 0, 0)
      for y in factor * j..<min(factor * (j + 1), image.height) {
        let row = image.row(y)
        for x in factor * i..<min(factor * (i + 1), image.width) {
          all += 1
          if row[x].isFinite {
            sum += Double(row[x])
            count += 1
          }
        }
      }
      return 2 * count >= all ? Float(sum / Double(count)) : .nan
    }
  }
}
