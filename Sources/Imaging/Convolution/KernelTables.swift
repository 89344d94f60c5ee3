// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels that the innermost loops of a varying convolution read.

internal import SkyGeometry

/// The kernels of the two rows of a block, interpolated between rows where the series is known.
struct KernelTables {
  private let field: KernelField
  private let size: Int
  private var middle = 0.0
  /// The series at the first row of the current step and at the first row of the next, by term.
  private var low: [Double]
  private var high: [Double]
  /// The first as float32, and its change a row.
  private var base: [Float]
  private var slope: [Float]
  /// The two rows' kernels, by row and term.
  private var current: [Float]
  /// Rows of the current step.
  private var span = 0..<0

  init(_ field: KernelField) {
    self.field = field
    size = field.kernel.width * field.kernel.height
    low = [Double](repeating: 0, count: field.termCount * size)
    high = low
    base = [Float](repeating: 0, count: field.termCount * size)
    slope = base
    current = [Float](repeating: 0, count: PlaneConvolution.rows * field.termCount * size)
  }

  /// Goes to another piece of the rows.
  mutating func begin(middle: Double) {
    self.middle = middle
    span = 0..<0
  }

  /// Interpolates the kernels of two rows, counted from `origin`.
  mutating func prepare(rows: Range<Int>, origin: Double) {
    let (count, width) = (field.termCount * size, field.kernel.width)
    for (index, row) in rows.enumerated() {
      if !span.contains(row) { advance(to: row, origin: origin) }
      let distance = Float(row - span.lowerBound)
      current.withUnsafeMutableBufferPointer { current in
        base.withUnsafeBufferPointer { base in
          slope.withUnsafeBufferPointer { slope in
            guard let out = current.baseAddress, let base = base.baseAddress, let slope = slope.baseAddress else {
              return
            }
            let target = out + index * count
            for (term, support) in field.supports.enumerated() {
              let start = term * size
              for i in start + support.rows.lowerBound * width..<start + support.rows.upperBound * width {
                target[i] = base[i] + distance * slope[i]
              }
            }
          }
        }
      }
    }
  }

  private mutating func advance(to row: Int, origin: Double) {
    // Blocks may step back at the end of the image; steps are counted from row 0 so that they are the same either way.
    let step = field.rowStep
    let first = row / step * step
    if !span.isEmpty, first == span.upperBound {
      swap(&low, &high)
    } else {
      field.evaluateSeries(middle: middle, row: origin + Double(first), into: &low)
    }
    // Beyond the last row the kernel is none of our business, and a normalised one may not exist.
    let last = max(first + 1, min(first + step, field.region.height - 1))
    field.evaluateSeries(middle: middle, row: origin + Double(last), into: &high)
    let perRow = 1 / Double(last - first)
    for i in low.indices {
      base[i] = Float(low[i])
      slope[i] = Float((high[i] - low[i]) * perRow)
    }
    span = first..<first + step
  }

  /// Hands over each term's kernels of the two rows.
  func withKernels(_ body: (_ term: Int, _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>) -> Void) {
    current.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for term in 0..<field.termCount {
        let first = start + term * size
        body(term, first, first + field.termCount * size)
      }
    }
  }
}
