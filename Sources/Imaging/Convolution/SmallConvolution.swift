// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of products over small images, in float64.

package import SkyGeometry

// Running sums of 24 outputs in two rows stay in registers while the weights go by: no sum is stored before it is complete.

/// How many outputs of a row one call makes, and how far it may read and write beyond a row.
let smallBlockWidth = 24

/// 24 neighbouring outputs in one or two rows: Σ weights[r, u] · source[r · rowStride + u · step + x] for x from 0 to 23.
///
/// - Parameters:
///   - source: of the first row; the second row's is `sourceStep` further on and its output `outputStep`.
///   - second: whether there is a second row.
@inline(__always)
func smallBlock<Lanes: SIMD>(
  _: Lanes.Type, _ source: UnsafePointer<Lanes.Scalar>, rowStride: Int, step: Int,
  _ weights: UnsafePointer<Lanes.Scalar>, rows: Int, columns: Int, _ output: UnsafeMutablePointer<Lanes.Scalar>,
  sourceStep: Int, outputStep: Int, second: Bool
) where Lanes.Scalar: BinaryFloatingPoint {
  let width = Lanes.scalarCount
  @inline(__always) func load(_ pointer: UnsafePointer<Lanes.Scalar>, _ block: Int) -> Lanes {
    UnsafeRawPointer(pointer + block * width).loadUnaligned(as: Lanes.self)
  }
  @inline(__always) func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Lanes.Scalar>, _ block: Int) {
    UnsafeMutableRawPointer(pointer + block * width).storeBytes(of: value, as: Lanes.self)
  }
  let zero = Lanes(repeating: 0)
  /// Three vectors a row: all of 24 floats, half of 24 doubles.
  @inline(__always) func sum(_ first: Int) {
    var (a, b, c) = (zero, zero, zero)
    var (d, e, f) = (zero, zero, zero)
    if second {
      for r in 0..<rows {
        var from = source + r * rowStride
        let row = weights + r * columns
        for u in 0..<columns {
          let w = Lanes(repeating: row[u])
          a.addProduct(w, load(from, first))
          b.addProduct(w, load(from, first + 1))
          c.addProduct(w, load(from, first + 2))
          let below = from + sourceStep
          d.addProduct(w, load(below, first))
          e.addProduct(w, load(below, first + 1))
          f.addProduct(w, load(below, first + 2))
          from += step
        }
      }
      store(d, output + outputStep, first)
      store(e, output + outputStep, first + 1)
      store(f, output + outputStep, first + 2)
    } else {
      for r in 0..<rows {
        var from = source + r * rowStride
        let row = weights + r * columns
        for u in 0..<columns {
          let w = Lanes(repeating: row[u])
          a.addProduct(w, load(from, first))
          b.addProduct(w, load(from, first + 1))
          c.addProduct(w, load(from, first + 2))
          from += step
        }
      }
    }
    store(a, output, first)
    store(b, output, first + 1)
    store(c, output, first + 2)
  }
  for first in stride(from: 0, to: smallBlockWidth / width, by: 3) { sum(first) }
}

/// One or two rows of outputs, as ``smallBlock(_:_:rowStride:step:_:rows:columns:_:sourceStep:outputStep:second:)`` makes them.
///
/// - Parameters:
///   - source: readable for 24 outputs even where a row has fewer.
///   - width: of a row of outputs.
///   - scratch: of 48 numbers.
@inline(__always)
func smallRows<Lanes: SIMD>(
  _: Lanes.Type, _ source: UnsafePointer<Lanes.Scalar>, rowStride: Int, step: Int,
  _ weights: UnsafePointer<Lanes.Scalar>, rows: Int, columns: Int, _ output: UnsafeMutablePointer<Lanes.Scalar>,
  sourceStep: Int, width: Int, second: Bool, scratch: UnsafeMutablePointer<Lanes.Scalar>
) where Lanes.Scalar: BinaryFloatingPoint {
  guard width >= smallBlockWidth else {
    smallBlock(
      Lanes.self, source, rowStride: rowStride, step: step, weights, rows: rows, columns: columns, scratch,
      sourceStep: sourceStep, outputStep: smallBlockWidth, second: second)
    for x in 0..<width { output[x] = scratch[x] }
    if second { for x in 0..<width { output[width + x] = scratch[smallBlockWidth + x] } }
    return
  }
  var x = 0
  while true {
    smallBlock(
      Lanes.self, source + x, rowStride: rowStride, step: step, weights, rows: rows, columns: columns, output + x,
      sourceStep: sourceStep, outputStep: width, second: second)
    if x == width - smallBlockWidth { return }
    // The last block overlaps the one before rather than the end.
    x = min(x + smallBlockWidth, width - smallBlockWidth)
  }
}

