// SPDX-License-Identifier: GPL-3.0-or-later
// The pixels of a family.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// The pixels of a family on a grid of its own, with a margin on all sides.
///
/// A position on the grid is a number: row by row, from the grid's first pixel.
struct FamilyPixels {
  /// The grid, margin included; parts of it may lie beyond the image.
  let box: Box2I
  let margin: Int
  /// NaN where there are no data, 0 beyond the family.
  let values: [Float]
  /// Of the family's pixels with data; NaN elsewhere.
  let variances: [Float]
  /// Whether a pixel is one of the family, with data.
  let isInside: [Bool]
  /// Those of them that have a neighbour without data, in order.
  let rim: [Int]

  /// - Parameter margin: at least 1.
  /// - Returns: `nil` for a family that has no pixel in the image.
  init?(_ spans: SpanSet, on image: MaskedImage, margin: Int) {
    let inImage = spans.clipped(to: image.box)
    guard !inImage.isEmpty else { return nil }
    let grid = inImage.box.grown(by: margin)
    var values = [Float](repeating: .nan, count: grid.area)
    var variances = values
    var isInside = [Bool](repeating: false, count: grid.area)
    let noData = image.mask.planes.bitMask(ofExisting: ["NO_DATA"])
    let common = grid.intersection(image.box)
    for y in common.minY..<common.endY {
      let (row, bits) = (image.image.row(y), image.mask.bits.row(y))
      let start = (y - grid.minY) * grid.width - grid.minX
      for x in common.minX..<common.endX {
        let column = x - image.box.minX
        if row[column].isFinite && bits[column] & noData == 0 { values[start + x] = 0 }
      }
    }
    for span in inImage.spans {
      let (row, variance) = (image.image.row(span.y), image.variance.row(span.y))
      let start = (span.y - grid.minY) * grid.width - grid.minX
      for x in span.x0...span.x1 where !values[start + x].isNaN {
        values[start + x] = row[x - image.box.minX]
        variances[start + x] = variance[x - image.box.minX]
        isInside[start + x] = true
      }
    }
    var rim: [Int] = []
    for i in isInside.indices where isInside[i] {
      // The margin keeps neighbours on the grid.
      if values[i - 1].isNaN || values[i + 1].isNaN || values[i - grid.width].isNaN || values[i + grid.width].isNaN {
        rim.append(i)
      }
    }
    (box, self.margin, self.values, self.variances) = (grid, margin, values, variances)
    (self.isInside, self.rim) = (isInside, rim)
  }

  var width: Int { box.width }

  /// - Returns: `nil` for a pixel that is not on the grid.
  func index(_ pixel: Point2I) -> Int? {
    box.contains(pixel) ? (pixel.y - box.minY) * box.width + pixel.x - box.minX : nil
  }
}

/// What light of a family is one source's: the pixels where there is any.
struct Template {
  /// On the family's grid, ascending.
  var indices: [Int] = []
  /// Positive and finite.
  var values: [Float] = []
  /// Of a symmetric template: what the numbers of a pixel and its mirror image add up to.
  var mirrorSum: Int?

  var isZero: Bool { indices.isEmpty }

  init() {}

  /// What it has on a pixel of the grid.
  func value(at index: Int) -> Float {
    var (low, high) = (0, indices.count)
    while low < high {
      let middle = (low + high) / 2
      if indices[middle] < index { low = middle + 1 } else { high = middle }
    }
    return low < indices.count && indices[low] == index ? values[low] : 0
  }

  /// What a symmetric template is made of on one of its pixels, before it was smoothed, and what of its variance is not that pixel's own.
  func source(at index: Int, on pixels: FamilyPixels) -> (value: Float, variance: Float) {
    let value = value(at: index)
    guard value > 0, let mirrorSum, pixels.isInside[mirrorSum - index] else { return (value, 0) }
    let mirror = mirrorSum - index
    guard pixels.values[mirror] < pixels.values[index] else { return (max(0, pixels.values[index]), 0) }
    let variance = pixels.variances[mirror]
    return (max(0, pixels.values[mirror]), variance > 0 && variance.isFinite ? variance : 0)
  }

  /// A point source, where the family has data.
  init(_ stamp: Image<Double>, times flux: Double, on pixels: FamilyPixels) {
    let common = stamp.box.intersection(pixels.box)
    for y in common.minY..<common.endY {
      let row = stamp.row(y)
      let start = (y - pixels.box.minY) * pixels.width - pixels.box.minX
      for x in common.minX..<common.endX where pixels.isInside[start + x] {
        let value = Float(flux * row[x - stamp.box.minX])
        guard value > 0, value.isFinite else { continue }
        indices.append(start + x)
        values.append(value)
      }
    }
  }

  /// The template as a heavy footprint, with mask and variance of the image.
  ///
  /// - Returns: `nil` for a template without light.
  func footprint(peak: Peak, on pixels: FamilyPixels, of image: MaskedImage) -> Footprint? {
    var spans: [Span] = []
    var heavy = HeavyPixels(image: values, mask: [], variance: [])
    var first = 0
    while first < indices.count {
      // A run ends with its row at the latest: the margin holds no light.
      var last = first
      while last + 1 < indices.count, indices[last + 1] == indices[last] + 1 { last += 1 }
      let y = pixels.box.minY + indices[first] / pixels.width
      let x0 = pixels.box.minX + indices[first] % pixels.width
      let span = Span(y: y, x0: x0, x1: x0 + last - first)
      let (bits, variances) = (image.mask.bits.row(y), image.variance.row(y))
      for x in span.x0...span.x1 {
        heavy.mask.append(bits[x - image.box.minX])
        heavy.variance.append(variances[x - image.box.minX])
      }
      spans.append(span)
      first = last + 1
    }
    guard !spans.isEmpty else { return nil }
    return try? Footprint(SpanSet(spans), peaks: [peak], region: image.box, heavy: heavy)
  }
}
