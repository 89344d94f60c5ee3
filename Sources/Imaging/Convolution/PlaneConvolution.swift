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
}

/// Convolves a plane where the whole kernel fits.
///
/// - Returns: an image over `good`.
func convolvedPlane(_ input: Image<Float>, good: Box2I, _ field: KernelField) throws(ImagingError) -> Image<Float> {
  let width = field.termCount == 1 ? PlaneConvolution.fixedWidth : PlaneConvolution.pieceWidth
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
    return convolvedBlocks(padded, good: larger, field).cropped(to: good)
  }
  return convolvedBlocks(input, good: good, field)
}

/// - Precondition: `good` holds at least one block.
private func convolvedBlocks(_ input: Image<Float>, good: Box2I, _ field: KernelField) -> Image<Float> {
  Image(box: good) { output in
    _ = input.withUnsafePixels { source in
      if field.termCount == 1 {
        convolveFixed(source, stride: input.width, field, output, good)
      } else {
        convolveVarying(source, stride: input.width, field, output, good)
      }
    }
  }
}

/// Starts of blocks that cover `length`; the last one is moved back to end with it, so its first pixels are computed again.
private func blockStarts(_ length: Int, block: Int) -> [Int] {
  stride(from: 0, to: length, by: block).map { min($0, length - block) }
}

private func convolveFixed(
  _ source: UnsafePointer<Float>, stride: Int, _ field: KernelField, _ output: UnsafeMutablePointer<Float>, _ good: Box2I
) {
  let kernel = field.series(middle: good.center.x, row: good.center.y)[0].map { Float($0) }
  kernel.withUnsafeBufferPointer { weights in
    guard let weights = weights.baseAddress else { return }
    for y in blockStarts(good.height, block: PlaneConvolution.rows) {
      for x in blockStarts(good.width, block: PlaneConvolution.fixedWidth) {
        convolveFixedBlock(
          source + y * stride + x, stride, weights, columns: field.kernel.width, rows: field.kernel.height,
          output + y * good.width + x, good.width)
      }
    }
  }
}

private func convolveVarying(
  _ source: UnsafePointer<Float>, stride: Int, _ field: KernelField, _ output: UnsafeMutablePointer<Float>, _ good: Box2I
) {
  let width = PlaneConvolution.pieceWidth
  let size = field.kernel.width * field.kernel.height
  // Terms are computed in pairs; an odd last one has a partner of zeros.
  let pairs = (field.termCount + 1) / 2
  let values = (0..<2 * pairs).map { KernelField.chebyshevValues(term: $0) }
  var tables = KernelTables(terms: 2 * pairs, size: size)
  let blockRows = blockStarts(good.height, block: PlaneConvolution.rows)
  for x in blockStarts(good.width, block: width) {
    let middle = Double(good.minX + x) + Double(width - 1) / 2
    tables.begin()
    for y in blockRows {
      tables.prepare(rows: y..<y + PlaneConvolution.rows, step: field.rowStep) { row in
        field.series(middle: middle, row: Double(good.minY) + row)
      }
      for pair in 0..<pairs {
        tables.withRows(pair: pair) { first, second in
          convolveVaryingBlock(
            source + y * stride + x, stride, first, second, columns: field.kernel.width, rows: field.kernel.height,
            factors: (values[2 * pair], values[2 * pair + 1]), isFirst: pair == 0, output + y * good.width + x,
            good.width)
        }
      }
    }
  }
}

/// The kernels of the two rows of a block, interpolated between rows where the series is known.
private struct KernelTables {
  private let terms: Int
  private let size: Int
  /// Values at the first row of the current step and their change a row, by term.
  private var base: [Float]
  private var slope: [Float]
  /// The two rows' kernels, by row and term.
  private var current: [Float]
  /// Rows of the current step.
  private var span = 0..<0
  private var end: [[Double]] = []

  init(terms: Int, size: Int) {
    self.terms = terms
    self.size = size
    base = [Float](repeating: 0, count: terms * size)
    slope = base
    current = [Float](repeating: 0, count: PlaneConvolution.rows * terms * size)
  }

  /// Forgets the last piece's kernels.
  mutating func begin() {
    span = 0..<0
    end = []
  }

  mutating func prepare(rows: Range<Int>, step: Int, series: (Double) -> [[Double]]) {
    for (index, row) in rows.enumerated() {
      while !span.contains(row) { advance(to: row, step: step, series) }
      let distance = Float(row - span.lowerBound)
      let start = index * terms * size
      current.withUnsafeMutableBufferPointer { out in
        base.withUnsafeBufferPointer { base in
          slope.withUnsafeBufferPointer { slope in
            for i in 0..<terms * size { out[start + i] = base[i] + distance * slope[i] }
          }
        }
      }
    }
  }

  private mutating func advance(to row: Int, step: Int, _ series: (Double) -> [[Double]]) {
    // Blocks may step back at the end of the image; steps are counted from row 0 so that they are the same either way.
    let first = row / step * step
    let low = first == span.upperBound && !end.isEmpty ? end : series(Double(first))
    let high = series(Double(first + step))
    for (t, (a, b)) in zip(low, high).enumerated() {
      for i in 0..<size {
        base[t * size + i] = Float(a[i])
        slope[t * size + i] = Float((b[i] - a[i]) / Double(step))
      }
    }
    span = first..<first + step
    end = high
  }

  /// Pointers to the two kernels of a pair of terms, for each of the two rows.
  func withRows(
    pair: Int, _ body: (_ first: (UnsafePointer<Float>, UnsafePointer<Float>), _ second: (UnsafePointer<Float>, UnsafePointer<Float>)) -> Void
  ) {
    current.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      let first = start + 2 * pair * size
      let second = first + terms * size
      body((first, first + size), (second, second + size))
    }
  }
}