/// A small image convolved with one kernel, where the kernel lies within it as a whole.
///
/// **Model.** As ``Kernel``: not flipped, the centre at half the side by integer division; sums in the type of the vectors. NaN spreads as far as the
/// kernel reaches, also under weights of 0.
///
/// - Returns: the inner pixels, row by row.
private func innerSums<Lanes: SIMD>(
  _: Lanes.Type, _ source: [Lanes.Scalar], stride: Int, _ weights: [Lanes.Scalar], rows: Int, columns: Int,
  inner: Box2I
) -> [Lanes.Scalar] where Lanes.Scalar: BinaryFloatingPoint {
  var values = [Lanes.Scalar](repeating: 0, count: inner.area)
  var scratch = [Lanes.Scalar](repeating: 0, count: 2 * smallBlockWidth)
  source.withUnsafeBufferPointer { source in
    weights.withUnsafeBufferPointer { weights in
      values.withUnsafeMutableBufferPointer { values in
        scratch.withUnsafeMutableBufferPointer { scratch in
          guard let source = source.baseAddress, let weights = weights.baseAddress, let values = values.baseAddress,
            let scratch = scratch.baseAddress
          else { return }
          for y in Swift.stride(from: 0, to: inner.height, by: 2) {
            smallRows(
              Lanes.self, source + y * stride, rowStride: stride, step: 1, weights, rows: rows, columns: columns,
              values + y * inner.width, sourceStep: stride, width: inner.width, second: y + 1 < inner.height,
              scratch: scratch)
          }
        }
      }
    }
  }
  return values
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
  let inner = try innerBox(image, kernel)
  let source = image.pixels.map { Double($0) } + [Double](repeating: 0, count: smallBlockWidth)
  let values = innerSums(
    SIMD4<Double>.self, source, stride: image.width, kernel.pixels, rows: kernel.height, columns: kernel.width,
    inner: inner)
  return (values, inner)
}

/// A variance convolved with the square of a kernel, Σ k² v, where the kernel lies within it as a whole; in float32, as all its terms are positive.
///
/// - Throws: as ``innerConvolution(_:with:)``.
package func innerVariance(
  _ variance: Image<Float>, with kernel: Image<Double>
) throws(ImagingError) -> (values: [Float], inner: Box2I) {
  let inner = try innerBox(variance, kernel)
  let source = variance.pixels + [Float](repeating: 0, count: smallBlockWidth)
  let values = innerSums(
    SIMD8<Float>.self, source, stride: variance.width, kernel.pixels.map { Float($0 * $0) }, rows: kernel.height,
    columns: kernel.width, inner: inner)
  return (values, inner)
}

private func innerBox(_ image: Image<Float>, _ kernel: Image<Double>) throws(ImagingError) -> Box2I {
  let inner = image.box.goodRegion(kernelWidth: kernel.width, kernelHeight: kernel.height)
  guard !inner.isEmpty, kernel.box.area > 0 else {
    throw .invalidParameter(
      "an image of \(image.width)×\(image.height) pixels is smaller than a kernel of \(kernel.width)×\(kernel.height)")
  }
  return inner
}
