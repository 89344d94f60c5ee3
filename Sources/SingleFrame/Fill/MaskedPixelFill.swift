// SPDX-License-Identifier: GPL-3.0-or-later
// Plausible values for pixels that hold none.

package import Imaging
internal import SkyGeometry

extension MaskedImage {
  /// The planes whose pixels hold no light of the sky.
  package static let planesToFill = ["BAD", "SAT", "CR", "NO_DATA"]

  /// The image with plausible values where it has none, so that a convolution spreads no junk.
  ///
  /// **Model.** Pixels of the planes and those that are not finite get the surface that is smooth over each hole and continuous with its rim: means of
  /// good pixels at ever coarser scales, interpolated back, then sweeps towards the harmonic function, each pixel the mean of its four neighbours. It lies between the
  /// lowest and the highest pixel about the hole: nothing rings. The core of a saturated star becomes a plateau of the height of its rim; its true light is
  /// lost, and a step is where it was saturated.
  ///
  /// **Mask, variance.** Bits stay, and filled pixels get INTRP. The variance stays where it is positive and finite; elsewhere on filled
  /// pixels it is filled in the same way, so that a convolution of it stays finite. Nothing that is filled is to be measured: the mask says so.
  ///
  /// **Cost.** Goes with the pixels, whatever the holes. An image without a good pixel becomes 0 with variance 0.
  ///
  /// - Returns: the number of pixels filled.
  /// - Throws: ``Imaging/ImagingError/tooManyMaskPlanes(name:)``.
  @discardableResult
  package mutating func fillMaskedPixels(_ planes: [String] = Self.planesToFill) throws(ImagingError) -> Int {
    let pattern = mask.planes.bitMask(ofExisting: planes)
    var (holes, gaps): ([Int], [Int]) = ([], [])
    for y in box.minY..<box.endY {
      let (pixels, bits, variances) = (image.row(y), mask.bits.row(y), variance.row(y))
      let start = (y - box.minY) * box.width
      for i in pixels.indices where bits[i] & pattern != 0 || !pixels[i].isFinite {
        holes.append(start + i)
        if !(variances[i] > 0 && variances[i].isFinite) { gaps.append(start + i) }
      }
    }
    guard !holes.isEmpty else { return 0 }
    try updateInPlace { image, mask, variance throws(ImagingError) in
      let interpolated = try mask.addPlane("INTRP")
      image = try filled(image, at: holes)
      if !gaps.isEmpty { variance = try filled(variance, at: gaps) }
      let (box, width) = (mask.box, mask.box.width)
      for i in holes { mask[box.minX + i % width, box.minY + i / width] |= interpolated }
    }
    return holes.count
  }
}

/// A plane at one scale of the pyramid that fills its holes.
private struct FillLevel {
  var pixels: [Float]
  let width: Int
  let height: Int

  /// The pixels without a finite value, in ascending order.
  var holes: [Int] {
    var result: [Int] = []
    let span = pixels.span
    for i in span.indices where !span[i].isFinite { result.append(i) }
    return result
  }

  /// Means of the finite ones of two by two pixels; NaN of none.
  var coarser: FillLevel {
    let (columns, rows) = ((width + 1) / 2, (height + 1) / 2)
    var result = [Float](repeating: .nan, count: columns * rows)
    var output = result.mutableSpan
    let input = pixels.span
    for j in 0..<rows {
      let upper = input.extracting(2 * j * width..<2 * j * width + width)
      let hasLower = 2 * j + 1 < height
      // Without a lower row the upper one stands in, and counts for nothing.
      let start = (hasLower ? 2 * j + 1 : 2 * j) * width
      let lower = input.extracting(start..<start + width)
      func mean(_ a: Float, _ b: Float, _ c: Float, _ d: Float) -> Float {
        var (sum, count): (Float, Float) = (a.isFinite ? a : 0, a.isFinite ? 1 : 0)
        sum += b.isFinite ? b : 0
        count += b.isFinite ? 1 : 0
        sum += c.isFinite ? c : 0
        count += c.isFinite ? 1 : 0
        sum += d.isFinite ? d : 0
        count += d.isFinite ? 1 : 0
        return sum / count
      }
      for i in 0..<width / 2 {
        let (c, d) = hasLower ? (lower[2 * i], lower[2 * i + 1]) : (.nan, .nan)
        output[j * columns + i] = mean(upper[2 * i], upper[2 * i + 1], c, d)
      }
      if width % 2 != 0 {
        output[j * columns + columns - 1] = mean(upper[width - 1], .nan, hasLower ? lower[width - 1] : .nan, .nan)
      }
    }
    return FillLevel(pixels: result, width: columns, height: rows)
  }

  /// The value at a pixel of the next finer level, between the four nearest of this one's pixels.
  func interpolated(x: Int, y: Int) -> Float {
    // A coarse pixel's centre lies between the two that it is of.
    let (i, j) = (x / 2, y / 2)
    let (u, v) = (
      min(max(x % 2 == 0 ? i - 1 : i + 1, 0), width - 1), min(max(y % 2 == 0 ? j - 1 : j + 1, 0), height - 1)
    )
    func value(_ a: Int, _ b: Int) -> Float { pixels[b * width + a] }
    return 0.5625 * value(i, j) + 0.1875 * (value(u, j) + value(i, v)) + 0.0625 * value(u, v)
  }
}

/// The image with some pixels, given in ascending order, replaced.
private func filled(_ image: Image<Float>, at places: [Int]) throws(ImagingError) -> Image<Float> {
  var base = FillLevel(pixels: image.pixels, width: image.width, height: image.height)
  for i in places { base.pixels[i] = .nan }
  // Coarser and coarser, until no hole is left.
  var levels = [(level: base, holes: base.holes)]
  // The list alone holds the pixels now, so that they can be changed in their own memory.
  base.pixels = []
  while let last = levels.last, !last.holes.isEmpty, last.level.width > 1 || last.level.height > 1 {
    let next = last.level.coarser
    levels.append((next, next.holes))
  }
  guard var top = levels.popLast() else { return image }
  for i in top.holes { top.level.pixels[i] = 0 }
  while var finer = levels.popLast() {
    let width = finer.level.width
    for i in finer.holes { finer.level.pixels[i] = top.level.interpolated(x: i % width, y: i / width) }
    relax(&finer.level.pixels, width, finer.level.height, at: finer.holes)
    top = finer
  }
  return try Image(box: image.box, pixels: top.level.pixels)
}

/// Sweeps toward the harmonic function over the holes, forth and back.
private func relax(_ pixels: inout [Float], _ width: Int, _ height: Int, at holes: [Int]) {
  guard !holes.isEmpty else { return }
  func sweep(_ i: Int, _ pixels: inout [Float]) {
    let (x, y) = (i % width, i / width)
    var (sum, count): (Float, Float) = (0, 0)
    if x > 0 { (sum, count) = (sum + pixels[i - 1], count + 1) }
    if x < width - 1 { (sum, count) = (sum + pixels[i + 1], count + 1) }
    if y > 0 { (sum, count) = (sum + pixels[i - width], count + 1) }
    if y < height - 1 { (sum, count) = (sum + pixels[i + width], count + 1) }
    if count > 0 { pixels[i] = sum / count }
  }
  for _ in 0..<10 {
    for i in holes { sweep(i, &pixels) }
    for i in holes.reversed() { sweep(i, &pixels) }
  }
}
