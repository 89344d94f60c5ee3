// SPDX-License-Identifier: GPL-3.0-or-later
// Where an image shows nothing.

internal import Imaging
internal import SkyGeometry

/// Which pixels of a part of an image are sky alone, as far as a glance can tell.
///
/// Means of 5×5 pixels above a smooth background, in units of their own robust scatter: beyond 4 either way there is something, and 5 pixels about it.
struct BlankPixels {
  let image: Image<Bool>

  private static let smoothing = 2
  private static let binSize = 64
  private static let limit = Float(4)
  private static let margin = 5

  /// - Parameter bad: bits of the mask that make a pixel none.
  /// - Throws: ``Imaging/ImagingError``.
  init(of input: MaskedImage, in box: Box2I, ignoring bad: UInt32) throws(ImagingError) {
    let wide = box.grown(by: Self.smoothing + Self.margin).intersection(input.box)
    let mask = input.mask.cropped(to: wide)
    var light = input.image.cropped(to: wide)
    let control = try Background.Control(
      covering: wide, binSize: Self.binSize, statistics: StatisticsControl(andMask: bad))
    let surface = try Background(of: light, mask: mask, control).image(.akimaSpline, undersample: .reduceInterpOrder)
    for y in wide.minY..<wide.endY {
      let (level, bits) = (surface.row(y), mask.bits.row(y))
      light.withMutableRow(y) { row in
        for i in row.indices {
          row[i] -= level[i]
          if bits[i] & bad != 0 || !row[i].isFinite { row[i] = 0 }
        }
      }
    }
    let smooth = light.boxMeans(Self.smoothing)
    let scatter = Float(try PixelStatistics(of: smooth, .quartiles).robustStandardDeviation)
    let bright = smooth.map { Float(abs($0) > Self.limit * scatter ? 1 : 0) }.boxMeans(Self.margin)
    image = Image(box: box) { x, y in bright[x, y] == 0 && mask[x, y] & bad == 0 }
  }
}

extension Image<Float> {
  /// The means of the squares about every pixel, of `radius` pixels either way; beyond the image there is 0.
  fileprivate func boxMeans(_ radius: Int) -> Image<Float> {
    let (width, height) = (box.width, box.height)
    var columns = [Float](repeating: 0, count: width)
    var result = Image<Float>(box: box, fill: 0)
    let norm = 1 / Float((2 * radius + 1) * (2 * radius + 1))
    for y in box.minY..<box.endY {
      // Summed anew for every row, so that nothing is left of what was taken off again.
      for i in columns.indices { columns[i] = 0 }
      for v in Swift.max(box.minY, y - radius)...Swift.min(box.minY + height - 1, y + radius) {
        let source = row(v)
        for i in columns.indices { columns[i] += source[i] }
      }
      result.withMutableRow(y) { out in
        for i in out.indices {
          var sum: Float = 0
          for u in Swift.max(0, i - radius)...Swift.min(width - 1, i + radius) { sum += columns[u] }
          out[i] = sum * norm
        }
      }
    }
    return result
  }
}
