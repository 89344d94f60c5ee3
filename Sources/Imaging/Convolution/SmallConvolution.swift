// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of products over small images, in float64.

package import SkyGeometry

// Six running sums of four stay in registers while the weights go by: no sum is stored before it is complete.

private typealias Lanes = SIMD4<Double>

/// How many outputs one call makes, and how far it may read and write beyond a row.
let smallBlockWidth = 24

/// 24 neighbouring outputs: Σ weights[r, u] · source[r · rowStride + u · step + x] for x from 0 to 23.
@inline(__always)
func smallBlock(
  _ source: UnsafePointer<Double>, rowStride: Int, step: Int, _ weights: UnsafePointer<Double>, rows: Int,
  columns: Int, _ output: UnsafeMutablePointer<Double>
) {
  var (a, b, c) = (Lanes(), Lanes(), Lanes())
  var (d, e, f) = (Lanes(), Lanes(), Lanes())
  @inline(__always) func load(_ pointer: UnsafePointer<Double>, _ offset: Int) -> Lanes {
    UnsafeRawPointer(pointer + offset).loadUnaligned(as: Lanes.self)
  }
  for r in 0..<rows {
    for u in 0..<columns {
      let from = source + r * rowStride + u * step
      let w = Lanes(repeating: weights[r * columns + u])
      a.addProduct(w, load(from, 0))
      b.addProduct(w, load(from, 4))
      c.addProduct(w, load(from, 8))
      d.addProduct(w, load(from, 12))
      e.addProduct(w, load(from, 16))
      f.addProduct(w, load(from, 20))
    }
  }
  let raw = UnsafeMutableRawPointer(output)
  raw.storeBytes(of: a, as: Lanes.self)
  (raw + 32).storeBytes(of: b, as: Lanes.self)
  (raw + 64).storeBytes(of: c, as: Lanes.self)
  (raw + 96).storeBytes(of: d, as: Lanes.self)
  (raw + 128).storeBytes(of: e, as: Lanes.self)
  (raw + 160).storeBytes(of: f, as: Lanes.self)
}

/// The starts of the blocks that cover a row of outputs; the last one overlaps the one before rather than the end, where it can.
func smallBlockStarts(_ width: Int) -> [Int] {
  guard width > smallBlockWidth else { return [0] }
  return stride(from: 0, to: width - smallBlockWidth, by: smallBlockWidth) + [width - smallBlockWidth]
}

/// A small image convolved with one kernel in float64, where the kernel lies within it as a whole.
///
/// **Model.** As ``Kernel``: not flipped, the centre at half the side by integer division. NaN spreads as far as the kernel reaches, also under
/// weights of 0.
///
/// - Parameter kernel: its coordinates do not matter.
/// - Returns: the inner pixels, row by row.
/// - Throws: ``ImagingError/invalidParameter(_:)`` for an image smaller than the kernel, or a kernel without pixels.
package func innerConvolution(
  _ image: Image<Float>, with kernel: Image<Double>
) throws(ImagingError) -> (values: [Double], inner: Box2I) {
  let inner = image.box.goodRegion(kernelWidth: kernel.width, kernelHeight: kernel.height)
  guard !inner.isEmpty, kernel.box.area > 0 else {
    throw .invalidParameter(
      "an image of \(image.width)×\(image.height) pixels is smaller than a kernel of \(kernel.width)×\(kernel.height)")
  }
  var source = image.pixels.map { Double($0) }
  source.append(contentsOf: repeatElement(0, count: smallBlockWidth))
  var values = [Double](repeating: 0, count: inner.area + smallBlockWidth)
  let (columns, stride) = (inner.width, image.width)
  let starts = smallBlockStarts(columns)
  source.withUnsafeBufferPointer { source in
    kernel.pixels.withUnsafeBufferPointer { weights in
      values.withUnsafeMutableBufferPointer { values in
        guard let source = source.baseAddress, let weights = weights.baseAddress, let values = values.baseAddress
        else { return }
        // Rows ascend, so that what a block writes beyond its row is written over by the next.
        for y in 0..<inner.height {
          for x in starts {
            smallBlock(
              source + y * stride + x, rowStride: stride, step: 1, weights, rows: kernel.height, columns: kernel.width,
              values + y * columns + x)
          }
        }
      }
    }
  }
  values.removeLast(smallBlockWidth)
  return (values, inner)
}
