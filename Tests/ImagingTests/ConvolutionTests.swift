// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import Imaging
import SkyGeometry
import TestSupport
import Testing

/// The worst disagreement between two masked images, in units of what float32 sums may differ by.
///
/// A sum of n products is off by at most n/2 roundings of its largest partial sum; the bound used is √n · 2⁻²³ times the sum of
/// absolute products, which `scale` estimates, plus the kernel tolerance times that sum.
private func expectEqual(
  _ a: MaskedImage, _ b: MaskedImage, tolerance: Double, varianceTolerance: Double? = nil, _ comment: Comment = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(a.box == b.box, comment, sourceLocation: sourceLocation)
  #expect(a.mask.bits == b.mask.bits, comment, sourceLocation: sourceLocation)
  for (name, first, second, tolerance) in [
    ("image", a.image, b.image, tolerance), ("variance", a.variance, b.variance, varianceTolerance ?? tolerance),
  ] {
    let peak = second.pixels.filter(\.isFinite).map { abs(Double($0)) }.max() ?? 1
    var worst = (0.0, 0, 0)
    for y in a.box.minY..<a.box.endY {
      for x in a.box.minX..<a.box.endX {
        let (p, q) = (Double(first[x, y]), Double(second[x, y]))
        let isSame = p == q || (p.isNaN && q.isNaN)
        let difference = isSame ? 0 : abs(p - q) / peak
        if !(difference <= worst.0) { worst = (difference, x, y) }
      }
    }
    #expect(
      worst.0 <= tolerance, "\(comment) \(name) differs by \(worst.0) of the peak at (\(worst.1), \(worst.2))",
      sourceLocation: sourceLocation)
  }
}

@Suite struct ConvolutionTests {
  @Test(
    .enabled(if: GoldenFile.isAvailable("U_unit.h5"), "needs shared/golden and the Python environment of `make test`"))
  func agreesWithTheReferenceSystem() throws {
    let golden = try GoldenFile("U_unit.h5")
    defer { golden.remove() }
    let input = try MaskedImage(
      image: golden["conv_in_image"].image(), mask: Mask(bits: golden["conv_in_mask"].bits()),
      variance: golden["conv_in_variance"].image())
    let coefficients = try golden["conv_kernel_coef"]
    let rows = coefficients.doubles
    let kernel = try Kernel(
      images: golden["basis_t17_s23"].planes(),
      coefficients: (0..<27).map { Array(rows[$0 * 3..<$0 * 3 + 3]) }, basis: SpatialBasis(.polynomial, order: 1))
    let result = try convolve(input, with: kernel)
    for (image, variance) in [
      ("conv_out_image", "conv_out_variance"), ("conv_noninterp_image", "conv_noninterp_variance"),
    ] {
      let expected = try MaskedImage(
        image: golden[image].image(), mask: Mask(bits: golden["conv_out_mask"].bits()),
        variance: golden[variance].image())
      // Both sum 441 products in float32: √441 · 2⁻²⁴ of the absolute sum, which is about 3 peaks for this kernel.
      // The variance's kernel is followed to 1e-4 of its sum.
      expectEqual(result, expected, tolerance: 441.0.squareRoot() * 0x1p-24 * 3, varianceTolerance: 1e-4)
    }
  }

  @Test(arguments: [(1, 1, 0), (3, 5, 0), (21, 21, 0), (21, 21, 1), (21, 21, 2), (7, 9, 3), (4, 6, 1), (21, 1, 2)])
  func fastPathAgreesWithTheFormula(_ width: Int, _ height: Int, _ order: Int) throws {
    for box in [
      Box2I(minX: 100, minY: -50, width: 71, height: 64), Box2I(width: 49, height: 23), Box2I(width: 23, height: 41),
    ] {
      guard box.width >= width, box.height >= height else { continue }
      var scene = try testScene(box, seed: UInt64(width * 100 + height * 10 + order))
      var random = SeededRandom(9)
      try scene.update { image, _, variance in
        // A few pixels without data, and one of no known variance, right at the corner too.
        image[box.minX, box.minY] = .nan
        image[box.maxX - 3, box.minY + 5] = .nan
        variance[box.minX + 2, box.maxY - 1] = .infinity
        variance[box.maxX, box.maxY] = .nan
      }
      let basis = SpatialBasis(.chebyshev(Box2D(box)), order: order)
      let planes = (0..<basis.termCount).map { term in
        Image<Double>(box: Box2I(width: width, height: height)) { _, _ in
          (term == 0 ? 1 : 0.2) * random.gaussian() / Double(width * height).squareRoot()
        }
      }
      let kernel = try Kernel(planes: planes, basis: basis)
      for copiesEdge in [true, false] {
        // Tight enough that the series has to take every term that the kernel has.
        let control = ConvolutionControl(
          doCopyEdge: copiesEdge, kernelTolerance: 1e-7, varianceTolerance: 1e-7)
        let fast = try convolve(scene, with: kernel, control: control)
        let obvious = try obviousConvolution(scene, with: kernel, control: control)
        expectEqual(fast, obvious, tolerance: 2e-6, "\(width)×\(height), order \(order), \(box)")
      }
    }
  }

