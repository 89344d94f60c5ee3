// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution of one plane.

internal import SkyGeometry

/// The sizes of the blocks that the innermost loops compute.
enum PlaneConvolution {
  /// Pixels of a row over which a varying kernel is one series.
  static let pieceWidth = 24
  /// Pixels of a row that a fixed kernel's loop computes.
  static let fixedWidth = 48
  static let rows = 2
  /// Rows that are computed before the loops go back to the left.
  static let bandHeight = 64
}

/// Convolves a plane.
///
/// - Parameter frame: the value where the kernel does not fit, or `nil` for that of the input.
/// - Returns: an image over the input's box.
func convolvedPlane(_ input: Image<Float>, good: Box2I, _ field: KernelField, frame: Float?) -> Image<Float> {
  let width = field.kernel.isVarying ? PlaneConvolution.pieceWidth : PlaneConvolution.fixedWidth
  let missing = (x: max(0, width - good.width), y: max(0, PlaneConvolution.rows - good.height))
  guard missing == (0, 0) else {
    // The loops compute whole blocks; a smaller image gets zeros on the right and above, and the surplus is cut off.
    var padded = Image<Float>(
      box: Box2I(
        minX: input.box.minX, minY: input.box.minY, width: input.width + missing.x, height: input.height + missing.y),
      fill: 0)
    padded.paste(input)
    let larger = Box2I(
      minX: good.minX, minY: good.minY, width: good.width + missing.x, height: good.height + missing.y)
    var result = frame.map { Image(box: input.box, fill: $0) } ?? input
    result.paste(convolvedBlocks(padded, good: larger, field, frame: nil).cropped(to: good))
    return result
  }
  return convolvedBlocks(input, good: good, field, frame: frame)
}

/// - Precondition: `good` holds at least one block.
private func convolvedBlocks(_ input: Image<Float>, good: Box2I, _ field: KernelField, frame: Float?) -> Image<Float> {
  Image(box: input.box) { output in
    _ = input.withUnsafePixels { source in
      fillFrame(of: output, input.box, good: good) { frame ?? source[$0] }
      let planes = ConvolvedPlanes(
        source: source, output: output + (good.minY - input.box.minY) * input.width + good.minX - input.box.minX,
        stride: input.width, good: good)
      if field.kernel.isVarying {
        convolveVarying(planes, field)
      } else {
        convolveFixed(planes, field)
      }
    }
  }
}

/// Writes a value by the pixel's index wherever the kernel does not fit.
func fillFrame<Pixel>(
  of output: UnsafeMutablePointer<Pixel>, _ box: Box2I, good: Box2I, _ value: (Int) -> Pixel
) {
  for y in box.minY..<box.endY {
    let start = (y - box.minY) * box.width
    guard y >= good.minY, y < good.endY else {
      for i in start..<start + box.width { output[i] = value(i) }
      continue
    }
    for i in start..<start + good.minX - box.minX { output[i] = value(i) }
    for i in start + good.endX - box.minX..<start + box.width { output[i] = value(i) }
  }
}

/// Where the loops read and write: two planes of one row length.
private struct ConvolvedPlanes {
  /// The input pixel under the kernel's first pixel for the first output pixel.
  let source: UnsafePointer<Float>
  /// The first output pixel.
  let output: UnsafeMutablePointer<Float>
  let stride: Int
  let good: Box2I
}

/// Starts of blocks that cover `length`; the last one is moved back to end with it, so its first pixels are computed again.
private func blockStarts(_ length: Int, block: Int) -> [Int] {
  stride(from: 0, to: length, by: block).map { min($0, length - block) }
}

private func convolveFixed(_ planes: ConvolvedPlanes, _ field: KernelField) {
  let (good, stride) = (planes.good, planes.stride)
  field.image(at: good.center).map { Float($0) }.withUnsafeBufferPointer { weights in
    guard let weights = weights.baseAddress else { return }
    for y in blockStarts(good.height, block: PlaneConvolution.rows) {
      for x in blockStarts(good.width, block: PlaneConvolution.fixedWidth) {
        convolveFixedBlock(
          planes.source + y * stride + x, stride, weights, kernelStride: field.kernel.width, field.supports[0],
          planes.output + y * stride + x, stride)
      }
    }
  }
}

private func convolveVarying(_ planes: ConvolvedPlanes, _ field: KernelField) {
  let (good, stride, width) = (planes.good, planes.stride, PlaneConvolution.pieceWidth)
  let (kernelWidth, kernelHeight) = (field.kernel.width, field.kernel.height)
  let factors = (0..<field.termCount).map { KernelField.chebyshevValues(term: $0) }
  var tables = KernelTables(field)
  // A kernel is used for all rows of a piece, so the loops run down the rows. Far down a large image that would miss the cache
  // at every step; a band of rows is copied side by side first and read from there.
  let bandHeight = PlaneConvolution.bandHeight
  let bandStride = good.width + kernelWidth - 1 + 16
  withUnsafeTemporaryAllocation(of: Float.self, capacity: (bandHeight + kernelHeight - 1) * bandStride) { memory in
    guard let band = memory.baseAddress else { return }
    for start in blockStarts(good.height, block: min(bandHeight, good.height)) {
      let count = min(bandHeight, good.height)
      for row in 0..<count + kernelHeight - 1 {
        (band + row * bandStride).update(
          from: planes.source + (start + row) * stride, count: good.width + kernelWidth - 1)
      }
      for x in blockStarts(good.width, block: width) {
        tables.begin(middle: Double(good.minX + x) + Double(width - 1) / 2)
        for y in blockStarts(count, block: PlaneConvolution.rows) {
          tables.prepare(rows: start + y..<start + y + PlaneConvolution.rows, origin: Double(good.minY))
          tables.withKernels { term, first, second in
            factors[term].withUnsafeBufferPointer { factors in
              convolveVaryingBlock(
                band + y * bandStride + x, bandStride, first, second, kernelStride: kernelWidth, field.supports[term],
                factors: term == 0 ? nil : factors.baseAddress, isAdded: term > 0,
                planes.output + (start + y) * stride + x, stride)
            }
          }
        }
      }
    }
  }
}
