// SPDX-License-Identifier: GPL-3.0-or-later
// The innermost loops of convolution.

// Twelve running sums of eight floats stay in registers: with four loads and two or four broadcast weights for twelve
// multiply-adds, the loops run at the core's multiply-add rate. Every weight is multiplied by the pixels of its own row alone,
// never by zero beyond it, so that NaN spreads no farther than the kernel reaches.

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
///   - weights: the kernel, row by row.
func convolveFixedBlock(
  _ source: UnsafePointer<Float>, _ stride: Int, _ weights: UnsafePointer<Float>, columns: Int, rows: Int,
  _ output: UnsafeMutablePointer<Float>, _ outputStride: Int
) {
  var (a0, a1, a2, a3, a4, a5) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  var (b0, b1, b2, b3, b4, b5) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())

  @inline(__always) func addToFirst(_ row: UnsafePointer<Float>, _ k: UnsafePointer<Float>) {
    for u in 0..<columns {
      let w = Lanes(repeating: k[u])
      a0.addProduct(w, load(row, u))
      a1.addProduct(w, load(row, u + 8))
      a2.addProduct(w, load(row, u + 16))
      a3.addProduct(w, load(row, u + 24))
      a4.addProduct(w, load(row, u + 32))
      a5.addProduct(w, load(row, u + 40))
    }
  }

  addToFirst(source, weights)
  for r in 1..<max(1, rows) {
    let row = source + r * stride
    let (k, l) = (weights + r * columns, weights + (r - 1) * columns)
    for u in 0..<columns {
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
  let (row, k) = (source + rows * stride, weights + (rows - 1) * columns)
  for u in 0..<columns {
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

/// A block of 24 pixels in two rows under two kernels at once, each times a factor a column.
///
/// - Parameters:
///   - source: the input pixel under the kernel's first pixel for the block's first output pixel.
///   - first: the two kernels of the block's first row; `second`: of its second row.
///   - factors: of each kernel at the 24 columns.
///   - isFirst: whether the output is written, or added to.
func convolveVaryingBlock(
  _ source: UnsafePointer<Float>, _ stride: Int, _ first: (UnsafePointer<Float>, UnsafePointer<Float>),
  _ second: (UnsafePointer<Float>, UnsafePointer<Float>), columns: Int, rows: Int, factors: ([Float], [Float]),
  isFirst: Bool, _ output: UnsafeMutablePointer<Float>, _ outputStride: Int
) {
  var (a0, a1, a2) = (Lanes(), Lanes(), Lanes())
  var (b0, b1, b2) = (Lanes(), Lanes(), Lanes())
  var (c0, c1, c2) = (Lanes(), Lanes(), Lanes())
  var (d0, d1, d2) = (Lanes(), Lanes(), Lanes())

  for u in 0..<columns {
    let (w, v) = (Lanes(repeating: first.0[u]), Lanes(repeating: first.1[u]))
    let (p0, p1, p2) = (load(source, u), load(source, u + 8), load(source, u + 16))
    a0.addProduct(w, p0)
    a1.addProduct(w, p1)
    a2.addProduct(w, p2)
    b0.addProduct(v, p0)
    b1.addProduct(v, p1)
    b2.addProduct(v, p2)
  }
  for r in 1..<max(1, rows) {
    let row = source + r * stride
    let (k0, k1) = (first.0 + r * columns, first.1 + r * columns)
    let (l0, l1) = (second.0 + (r - 1) * columns, second.1 + (r - 1) * columns)
    for u in 0..<columns {
      let (p0, p1, p2) = (load(row, u), load(row, u + 8), load(row, u + 16))
      let w = Lanes(repeating: k0[u])
      a0.addProduct(w, p0)
      a1.addProduct(w, p1)
      a2.addProduct(w, p2)
      let v = Lanes(repeating: k1[u])
      b0.addProduct(v, p0)
      b1.addProduct(v, p1)
      b2.addProduct(v, p2)
      let s = Lanes(repeating: l0[u])
      c0.addProduct(s, p0)
      c1.addProduct(s, p1)
      c2.addProduct(s, p2)
      let t = Lanes(repeating: l1[u])
      d0.addProduct(t, p0)
      d1.addProduct(t, p1)
      d2.addProduct(t, p2)
    }
  }
  let row = source + rows * stride
  let (l0, l1) = (second.0 + (rows - 1) * columns, second.1 + (rows - 1) * columns)
  for u in 0..<columns {
    let (s, t) = (Lanes(repeating: l0[u]), Lanes(repeating: l1[u]))
    let (p0, p1, p2) = (load(row, u), load(row, u + 8), load(row, u + 16))
    c0.addProduct(s, p0)
    c1.addProduct(s, p1)
    c2.addProduct(s, p2)
    d0.addProduct(t, p0)
    d1.addProduct(t, p1)
    d2.addProduct(t, p2)
  }

  factors.0.withUnsafeBufferPointer { f in
    factors.1.withUnsafeBufferPointer { g in
      guard let f = f.baseAddress, let g = g.baseAddress else { return }
      @inline(__always) func finish(_ x: Lanes, _ y: Lanes, _ target: UnsafeMutablePointer<Float>, _ column: Int) {
        let sum = x * load(f, column) + y * load(g, column)
        store(isFirst ? sum : sum + load(target, column), target, column)
      }
      finish(a0, b0, output, 0)
      finish(a1, b1, output, 8)
      finish(a2, b2, output, 16)
      let below = output + outputStride
      finish(c0, d0, below, 0)
      finish(c1, d1, below, 8)
      finish(c2, d2, below, 16)
    }
  }
}