  /// Lopsided kernels in each of several cells, one after the other.
  @Test func cellsAreConvolvedAsTheWholeWouldBe() throws {
    let box = Box2I(minX: -7, minY: 12, width: 150, height: 130)
    let scene = try testScene(box, seed: 21)
    let first = try testKernel(side: 11, order: 0, over: box, variation: 0, seed: 3)
    let second = try testKernel(side: 7, order: 0, over: box, variation: 0, seed: 4)
    let kernels = [first, second].map { $0.image(at: box.center) }
    #expect(kernels[0].pixels != kernels[0].pixels.reversed(), "it would be the same turned round")
    let cells = ConvolutionCell.boxes(dividing: box, side: 60).map { ConvolutionCell($0, kernels) }
    #expect(cells.count == 9 && cells.reduce(0) { $0 + $1.box.area } == box.area)
    let found = try convolve(scene.image, in: cells, outside: 0)
    let once = try obviousConvolution(scene, with: first)
    let twice = try obviousConvolution(once, with: second)
    for (own, other, margin) in [(found[0], once.image, 5), (found[1], twice.image, 8)] {
      let inner = box.grown(by: -margin)
      let peak = scene.image.pixels.map(abs).max() ?? 1
      for y in inner.minY..<inner.endY {
        for x in inner.minX..<inner.endX { #expect(abs(own[x, y] - other[x, y]) < 2e-6 * peak) }
      }
    }
    // What is no division, or has even kernels.
    #expect(try convolve(scene.image, in: [], outside: 0).isEmpty)
    for bad in [
      ConvolutionCell(box.grown(by: 1), kernels),
      ConvolutionCell(box, [Image(box: Box2I(width: 4, height: 3), fill: 1)]),
    ] {
      #expect(throws: ImagingError.self) { try convolve(scene.image, in: [bad], outside: 0) }
    }
  }

  @Test func kernelToleranceIsKept() throws {
    let box = Box2I(width: 400, height: 300)
    let scene = try testScene(box, seed: 77)
    for tolerance in [1e-3, 1e-5, 2e-6] {
      let kernel = try testKernel(side: 15, order: 2, over: box, variation: 0.3, seed: 5)
      let fast = try convolve(scene, with: kernel, control: ConvolutionControl(kernelTolerance: tolerance))
      let obvious = try obviousConvolution(scene, with: kernel)
      // Against the largest pixel times the largest absolute sum of the kernel.
      let peak = scene.image.pixels.map { Double(abs($0)) }.max() ?? 1
      let size = kernel.image(at: box.center).pixels.reduce(0) { $0 + abs($1) }
      let worst = zip(fast.image.pixels, obvious.image.pixels).map { abs(Double($0 - $1)) }.max() ?? 0
      #expect(worst <= (2 * tolerance + 1e-6) * peak * size, "tolerance \(tolerance): \(worst / peak / size)")
    }
  }

  /// A kernel that changes along one axis alone, or so slowly that a piece of a row sees nothing of it.
  @Test(arguments: [(0.0, 0.3), (0.3, 0.0), (0.002, 0.0), (0.0, 0.002), (0.0, 1e-5)])
  func weakAndOneSidedVariationIsFollowed(_ alongX: Double, _ alongY: Double) throws {
    let box = Box2I(width: 300, height: 280)
    let scene = try testScene(box, seed: 15)
    let shape = try testKernel(side: 7, order: 0, over: box, variation: 0, seed: 3).image(at: box.center)
    let kernel = try Kernel(
      planes: [shape, shape.map { $0 * alongX }, shape.map { $0 * alongY }],
      basis: SpatialBasis(.chebyshev(Box2D(box)), order: 1))
    expectEqual(
      try convolve(scene, with: kernel), try obviousConvolution(scene, with: kernel), tolerance: 6e-6,
      varianceTolerance: 1e-4)
  }

  @Test func separableKernelsKeepInfiniteVariance() throws {
    var scene = try testScene(Box2I(width: 90, height: 80), seed: 12)
    try scene.update { _, _, variance in
      variance[30, 30] = .infinity
      variance[60, 50] = .nan
    }
    // Beyond ten widths the squared weights underflow float32.
    let wide = try SeparableKernel(gaussianSigma: 1, halfWidth: 16)
    expectEqual(try convolve(scene, with: wide), try obviousConvolution(scene, with: wide.kernel()), tolerance: 1e-6)
  }

  @Test func impossibleTolerancesAreErrors() throws {
    let scene = try testScene(Box2I(width: 40, height: 40), seed: 1)
    let kernel = try testKernel(side: 5, order: 1, over: scene.box, variation: 0.1, seed: 1)
    for tolerance in [Double.nan, -1, .infinity] {
      #expect(throws: ImagingError.self) {
        try convolve(scene, with: kernel, control: ConvolutionControl(kernelTolerance: tolerance))
      }
      #expect(throws: ImagingError.self) {
        try convolve(scene, with: kernel, control: ConvolutionControl(varianceTolerance: tolerance))
      }
    }
    #expect(throws: ImagingError.self) { try SeparableKernel(gaussianSigma: 1, halfWidth: .max) }
  }

  @Test func fluxIsMultipliedByTheKernelSum() throws {
    var image = Image<Float>(box: Box2I(width: 121, height: 121), fill: 0)
    addStar(to: &image, at: Point2D(x: 60.3, y: 59.8), sigma: 2, flux: 1000)
    let box = image.box
    let kernel = try testKernel(side: 21, order: 0, over: box, variation: 0, seed: 4)
    let sum = kernel.image(at: box.center).sum
    let input = try MaskedImage(image: image, mask: Mask(box: box), variance: Image(box: box, fill: 1))
    let output = try convolve(input, with: kernel)
    #expect(abs(output.image.sum / (1000 * sum) - 1) < 1e-5)
    let normalized = try convolve(input, with: kernel, control: ConvolutionControl(doNormalize: true))
    #expect(abs(normalized.image.sum / 1000 - 1) < 1e-5)
  }

  @Test func whiteNoiseVarianceFollows() throws {
    let box = Box2I(width: 300, height: 300)
    let scene = try MaskedImage(
      image: noiseImage(box, sigma: 2, seed: 3), mask: Mask(box: box), variance: Image(box: box, fill: 4))
    let kernel = try testKernel(side: 11, order: 0, over: box, variation: 0, seed: 8)
    let output = try convolve(scene, with: kernel)
    let inner = kernel.goodRegion(of: box)
    let statistics = try PixelStatistics(of: output.image, in: inner, .moments)
    // The scatter of a variance estimated from N/area independent patches: √(2 · 121 / 84100) = 5.4 %; four of them.
    let expected = Double(output.variance[150, 150])
    #expect(abs(statistics.variance / expected - 1) < 0.22)
  }

  @Test func separableKernelsAgree() throws {
    var scene = try testScene(Box2I(minX: 5, minY: 7, width: 90, height: 61), seed: 12)
    try scene.update { image, _, _ in image[40, 40] = .nan }
    let separable = try SeparableKernel(gaussianSigma: 2.1, halfWidth: 8)
    let fast = try convolve(scene, with: separable)
    let obvious = try obviousConvolution(scene, with: separable.kernel())
    expectEqual(fast, obvious, tolerance: 1e-6)
    let uneven = try SeparableKernel(row: [0.2, 0.5, -0.1, 0.3], column: [0.6, 0.4])
    expectEqual(
      try convolve(scene, with: uneven), try obviousConvolution(scene, with: uneven.kernel()), tolerance: 1e-6)
  }

  /// Masks spread over the pixels with weight only: a kernel with exact zeros takes the general path.
  @Test func zerosInTheKernelDoNotSpreadMasks() throws {
    let box = Box2I(width: 30, height: 20)
    var scene = try testScene(box, seed: 2)
    try scene.update { _, mask, _ in
      mask.clear(.max)
      mask[15, 10] = 8
    }
    let cross = Image<Double>(box: Box2I(width: 5, height: 5)) { x, y in x == 2 || y == 2 ? 0.1 : 0 }
    let output = try convolve(scene, with: Kernel(cross))
    expectEqual(output, try obviousConvolution(scene, with: Kernel(cross)), tolerance: 1e-6, varianceTolerance: 1e-4)
    #expect(output.mask.count(8) == 9)
    let full = try convolve(scene, with: Kernel(Image(box: Box2I(width: 5, height: 5), fill: 0.04)))
    #expect(full.mask.count(8) == 25)
  }

  @Test func correlationConvention() throws {
    var image = Image<Float>(box: Box2I(width: 60, height: 60), fill: 0)
    image[30, 30] = 1
    let kernel = try Kernel(Image(box: Box2I(width: 3, height: 3)) { x, y in Double(3 * y + x) })
    let output = try convolve(image, with: kernel)
    // Not flipped, so a point source takes the kernel's shape turned by 180 degrees.
    for v in 0..<3 { for u in 0..<3 { #expect(output[31 - u, 31 - v] == Float(3 * v + u)) } }
  }

  @Test func impossibleKernelsAreErrors() throws {
    let small = try testScene(Box2I(width: 8, height: 8), seed: 1)
    let kernel = try Kernel(Image(box: Box2I(width: 9, height: 3), fill: 1))
    let error = #expect(throws: ImagingError.self) { try convolve(small, with: kernel) }
    #expect(error?.description == "a kernel of 9×3 pixels does not fit into an image of 8×8")
    #expect(throws: ImagingError.self) { try convolve(small.image, with: kernel) }
    #expect(throws: ImagingError.self) { try Kernel(Image(box: Box2I(width: 0, height: 3), fill: 1)) }
    #expect(throws: ImagingError.self) { try Kernel(Image(box: Box2I(width: 3, height: 3), fill: .nan)) }
    #expect(throws: ImagingError.self) {
      try Kernel(planes: [Image(box: Box2I(width: 3, height: 3), fill: 1)], basis: SpatialBasis(.polynomial, order: 1))
    }
    let zeroSum = try Kernel(Image(box: Box2I(width: 3, height: 1)) { x, _ in Double(x - 1) })
    #expect(throws: ImagingError.self) {
      try convolve(small, with: zeroSum, control: ConvolutionControl(doNormalize: true))
    }
    let empty = try testScene(Box2I(width: 1, height: 1), seed: 1)
    let one = try Kernel(Image(box: Box2I(width: 1, height: 1), fill: 2))
    #expect(try convolve(empty, with: one).image[0, 0] == 2 * empty.image[0, 0])
    #expect(throws: ImagingError.self) { try convolve(MaskedImage(box: Box2I(width: 0, height: 0)), with: one) }
    #expect(throws: ImagingError.self) { try SeparableKernel(row: [], column: [1]) }
    #expect(throws: ImagingError.self) { try SeparableKernel(gaussianSigma: 0, halfWidth: 3) }
  }

  @Test func kernelOfTheImagesOwnSizeLeavesOnePixel() throws {
    let scene = try testScene(Box2I(width: 9, height: 9), seed: 6)
    let kernel = try testKernel(side: 9, order: 1, over: scene.box, variation: 0.2, seed: 1)
    expectEqual(
      try convolve(scene, with: kernel), try obviousConvolution(scene, with: kernel), tolerance: 4e-6,
      varianceTolerance: 1e-4)
  }

  @Test func equalInputGivesEqualBits() throws {
    let scene = try testScene(Box2I(width: 130, height: 90), seed: 31)
    let kernel = try testKernel(side: 13, order: 2, over: scene.box, variation: 0.2, seed: 2)
    #expect(try convolve(scene, with: kernel) == convolve(scene, with: kernel))
  }

  // MARK: - Soft masks

  /// What keeps its pixel clear has at least 99 % of Σ |K| on clear pixels, and fewer pixels are masked than otherwise.
  @Test func bitsStayWhereTheKernelIsFaint() throws {
    let box = Box2I(minX: 3, minY: -5, width: 80, height: 70)
    var mask = Mask(box: box)
    try mask.addPlane("BAD")
    var random = SeededRandom(17)
    for _ in 0..<12 {
      let x = box.minX + Int(random.uniform(0...79)), y = box.minY + Int(random.uniform(0...69))
      try mask.set("BAD", in: Box2I(minX: x, minY: y, width: 1, height: 1))
    }
    let input = try MaskedImage(image: Image(box: box, fill: 1), mask: mask, variance: Image(box: box, fill: 1))
    let image = Image<Double>(box: Box2I(width: 15, height: 15)) { x, y in
      let (dx, dy) = (Double(x - 7), Double(y - 7))
      return exp(-(dx * dx + dy * dy) / 8)
    }
    let kernel = try Kernel(image)
    let hard = try convolve(input, with: kernel)
    let soft = try convolve(input, with: kernel, control: ConvolutionControl(softMaskFraction: 0.01))
    #expect(hard.image.pixels == soft.image.pixels)
    let bad = input.mask.planes.bitMask(ofExisting: ["BAD"])
    var (masked, clear) = (0, 0)
    for y in box.minY + 7..<box.endY - 7 {
      for x in box.minX + 7..<box.endX - 7 {
        if hard.mask[x, y] & bad == 0 { #expect(soft.mask[x, y] & bad == 0) } else { masked += 1 }
        guard soft.mask[x, y] & bad == 0 else { continue }
        clear += hard.mask[x, y] & bad != 0 ? 1 : 0
        var lost = 0.0
        for v in 0..<15 { for u in 0..<15 where mask[x + u - 7, y + v - 7] & bad != 0 { lost += image[u, v] } }
        #expect(lost <= 0.01 * image.sum)
      }
    }
    #expect(masked > 500 && clear > masked / 4, "\(clear) of \(masked)")
    #expect(throws: ImagingError.self) {
      try convolve(input, with: kernel, control: ConvolutionControl(softMaskFraction: -0.1))
    }
  }
}
