// SPDX-License-Identifier: GPL-3.0-or-later
// The innermost loops of convolution.

// Twelve running sums of eight floats stay in registers, and every load serves two multiply-adds or more: the loops run at the
// core's multiply-add rate. The first and the last row of pixels belong to one of the two
// output rows alone and have loops of their own: a weight of zero instead would spread NaN farther than the kernel reaches.

private typealias Lanes = SIMD8<Float>

@inline(__always)
private func load(_ pointer: UnsafePointer<Float>, _ offset: Int) -> Lanes {
  UnsafeRawPointer(pointer + offset).loadUnaligned(as: Lanes.self)
}

@inline(__always)
private func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Float>, _ offset: Int) {
  UnsafeMutableRawPointer(pointer + offset).storeBytes(of: value, as: Lanes.self)
}

/// A block of 48 pixels in two rows under one kernel.
///
/// - Parameters:
///   - source: the input pixel under the kernel's first pixel for the block's first output pixel.
///   - weights: the kernel, row by row, `kernelStride` from one to the next.
///   - support: which of the kernel's pixels are used.
func convolveFixedBlock(
  _ source: UnsafePointer<Float>, _ stride: Int, _ weights: UnsafePointer<Float>, kernelStride: Int,
  _ support: KernelSupport, _ output: UnsafeMutablePointer<Float>, _ outputStride: Int
) {
  let (columns, top, end) = (support.columns, support.rows.lowerBound, support.rows.upperBound)
  var (a0, a1, a2, a3, a4, a5) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  var (b0, b1, b2, b3, b4, b5) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())

  @inline(__always) func addToFirst(_ row: UnsafePointer<Float>, _ k: UnsafePointer<Float>) {
    for u in columns {
      let w = Lanes(repeating: k[u])
      a0.addProduct(w, load(row, u))
      a1.addProduct(w, load(row, u + 8))
      a2.addProduct(w, load(row, u + 16))
      a3.addProduct(w, load(row, u + 24))
      a4.addProduct(w, load(row, u + 32))
      a5.addProduct(w, load(row, u + 40))
    }
  }

  addToFirst(source + top * stride, weights + top * kernelStride)
  for r in top + 1..<max(top + 1, end) {
    let row = source + r * stride
    let (k, l) = (weights + r * kernelStride, weights + (r - 1) * kernelStride)
    for u in columns {
      let (w, v) = (Lanes(repeating: k[u]), Lanes(repeating: l[u]))
      let (p0, p1, p2) = (load(row, u), load(row, u + 8), load(row, u + 16))
      a0.addProduct(w, p0)
      b0.addProduct(v, p0)
      a1.addProduct(w, p1)
      b1.addProduct(v, p1)
      a2.addProduct(w, p2)
      b2.addProduct(v, p2)
      let (p3, p4, p5) = (load(row, u + 24), load(row, u + 32), load(row, u + 40))
      a3.addProduct(w, p3)
      b3.addProduct(v, p3)
      a4.addProduct(w, p4)
      b4.addProduct(v, p4)
      a5.addProduct(w, p5)
      b5.addProduct(v, p5)
    }
  }
  let (row, k) = (source + end * stride, weights + (end - 1) * kernelStride)
  for u in columns {
    let w = Lanes(repeating: k[u])
    b0.addProduct(w, load(row, u))
    b1.addProduct(w, load(row, u + 8))
    b2.addProduct(w, load(row, u + 16))
    b3.addProduct(w, load(row, u + 24))
    b4.addProduct(w, load(row, u + 32))
    b5.addProduct(w, load(row, u + 40))
  }
  store(a0, output, 0)
  store(a1, output, 8)
  store(a2, output, 16)
  store(a3, output, 24)
  store(a4, output, 32)
  store(a5, output, 40)
  let below = output + outputStride
  store(b0, below, 0)
  store(b1, below, 8)
  store(b2, below, 16)
  store(b3, below, 24)
  store(b4, below, 32)
  store(b5, below, 40)
}

