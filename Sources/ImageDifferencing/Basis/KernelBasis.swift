// SPDX-License-Identifier: GPL-3.0-or-later
// Functions that matching kernels are made of.

package import Imaging
internal import SkyGeometry

/// Functions whose combinations are matching kernels.
///
/// The first has sum 1 and all others sum 0, so the first coefficient is the sum of the kernel; it does not vary over the image, so
/// the photometric ratio is the same everywhere (differencing A9.2).
package struct KernelBasis: Sendable, Equatable {
  /// All of one odd size, their centre at (0, 0).
  package let images: [Image<Double>]
  /// The functions as combinations of products: image i is `own[i]` times product i plus `first[i]` times product 0.
  private let products: ProductKernels
  private let own: [Double]
  private let first: [Double]

  package var count: Int { images.count }
  package var side: Int { products.side }
  package var halfWidth: Int { side / 2 }

  /// Products as they are, scaled: the first to sum 1, the others to sum 0 and a sum of squares of 1 (differencing A6.5).
  init(_ products: ProductKernels) {
    let raw = products.products.indices.map { products.image($0) }
    let unit = 1 / raw[0].sum
    let base = raw[0].map { $0 * unit }
    var (own, first) = ([unit], [0.0])
    var images = [base]
    for function in raw.dropFirst() {
      let sum = function.sum
      // A function that is odd in x or y has no sum but what rounding leaves.
      let isEven = abs(sum) > Double(Float.ulpOfOne)
      var index = -1
      let shape = Image<Double>(box: function.box) { _, _ in
        index += 1
        return isEven ? function.pixels[index] / sum - base.pixels[index] : function.pixels[index]
      }
      let scale = 1 / shape.pixels.reduce(0) { $0 + $1 * $1 }.squareRoot()
      images.append(shape.map { $0 * scale })
      own.append(isEven ? scale / sum : scale)
      first.append(isEven ? -scale * unit : 0)
    }
    self.images = images
    self.products = products
    self.own = own
    self.first = first
  }

  /// An image convolved with every function, where the functions lie within it as a whole.
  ///
  /// - Returns: the inner pixels, row by row, one function after the other.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for an image smaller than the functions.
  func convolve(_ image: Image<Float>) throws(ImagingError) -> (columns: [Double], inner: Box2I) {
    var (values, inner) = try products.apply(to: image)
    let size = inner.area
    for m in stride(from: own.count - 1, through: 0, by: -1) {
      let (a, b) = (own[m], first[m])
      for i in 0..<size { values[m * size + i] = a * values[m * size + i] + b * values[i] }
    }
    return (values, inner)
  }

  /// The kernel of some coefficients.
  func image(_ coefficients: ArraySlice<Double>) -> Image<Double> {
    var sum = [Double](repeating: 0, count: side * side)
    for (coefficient, image) in zip(coefficients, images) {
      for i in sum.indices { sum[i] += coefficient * image.pixels[i] }
    }
    var index = -1
    return Image<Double>(box: images[0].box) { _, _ in
      index += 1
      return sum[index]
    }
  }
}
