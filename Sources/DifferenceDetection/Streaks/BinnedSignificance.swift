// SPDX-License-Identifier: GPL-3.0-or-later
// Square blocks of pixels, in units of their noise.

internal import Imaging
internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Numbers of blocks, row by row.
struct BlockPlane {
  /// Pixels of a block along an axis.
  let side: Int
  let width: Int
  let height: Int
  let values: [Float]

  /// The same with rows and columns exchanged.
  var transposed: BlockPlane {
    var result = [Float](repeating: 0, count: values.count)
    var target = result.mutableSpan
    let source = values.span
    // In squares, so that both sides stay near in memory.
    let step = 16
    for j in stride(from: 0, to: height, by: step) {
      for i in stride(from: 0, to: width, by: step) {
        for y in j..<min(j + step, height) {
          for x in i..<min(i + step, width) { target[x * height + y] = source[y * width + x] }
        }
      }
    }
    return BlockPlane(side: side, width: height, height: width, values: result)
  }
}

/// Square blocks of pixels: the mean of the good ones of each in units of its standard deviation; NaN without any.
struct BinnedSignificance {
  let plane: BlockPlane

  /// What a block counts at most as it is, in standard deviations, up or down.
  private static let limit: Float = 3

  /// - Parameters:
  ///   - side: 1 at least.
  ///   - bad: pixels with any of these bits do not count, nor do those whose value or variance is not finite, or whose variance is not positive.
  init(_ image: MaskedImage, side: Int, bad: UInt32) {
    let (width, height) = (blockCount(image.width, side), blockCount(image.height, side))
    var values: [Float] = []
    values.reserveCapacity(width * height)
    // Sums down the columns first, which goes many pixels at a time.
    var sums = [Float](repeating: 0, count: image.width)
    var variances = sums
    for j in 0..<height {
      for i in sums.indices { (sums[i], variances[i]) = (0, 0) }
      for y in side * j..<min(side * j + side, image.height) {
        let row = image.box.minY + y
        let (pixels, own, bits) = (image.image.row(row), image.variance.row(row), image.mask.bits.row(row))
        addGood(pixels, own, bits, bad: bad, to: &sums, &variances)
      }
      for i in 0..<width {
        var (sum, variance): (Float, Float) = (0, 0)
        for x in side * i..<min(side * i + side, image.width) {
          sum += sums[x]
          variance += variances[x]
        }
        let value = sum / variance.squareRoot()
        values.append(value.isFinite ? value : .nan)
      }
    }
    plane = BlockPlane(side: side, width: width, height: height, values: values)
  }

  /// The blocks held within ±3, so that a bright star counts no more along a line than some faint pixels do; 0 without a value.
  var limited: BlockPlane {
    let values = plane.values.map { $0.isNaN ? 0 : min(max($0, -Self.limit), Self.limit) }
    return BlockPlane(side: plane.side, width: plane.width, height: plane.height, values: values)
  }

  /// Medians of four by four blocks in units of their noise, beyond ±3 their logarithm: stars are gone, and what is as wide as a large
  /// block has its ridge where it is brightest, however bright; 0 with fewer than four values.
  var wide: BlockPlane {
    let factor = 4
    let (width, height) = (blockCount(plane.width, factor), blockCount(plane.height, factor))
    var values: [Float] = []
    values.reserveCapacity(width * height)
    var own = [Float](repeating: 0, count: factor * factor)
    for j in 0..<height {
      for i in 0..<width {
        var count = 0
        for y in factor * j..<min(factor * j + factor, plane.height) {
          for x in factor * i..<min(factor * i + factor, plane.width) {
            let value = plane.values[y * plane.width + x]
            if !value.isNaN { (own[count], count) = (value, count + 1) }
          }
        }
        // A median's standard deviation is 1.2533 times that of a mean.
        let value = median(ofFirst: count, in: &own, from: 0) * Float(count).squareRoot() / 1.2533
        let size = abs(value)
        let held = size > Self.limit ? Self.limit * (1 + log(size / Self.limit)) : size
        values.append(count < factor ? 0 : value < 0 ? -held : held)
      }
    }
    return BlockPlane(side: plane.side * factor, width: width, height: height, values: values)
  }
}

/// How many blocks it takes to cover a length.
private func blockCount(_ length: Int, _ side: Int) -> Int { length / side + (length % side > 0 ? 1 : 0) }

private func addGood(
  _ pixels: Span<Float>, _ own: Span<Float>, _ bits: Span<UInt32>, bad: UInt32, to sums: inout [Float],
  _ variances: inout [Float]
) {
  let count = sums.count
  pixels.withUnsafeBufferPointer { pixels in
    own.withUnsafeBufferPointer { own in
      bits.withUnsafeBufferPointer { bits in
        sums.withUnsafeMutableBufferPointer { sums in
          variances.withUnsafeMutableBufferPointer { variances in
            for i in 0..<count {
              let isGood = bits[i] & bad == 0 && abs(pixels[i]) < .infinity && own[i] > 0 && own[i] < .infinity
              sums[i] += isGood ? pixels[i] : 0
              variances[i] += isGood ? own[i] : 0
            }
          }
        }
      }
    }
  }
}
