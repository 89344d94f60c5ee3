// SPDX-License-Identifier: GPL-3.0-or-later
// Which mask bits reach a convolved pixel.

internal import SkyGeometry

/// The bits of all input pixels under a kernel's pixels that are not exactly zero or, with a fraction, under those that are not among the faintest of its pixels.
///
/// - Parameters:
///   - fraction: what the faintest pixels, under which a bit goes no further, may have together of Σ |K|.
///   - frame: the bits where the kernel does not fit, or `nil` for those of the input.
///   - edge: bits that are set there besides.
/// - Returns: an image over `part`, of which the kernel fits on `good`.
func spreadMask(
  _ bits: Image<UInt32>, by kernel: Kernel, over part: Box2I, good: Box2I, frame: UInt32?, edge: UInt32,
  leaving fraction: Double = 0
) -> Image<UInt32> {
  let isUsed = fraction > 0 ? kernel.support(over: part, leaving: fraction) : kernel.support
  if isUsed.allSatisfy({ $0 }) {
    return runningOr(
      bits, width: kernel.width, height: kernel.height, over: part, good: good, frame: frame, edge: edge)
  }
  var result = bits.cropped(to: part).map { (frame ?? $0) | edge }
  let columns = good.minX - part.minX..<good.endX - part.minX
  let shift = part.minX - bits.box.minX - kernel.centerX
  for y in good.minY..<good.endY {
    result.withMutableRow(y) { row in
      for i in columns { row[i] = 0 }
      for v in 0..<kernel.height {
        let source = bits.row(y - kernel.centerY + v)
        for u in 0..<kernel.width where isUsed[v * kernel.width + u] {
          for i in columns { row[i] |= source[i + shift + u] }
        }
      }
    }
  }
  return result
}

/// The OR over the rectangle of `width` by `height` pixels about each pixel of `good`, as far as it reaches to its sides.
///
/// Along rows by doubling: after shifts of 1, 2, 4, … a value is the OR of its neighbours. Along columns by van Herk's method: the
/// rows come in groups of `height`, and any window is the end of one group and the beginning of the next. Three ORs a pixel,
/// whatever the height, and a few rows of memory. (van Herk 1992, Pattern Recognition Letters 13, 517)
///
/// - Returns: an image over `part`; `frame` and `edge` as for ``spreadMask(_:by:over:good:frame:edge:)``.
func runningOr(
  _ bits: Image<UInt32>, width: Int, height: Int, over part: Box2I, good: Box2I, frame: UInt32?, edge: UInt32
) -> Image<UInt32> {
  let whole = bits.box.goodRegion(kernelWidth: width, kernelHeight: height)
  let reach = good.width + width - 1
  let shifts = doublingShifts(width)
  return Image(box: part) { output in
    _ = bits.withUnsafePixels { source in
      let origin = source + (part.minY - bits.box.minY) * bits.width + part.minX - bits.box.minX
      fillFrame(of: output, part, good: good) { x, y in (frame ?? origin[y * bits.width + x]) | edge }
      // The input pixel under the first pixel of the first window.
      let corner = source + (good.minY - whole.minY) * bits.width + good.minX - whole.minX
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: (height + 1) * reach) { memory in
        guard let group = memory.baseAddress else { return }
        let prefix = group + height * reach

        /// The ORs along one input row.
        func spreadAlong(_ row: Int, into target: UnsafeMutablePointer<UInt32>) {
          target.update(from: corner + row * bits.width, count: reach)
          for shift in shifts {
            for i in 0..<reach - shift { target[i] |= target[i + shift] }
          }
        }

        var first = output + (good.minY - part.minY) * part.width + good.minX - part.minX
        for start in Swift.stride(from: 0, to: good.height, by: height) {
          // The group's rows: each becomes the OR of itself and all later ones.
          for index in (0..<height).reversed() {
            let own = group + index * reach
            spreadAlong(start + index, into: own)
            guard index + 1 < height else { continue }
            let later = own + reach
            for i in 0..<good.width { own[i] |= later[i] }
          }
          prefix.update(repeating: 0, count: reach)
          let count = min(height, good.height - start)
          for index in 0..<count {
            let own = group + index * reach
            for i in 0..<good.width { first[i] = own[i] | prefix[i] }
            first += part.width
            // The next window reaches one row farther into the next group; the memory of this row is free now.
            guard index + 1 < count else { continue }
            spreadAlong(start + index + height, into: own)
            for i in 0..<good.width { prefix[i] |= own[i] }
          }
        }
      }
    }
  }
}

/// Shifts whose successive ORs reach exactly `length` neighbours: 1, 2, 4, … and what is left.
private func doublingShifts(_ length: Int) -> [Int] {
  var shifts: [Int] = []
  var reached = 1
  while reached < length {
    let shift = min(reached, length - reached)
    shifts.append(shift)
    reached += shift
  }
  return shifts
}

extension Kernel {
  /// Pixels that are not zero everywhere.
  fileprivate var support: [Bool] { (0..<width * height).map { i in planes.contains { $0.pixels[i] != 0 } } }

  /// All pixels but the faintest that have together at most a fraction of Σ |K|, wherever on a grid over a box it is looked at.
  fileprivate func support(over box: Box2I, leaving fraction: Double) -> [Bool] {
    let steps = isVarying ? [0.0, 0.25, 0.5, 0.75, 1] : [0.5]
    let images = steps.flatMap { v in
      steps.map { u in
        image(
          at: Point2D(
            x: Double(box.minX) + u * Double(box.width - 1), y: Double(box.minY) + v * Double(box.height - 1)))
      }
    }
    let sums = images.map { $0.pixels.reduce(0) { $0 + abs($1) } }
    var brightest = [Double](repeating: 0, count: width * height)
    for (image, sum) in zip(images, sums) where sum > 0 {
      for (i, value) in image.pixels.enumerated() { brightest[i] = max(brightest[i], abs(value) / sum) }
    }
    var (isUsed, left) = (support, 0.0)
    for i in brightest.indices.sorted(by: { (brightest[$0], $0) < (brightest[$1], $1) }) {
      left += brightest[i]
      guard left <= fraction else { break }
      isUsed[i] = false
    }
    return isUsed
  }
}
