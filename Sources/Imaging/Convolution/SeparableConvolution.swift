// SPDX-License-Identifier: GPL-3.0-or-later
// Convolution with the product of a row and a column.

internal import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A kernel that is the product of a row and a column, such as a Gaussian: k[v, u] = column[v] · row[u].
package struct SeparableKernel: Hashable, Sendable {
  package let row: [Double]
  package let column: [Double]

  /// - Throws: ``ImagingError/invalidParameter(_:)`` for an empty factor or one that is not finite.
  package init(row: [Double], column: [Double]) throws(ImagingError) {
    guard !row.isEmpty, !column.isEmpty, (row + column).allSatisfy(\.isFinite) else {
      throw .invalidParameter("a separable kernel needs a row and a column of finite numbers")
    }
    self.row = row
    self.column = column
  }

  /// A circular Gaussian of sum 1.
  ///
  /// - Parameters:
  ///   - sigma: standard deviation in pixels.
  ///   - halfWidth: pixels on each side of the centre.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a width that is not positive.
  package init(gaussianSigma sigma: Double, halfWidth: Int) throws(ImagingError) {
    guard sigma > 0, sigma.isFinite, (0...10_000).contains(halfWidth) else {
      throw .invalidParameter("a Gaussian of width \(sigma) in \(2 * halfWidth + 1) pixels")
    }
    let values = (-halfWidth...halfWidth).map { gaussian(Double($0) / sigma) }
    let sum = values.reduce(0, +)
    let profile = values.map { $0 / sum }
    try self.init(row: profile, column: profile)
  }

  /// The same kernel as an image.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` when a product is not finite.
  package func kernel() throws(ImagingError) -> Kernel {
    try Kernel(Image(box: Box2I(width: row.count, height: column.count)) { x, y in row[x] * column[y] })
  }

  var squared: SeparableKernel {
    get throws(ImagingError) { try SeparableKernel(row: row.map { $0 * $0 }, column: column.map { $0 * $0 }) }
  }
}

private func gaussian(_ t: Double) -> Double { exp(-0.5 * t * t) }

/// Convolves with a separable kernel: a pass along rows and a pass along columns, so its cost grows with the kernel's side, not
/// its area. Otherwise as ``convolve(_:with:control:)-(MaskedImage,_,_)``, which is its twin.
///
/// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel larger than the image.
package func convolve(
  _ input: MaskedImage, with separable: SeparableKernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> MaskedImage {
  var separable = separable
  if control.doNormalize {
    let sums = (separable.row.reduce(0, +), separable.column.reduce(0, +))
    guard sums.0 != 0, sums.1 != 0 else { throw .invalidParameter("the kernel cannot be normalised: its sum is 0") }
    separable = try SeparableKernel(row: separable.row.map { $0 / sums.0 }, column: separable.column.map { $0 / sums.1 })
  }
  let kernel = try separable.kernel()
  let good = kernel.goodRegion(of: input.box)
  guard !good.isEmpty else { throw kernelTooLarge(kernel, input.box) }
  let image = convolvedSeparably(input.image, good: good, separable)
  let variance = convolvedSeparably(input.variance, good: good, try separable.squared)
  let bits = spreadMask(input.mask.bits, over: kernel, good: good)
  var result = try frame(of: input, control)
  try result.update { resultImage, resultMask, resultVariance throws(ImagingError) in
    resultImage.paste(image)
    resultVariance.paste(variance)
    resultMask.bits.paste(bits)
  }
  return result
}

/// - Returns: an image over `good`.
func convolvedSeparably(_ input: Image<Float>, good: Box2I, _ kernel: SeparableKernel) -> Image<Float> {
  let columns = kernel.column.map { Float($0) }
  let rows = kernel.row.map { Float($0) }
  var summed = [Float](repeating: 0, count: input.width)
  return Image(box: good) { output in
    _ = input.withUnsafePixels { source in
      for y in 0..<good.height {
        // Along the column first, a whole row at a time; the row of sums stays in the cache for the second pass.
        summed.withUnsafeMutableBufferPointer { summed in
          for x in summed.indices { summed[x] = columns[0] * source[y * input.width + x] }
          for v in columns.indices.dropFirst() {
            let weight = columns[v]
            let row = source + (y + v) * input.width
            for x in summed.indices { summed[x].addProduct(weight, row[x]) }
          }
          let target = output + y * good.width
          for x in 0..<good.width { target[x] = rows[0] * summed[x] }
          for u in rows.indices.dropFirst() {
            let weight = rows[u]
            for x in 0..<good.width { target[x].addProduct(weight, summed[x + u]) }
          }
        }
      }
    }
  }
}
