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
      throw .invalidParameter("a Gaussian of width \(sigma) pixels cut off at \(halfWidth)")
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

/// Convolves with a separable kernel: a pass along columns and a pass along rows.
///
/// The cost grows with the kernel's side, not its area. Otherwise as ``convolve(_:with:over:control:)``, which is its twin.
///
/// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel larger than the image.
package func convolve(
  _ input: MaskedImage, with separable: SeparableKernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> MaskedImage {
  let frame = ConvolutionFrame(control)
  var planes = input.mask.planes
  let edge = try planes.add(frame.maskPlane)
  let (width, height) = (separable.row.count, separable.column.count)
  let image = try convolve(input.image, with: separable, control: control)
  let good = input.box.goodRegion(kernelWidth: width, kernelHeight: height)
  let frameBits: UInt32? = frame.isCopied ? nil : 0
  let isFull = separable.row.allSatisfy { $0 != 0 } && separable.column.allSatisfy { $0 != 0 }
  let (box, bits) = (input.box, input.mask.bits)
  let spread =
    isFull
    ? runningOr(bits, width: width, height: height, over: box, good: good, frame: frameBits, edge: edge)
    : try spreadMask(bits, by: separable.kernel(), over: box, good: good, frame: frameBits, edge: edge)
  return try MaskedImage(
    image: image, mask: Mask(bits: spread, planes: planes),
    variance: convolveVariance(input.variance, with: separable, control: control))
}

/// Convolves a plain image with a separable kernel; the frame where the kernel reaches beyond it is the input, or NaN.
///
/// - Throws: as ``convolve(_:with:control:)-(MaskedImage,SeparableKernel,_)``.
package func convolve(
  _ input: Image<Float>, with separable: SeparableKernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> Image<Float> {
  let (kernel, good) = try separable.prepared(for: input.box, control)
  return convolvedSeparably(input, good: good, kernel, frame: control.doCopyEdge ? nil : .nan)
}

/// Convolves a variance plane with the square of a separable kernel; the frame is the input, or infinity.
///
/// What is not finite spreads over the kernel's box.
///
/// - Throws: as ``convolve(_:with:control:)-(MaskedImage,SeparableKernel,_)``.
package func convolveVariance(
  _ variance: Image<Float>, with separable: SeparableKernel, control: ConvolutionControl = .init()
) throws(ImagingError) -> Image<Float> {
  let (kernel, good) = try separable.prepared(for: variance.box, control)
  let squared = try kernel.squared
  let frame: Float? = control.doCopyEdge ? nil : .infinity
  return keepingInfinities(
    of: variance, width: kernel.row.count, height: kernel.column.count, over: variance.box, good: good, frame: frame
  ) { convolvedSeparably($0, good: good, squared, frame: frame) }
}

extension SeparableKernel {
  /// The kernel as the control wants it, and where it fits.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a kernel larger than the image, or without a sum where it is to be normalised.
  fileprivate func prepared(
    for box: Box2I, _ control: ConvolutionControl
  ) throws(ImagingError) -> (kernel: SeparableKernel, good: Box2I) {
    var kernel = self
    if control.doNormalize {
      let sums = (row.reduce(0, +), column.reduce(0, +))
      guard sums.0 != 0, sums.1 != 0 else { throw .invalidParameter("the kernel cannot be normalised: its sum is 0") }
      kernel = try SeparableKernel(row: row.map { $0 / sums.0 }, column: column.map { $0 / sums.1 })
    }
    let good = box.goodRegion(kernelWidth: row.count, kernelHeight: column.count)
    guard !good.isEmpty else { throw kernelTooLarge(row.count, column.count, box) }
    return (kernel, good)
  }
}

/// - Parameter frame: the value where the kernel does not fit, or `nil` for that of the input.
private func convolvedSeparably(
  _ input: Image<Float>, good: Box2I, _ kernel: SeparableKernel, frame: Float?
) -> Image<Float> {
  let columns = kernel.column.map { Float($0) }
  let rows = kernel.row.map { Float($0) }
  let width = input.width
  return Image(box: input.box) { output in
    _ = input.withUnsafePixels { source in
      fillFrame(of: output, input.box, good: good) { x, y in frame ?? source[y * width + x] }
      let first = output + (good.minY - input.box.minY) * width + good.minX - input.box.minX
      withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { memory in
        guard let summed = memory.baseAddress else { return }
        for y in 0..<good.height {
          // Along the column first, a whole row at a time; the row of sums stays in the cache for the second pass.
          weightedSum(columns, width, into: summed) { source + (y + $0) * width }
          weightedSum(rows, good.width, into: first + y * width) { UnsafePointer(summed) + $0 }
        }
      }
    }
  }
}

/// Σ weightᵢ · rowᵢ, 32 numbers of it at a time so that the sums stay in registers.
@inline(__always)
private func weightedSum(
  _ weights: [Float], _ count: Int, into target: UnsafeMutablePointer<Float>, row: (Int) -> UnsafePointer<Float>
) {
  typealias Lanes = SIMD8<Float>
  var x = 0
  while x + 32 <= count {
    var (a, b, c, d) = (Lanes(), Lanes(), Lanes(), Lanes())
    for i in weights.indices {
      let weight = Lanes(repeating: weights[i])
      let source = UnsafeRawPointer(row(i) + x)
      a.addProduct(weight, source.loadUnaligned(as: Lanes.self))
      b.addProduct(weight, source.loadUnaligned(fromByteOffset: 32, as: Lanes.self))
      c.addProduct(weight, source.loadUnaligned(fromByteOffset: 64, as: Lanes.self))
      d.addProduct(weight, source.loadUnaligned(fromByteOffset: 96, as: Lanes.self))
    }
    let output = UnsafeMutableRawPointer(target + x)
    output.storeBytes(of: a, as: Lanes.self)
    output.storeBytes(of: b, toByteOffset: 32, as: Lanes.self)
    output.storeBytes(of: c, toByteOffset: 64, as: Lanes.self)
    output.storeBytes(of: d, toByteOffset: 96, as: Lanes.self)
    x += 32
  }
  for x in x..<count {
    var sum: Float = 0
    for i in weights.indices { sum.addProduct(weights[i], row(i)[x]) }
    target[x] = sum
  }
}