/// A block of 24 pixels in two rows, each under its own kernel, times a factor a column.
///
/// Even and odd rows of pixels have sums of their own: six sums would not fill the multiply-adders.
///
/// - Parameters:
///   - source: the input pixel under the kernel's first pixel for the block's first output pixel.
///   - first: the kernel of the first row, `kernelStride` from one of its rows to the next; `second`: of the second row.
///   - support: which of the kernels' pixels are used.
///   - factors: at the 24 columns; 1 when `nil`.
///   - isAdded: whether the output is added to, or written.
func convolveVaryingBlock(
  _ source: UnsafePointer<Float>, _ stride: Int, _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>,
  kernelStride: Int, _ support: KernelSupport, factors: UnsafePointer<Float>?, isAdded: Bool,
  _ output: UnsafeMutablePointer<Float>, _ outputStride: Int
) {
  var (a0, a1, a2, b0, b1, b2) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  var (c0, c1, c2, d0, d1, d2) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  let (columns, top, end) = (support.columns, support.rows.lowerBound, support.rows.upperBound)

  var row = source + top * stride
  var k = first + top * kernelStride
  for u in columns {
    let w = Lanes(repeating: k[u])
    a0.addProduct(w, load(row, u))
    a1.addProduct(w, load(row, u + 8))
    a2.addProduct(w, load(row, u + 16))
  }
  // From here on a row of pixels belongs to row r of the first kernel and to row r - 1 of the second.
  var l = second + top * kernelStride
  row += stride
  k += kernelStride
  var rest = end - top - 1
  while rest >= 2 {
    let (nextRow, nextK, nextL) = (row + stride, k + kernelStride, l + kernelStride)
    for u in columns {
      let (p0, p1, p2) = (load(row, u), load(row, u + 8), load(row, u + 16))
      let w = Lanes(repeating: k[u])
      a0.addProduct(w, p0)
      a1.addProduct(w, p1)
      a2.addProduct(w, p2)
      let v = Lanes(repeating: l[u])
      b0.addProduct(v, p0)
      b1.addProduct(v, p1)
      b2.addProduct(v, p2)
      let (q0, q1, q2) = (load(nextRow, u), load(nextRow, u + 8), load(nextRow, u + 16))
      let s = Lanes(repeating: nextK[u])
      c0.addProduct(s, q0)
      c1.addProduct(s, q1)
      c2.addProduct(s, q2)
      let t = Lanes(repeating: nextL[u])
      d0.addProduct(t, q0)
      d1.addProduct(t, q1)
      d2.addProduct(t, q2)
    }
    row = nextRow + stride
    k = nextK + kernelStride
    l = nextL + kernelStride
    rest -= 2
  }
  if rest == 1 {
    for u in columns {
      let (p0, p1, p2) = (load(row, u), load(row, u + 8), load(row, u + 16))
      let (w, v) = (Lanes(repeating: k[u]), Lanes(repeating: l[u]))
      a0.addProduct(w, p0)
      a1.addProduct(w, p1)
      a2.addProduct(w, p2)
      b0.addProduct(v, p0)
      b1.addProduct(v, p1)
      b2.addProduct(v, p2)
    }
    row += stride
    l += kernelStride
  }
  for u in columns {
    let w = Lanes(repeating: l[u])
    b0.addProduct(w, load(row, u))
    b1.addProduct(w, load(row, u + 8))
    b2.addProduct(w, load(row, u + 16))
  }

  @inline(__always) func write(_ sum: Lanes, _ target: UnsafeMutablePointer<Float>, _ column: Int) {
    let scaled = factors.map { sum * load($0, column) } ?? sum
    store(isAdded ? scaled + load(target, column) : scaled, target, column)
  }
  write(a0 + c0, output, 0)
  write(a1 + c1, output, 8)
  write(a2 + c2, output, 16)
  let below = output + outputStride
  write(b0 + d0, below, 0)
  write(b1 + d1, below, 8)
  write(b2 + d2, below, 16)
}
