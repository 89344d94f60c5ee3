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
/// - Parameters:
///   - part: what is wanted, within the input's box.
///   - good: the pixels of `part` that have the whole kernel within the input.
///   - frame: the value where the kernel does not fit, or `nil` for that of the input.
/// - Returns: an image over `part`.
func convolvedPlane(
  _ input: Image<Float>, over part: Box2I, good: Box2I, _ field: KernelField, frame: Float?
) -> Image<Float> {
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
    var result = frame.map { Image(box: part, fill: $0) } ?? input.cropped(to: part)
    result.paste(convolvedBlocks(padded, over: padded.box, good: larger, field, frame: nil).cropped(to: good))
    return result
  }
  return convolvedBlocks(input, over: part, good: good, field, frame: frame)
}

/// - Precondition: `good` holds at least one block.
private func convolvedBlocks(
  _ input: Image<Float>, over part: Box2I, good: Box2I, _ field: KernelField, frame: Float?
) -> Image<Float> {
  let whole = field.kernel.goodRegion(of: input.box)
  return Image(box: part) { output in
    _ = input.withUnsafePixels { source in
      let origin = source + (part.minY - input.box.minY) * input.width + part.minX - input.box.minX
      fillFrame(of: output, part, good: good) { x, y in frame ?? origin[y * input.width + x] }
      let planes = ConvolvedPlanes(
        source: source + (good.minY - whole.minY) * input.width + good.minX - whole.minX, sourceStride: input.width,
        output: output + (good.minY - part.minY) * part.width + good.minX - part.minX, outputStride: part.width,
        good: good)
      if field.kernel.isVarying {
        convolveVarying(planes, field)
      } else {
        convolveFixed(planes, field)
      }
    }
  }
}

/// Writes a value by the pixel's column and row, counted from the box's first, wherever the kernel does not fit.
func fillFrame<Pixel>(
  of output: UnsafeMutablePointer<Pixel>, _ box: Box2I, good: Box2I, _ value: (_ x: Int, _ y: Int) -> Pixel
) {
  for y in 0..<box.height {
    let row = output + y * box.width
    guard y + box.minY >= good.minY, y + box.minY < good.endY else {
      for x in 0..<box.width { row[x] = value(x, y) }
      continue
    }
    for x in 0..<good.minX - box.minX { row[x] = value(x, y) }
    for x in good.endX - box.minX..<box.width { row[x] = value(x, y) }
  }
}

/// Where the loops read and write.
private struct ConvolvedPlanes {
  /// The input pixel under the kernel's first pixel for the first output pixel.
  let source: UnsafePointer<Float>
  let sourceStride: Int
  /// The first output pixel.
  let output: UnsafeMutablePointer<Float>
  let outputStride: Int
  let good: Box2I
}

/// Starts of blocks that cover `length`; the last one is moved back to end with it, so its first pixels are computed again.
private func blockStarts(_ length: Int, block: Int) -> [Int] {
  stride(from: 0, to: length, by: block).map { min($0, length - block) }
}

private func convolveFixed(_ planes: ConvolvedPlanes, _ field: KernelField) {
  let (good, stride) = (planes.good, planes.sourceStride)
  field.image(at: good.center).map { Float($0) }.withUnsafeBufferPointer { weights in
    guard let weights = weights.baseAddress else { return }
    for y in blockStarts(good.height, block: PlaneConvolution.rows) {
      for x in blockStarts(good.width, block: PlaneConvolution.fixedWidth) {
        convolveFixedBlock(
          planes.source + y * stride + x, stride, weights, kernelStride: field.kernel.width, field.supports[0],
          planes.output + y * planes.outputStride + x, planes.outputStride)
      }
    }
  }
}

private func convolveVarying(_ planes: ConvolvedPlanes, _ field: KernelField) {
  let (good, stride, width) = (planes.good, planes.sourceStride, PlaneConvolution.pieceWidth)
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
                planes.output + (start + y) * planes.outputStride + x, planes.outputStride)
            }
          }
        }
      }
    }
  }
}
