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
    for i in image.pixels.indices {
      guard mask.bits.pixels[i] & pattern != 0 || !image.pixels[i].isFinite else { continue }
      holes.append(i)
      if !(variance.pixels[i] > 0 && variance.pixels[i].isFinite) { gaps.append(i) }
    }
    guard !holes.isEmpty else { return 0 }
    try update { image, mask, variance throws(ImagingError) in
      let interpolated = try mask.addPlane("INTRP")
      image = try filled(image, at: holes)
      if !gaps.isEmpty { variance = try filled(variance, at: gaps) }
      var bits = mask.bits.pixels
      for i in holes { bits[i] |= interpolated }
      mask.bits = try Image(box: mask.box, pixels: bits)
    }
    return holes.count
  }
}

/// The image with some pixels, given in ascending order, replaced.
private func filled(_ image: Image<Float>, at holes: [Int]) throws(ImagingError) -> Image<Float> {
  var pixels = image.pixels
  for i in holes { pixels[i] = .nan }
  var (width, height) = (image.width, image.height)
  // Coarser and coarser, until no hole is left.
  var levels: [(pixels: [Float], width: Int, height: Int)] = [(pixels, width, height)]
  while let last = levels.last, last.pixels.contains(where: { !$0.isFinite }), last.width > 1 || last.height > 1 {
    levels.append(coarser(last.pixels, last.width, last.height))
  }
  guard var top = levels.popLast() else { return image }
  for i in top.pixels.indices where !top.pixels[i].isFinite { top.pixels[i] = 0 }
  while var level = levels.popLast() {
    let coarse = top
    var open: [Int] = []
    for i in level.pixels.indices where !level.pixels[i].isFinite {
      level.pixels[i] = interpolated(coarse, x: i % level.width, y: i / level.width)
      open.append(i)
    }
    relax(&level.pixels, level.width, level.height, at: open)
    top = level
  }
  (width, height) = (top.width, top.height)
  return try Image(box: image.box, pixels: top.pixels)
}

/// Means of the finite ones of two by two pixels; NaN of none.
private func coarser(_ pixels: [Float], _ width: Int, _ height: Int) -> (pixels: [Float], width: Int, height: Int) {
  let (columns, rows) = ((width + 1) / 2, (height + 1) / 2)
  var result: [Float] = []
  result.reserveCapacity(columns * rows)
  for j in 0..<rows {
    for i in 0..<columns {
      var (sum, count): (Float, Float) = (0, 0)
      for y in 2 * j..<min(2 * j + 2, height) {
        for x in 2 * i..<min(2 * i + 2, width) where pixels[y * width + x].isFinite {
          sum += pixels[y * width + x]
          count += 1
        }
      }
      result.append(count > 0 ? sum / count : .nan)
    }
  }
  return (result, columns, rows)
}

/// The value of a coarser level at a pixel, between the four nearest of its pixels.
private func interpolated(_ coarse: (pixels: [Float], width: Int, height: Int), x: Int, y: Int) -> Float {
  // A coarse pixel's centre lies between the two that it is of.
  let (i, j) = (x / 2, y / 2)
  let (u, v) = (
    min(max(x % 2 == 0 ? i - 1 : i + 1, 0), coarse.width - 1),
    min(max(y % 2 == 0 ? j - 1 : j + 1, 0), coarse.height - 1)
  )
  func value(_ a: Int, _ b: Int) -> Float { coarse.pixels[b * coarse.width + a] }
  return 0.5625 * value(i, j) + 0.1875 * (value(u, j) + value(i, v)) + 0.0625 * value(u, v)
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
