// SPDX-License-Identifier: GPL-3.0-or-later
// Functions that matching kernels are made of.

package import Imaging
package import SkyGeometry

/// Functions whose combinations are matching kernels.
///
/// Of normalised functions the first has sum 1 and all others sum 0, so the first coefficient is the sum of the kernel; it does not vary over the
/// image, so the photometric ratio is the same everywhere (differencing A9.2). Delta functions are not normalised: all of them vary.
package struct KernelBasis: Sendable, Equatable {
  /// How an image is convolved with the functions.
  private enum Form: Equatable {
    /// As combinations of products: function i is `own[i]` times product i plus `first[i]` times product 0.
    case products(ProductKernels, own: [Double], first: [Double])
    /// One pixel each, row by row: a convolution is a shift.
    case shifts
    /// Pixel by pixel.
    case images([Image<Double>])
  }

  /// All functions have it; odd, with its centre at (0, 0).
  package let box: Box2I
  package let count: Int
  /// The sum of each function.
  package let sums: [Double]
  private let form: Form
  /// Those of products; empty for the other forms.
  private let productImages: [Image<Double>]

  package var side: Int { box.width }
  package var halfWidth: Int { side / 2 }
  /// Whether the first function has one coefficient for the whole image.
  package var hasConstantSum: Bool { form != .shifts }

  /// The functions, all of one odd size, their centre at (0, 0).
  package var images: [Image<Double>] {
    switch form {
    case .products: productImages
    case .images(let images): images
    case .shifts: (0..<count).map { m in image((0..<count).map { $0 == m ? 1 : 0 }[...]) }
    }
  }

  /// Products as they are, scaled: the first to sum 1, the others to sum 0 and a sum of squares of 1 (differencing A6.5).
  ///
  /// - Throws: as ``init(renormalizing:)``.
  init(_ products: ProductKernels) throws(ImagingError) {
    let result = try Self.renormalized(products.products.indices.map { products.image($0) })
    productImages = result.map(\.image)
    form = .products(products, own: result.map(\.own), first: result.map(\.first))
    box = result[0].image.box
    count = result.count
    sums = productImages.map(\.sum)
  }

  /// Any functions, scaled: the first to sum 1, the others to sum 0 and a sum of squares of 1 (differencing A6.5).
  ///
  /// - Parameter functions: of one odd size.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for none, for sizes that are even or differ, for a first function of sum 0, and for
  ///   one of which nothing is left.
  package init(renormalizing functions: [Image<Double>]) throws(ImagingError) {
    let result = try Self.renormalized(functions).map(\.image)
    form = .images(result)
    productImages = []
    box = result[0].box
    count = result.count
    sums = result.map(\.sum)
  }

  /// Delta functions: kernels of one pixel each, row by row (differencing A15.1).
  ///
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a side that is even or not from 3 to 35: the equations of a star would be too many.
  package init(deltaFunctionsOfSide side: Int) throws(ImagingError) {
    guard (3...35).contains(side), side % 2 == 1 else {
      throw .invalidParameter("delta functions of a kernel of \(side)²: its side must be odd, from 3 to 35")
    }
    box = Box2I(minX: -(side / 2), minY: -(side / 2), width: side, height: side)
    count = side * side
    sums = Array(repeating: 1, count: side * side)
    form = .shifts
    productImages = []
  }

  private static func renormalized(
    _ raw: [Image<Double>]
  ) throws(ImagingError) -> [(image: Image<Double>, own: Double, first: Double)] {
    guard let start = raw.first, start.width % 2 == 1, start.height == start.width, start.width >= 3,
      raw.allSatisfy({ $0.width == start.width && $0.height == start.height })
    else { throw .invalidParameter("kernel functions must be there and of one odd size, at least 3²") }
    let half = start.width / 2
    let unit = 1 / start.sum
    let base = start.map { $0 * unit }
    var result = [(image: base.moved(toX: -half, y: -half), own: unit, first: 0.0)]
    for function in raw.dropFirst() {
      let sum = function.sum
      // A function that is odd in x or y has no sum but what rounding leaves; a narrow one of a high degree has a small one, which must go.
      let isEven = abs(sum) > 1e-9 * function.pixels.reduce(0) { $0 + abs($1) }
      let shape = isEven ? zip(function.pixels, base.pixels).map { $0 / sum - $1 } : function.pixels
      let scale = 1 / shape.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let image = try Image(box: result[0].image.box, pixels: shape.map { $0 * scale })
      result.append((image, isEven ? scale / sum : scale, isEven ? -scale * unit : 0))
    }
    guard result.allSatisfy({ $0.image.pixels.allSatisfy(\.isFinite) }) else {
      throw .invalidParameter("a kernel function is not finite, vanishes, or is the first and has no sum")
    }
    return result
  }

  /// An image convolved with every function, where the functions lie within it as a whole.
  ///
  /// - Returns: the inner pixels, row by row, one function after the other.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for an image smaller than the functions.
  func convolve(_ image: Image<Float>) throws(ImagingError) -> (columns: [Double], inner: Box2I) {
    switch form {
    case .products(let products, let own, let first):
      var (values, inner) = try products.apply(to: image)
      let size = inner.area
      values.withUnsafeMutableBufferPointer { values in
        for m in stride(from: own.count - 1, through: 0, by: -1) {
          let (a, b) = (own[m], first[m])
          for i in 0..<size { values[m * size + i] = a * values[m * size + i] + b * values[i] }
        }
      }
      return (values, inner)
    case .shifts:
      let inner = try inner(of: image)
      var values: [Double] = []
      values.reserveCapacity(count * inner.area)
      for v in 0..<side {
        for u in 0..<side {
          for y in 0..<inner.height {
            let start = (y + v) * image.width + u
            for pixel in image.pixels[start..<start + inner.width] { values.append(Double(pixel)) }
          }
        }
      }
      return (values, inner)
    case .images(let images):
      var values: [Double] = []
      for function in images { values += try innerConvolution(image, with: function).values }
      return (values, try inner(of: image))
    }
  }

  /// The pixels of an image that have the functions within it as a whole.
  private func inner(of image: Image<Float>) throws(ImagingError) -> Box2I {
    guard image.width >= side, image.height >= side else {
      throw .invalidParameter("an image of \(image.width)×\(image.height) pixels is smaller than kernels of \(side)²")
    }
    return image.box.grown(by: -halfWidth)
  }

  /// The kernel of some coefficients, one a function.
  package func image(_ coefficients: ArraySlice<Double>) -> Image<Double> {
    var sum = [Double](repeating: 0, count: box.area)
    switch form {
    case .shifts:
      for (i, coefficient) in coefficients.prefix(sum.count).enumerated() { sum[i] = coefficient }
    case .products, .images:
      for (coefficient, image) in zip(coefficients, images) {
        image.pixels.withUnsafeBufferPointer { pixels in
          for i in sum.indices { sum[i] += coefficient * pixels[i] }
        }
      }
    }
    var index = -1
    return Image<Double>(box: box) { _, _ in
      index += 1
      return sum[index]
    }
  }

  /// Σ of the kernel of some coefficients.
  package func sum(_ coefficients: [Double]) -> Double {
    // Of normalised functions all but the first have no sum but what rounding leaves.
    hasConstantSum ? coefficients[0] : zip(coefficients, sums).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

extension KernelBasis {
  /// What white noise of variance 1 in one pixel adds to a star's equations on average: the functions' products, and nothing for the background.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  func noiseSystem(withBackground: Bool) throws(ImagingError) -> SymmetricSystem {
    let size = count + (withBackground ? 1 : 0)
    var matrix = [Double](repeating: 0, count: size * size)
    for m in 0..<count {
      for n in m..<count {
        let sum = zip(images[m].pixels, images[n].pixels).reduce(0) { $0 + $1.0 * $1.1 }
        (matrix[m * size + n], matrix[n * size + m]) = (sum, sum)
      }
    }
    return try SymmetricSystem(matrix: matrix, right: [Double](repeating: 0, count: size))
  }
}
