// SPDX-License-Identifier: GPL-3.0-or-later
// The noise of a difference made white: the reference system's scenarios (differencing C4, C6), and what must hold besides.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct DecorrelationTests {
  /// The ways to do it.
  enum Way: CaseIterable { case whole, compact, mapReduce }

  private func correct(
    _ scene: DecorrelationScene, _ way: Way, isComplete: Bool = false,
    _ change: (inout DecorrelateALKernelSpatialConfig) -> Void = { _ in }
  ) throws -> Exposure {
    var config = DecorrelateALKernelSpatialConfig()
    config.decorrelateConfig.completeVarPlanePropagation = isComplete
    config.method = way == .mapReduce ? .mapReduce : .compact
    // How a filter that is known is applied; what it is measured on is for others to test.
    config.noiseModel = .white
    change(&config)
    return try DecorrelateALKernelSpatialTask(config: config).run(
      scienceExposure: scene.science, templateExposure: scene.template, subtractedExposure: scene.difference,
      psfMatchingKernel: scene.kernel, spatiallyVarying: way != .whole)
  }

  // MARK: - The kernel

  /// C6: numbers that were computed from the formulas by others.
  @Test(arguments: [
    (1.0, 1.0, 1.0, [1.407212798, -0.006677664, -0.006368604, -0.005790269], 1.981770474, 0.018229526),
    (1, 100, 1, [9.598101052, -0.409319529, -0.369946887, -0.299706590], 94.870509982, 0.061294900),
    (2, 0.5, 1.2, [1.163742180, -0.002343238, -0.002242655, -0.002053908], 1.354501017, 0.021995930),
  ])
  func theKernelIsTheFormulas(
    a: Double, b: Double, k: Double, values: [Double], w1: Double, w2: Double
  ) throws {
    let kappa = DecorrelationScene.gaussian(2.46, side: 31, sum: k)
    let correction = try CorrectionKernel(kappa, unconvolved: a, convolved: b, tolerance: 1e-9)
    // What the cut-off takes away is a part of this of the largest; with b/a = 100 it is at the largest radius.
    let tolerance = b > 10 ? 2e-5 : 1e-7
    for (value, (x, y)) in zip(values, [(0, 0), (1, 0), (1, 1), (2, 0)]) {
      #expect(abs(correction.image[x, y] - value) < tolerance * values[0], "\(x) \(y) \(correction.image[x, y])")
    }
    // They are those of the kernel that was cut off.
    #expect(abs(correction.weights.unconvolved - w1) < 1e-5 * w1 && abs(correction.weights.convolved - w2) < 1e-5 * w2)
    #expect(
      abs(a * correction.weights.unconvolved + b * correction.weights.convolved - (a + b * k * k)) < 1e-5 * (a + b))
    #expect(abs(correction.image.sum - 1) < 1e-12)
  }

  /// B5, C6: the PSF of the corrected difference is narrower.
  @Test func thePSFIsTheFormulas() throws {
    let scene = try DecorrelationScene((1, 1), stars: 0)
    let corrected = try #require(try correct(scene, .whole).psf).kernelImage(at: scene.difference.box.center)
    // The kernel of the scene has σ 2.4597 and not 2.46.
    #expect(abs(corrected[0, 0] - 0.017293634) < 2e-6 && abs(corrected[5, 0] - 4.736313747e-3) < 1e-6)
    #expect(abs((corrected.pixels.min() ?? 0) + 6.06e-5) < 1e-6)
    #expect(abs(corrected.sum - 1) < 1e-12 && corrected.width == 31)
    // In parts it is not cut to the shape of the PSF before.
    let compact = try #require(try correct(scene, .compact).psf).kernelImage(at: scene.difference.box.center)
    #expect(abs(compact[0, 0] / corrected[0, 0] - 1) < 3e-3 && abs(compact[5, 0] / corrected[5, 0] - 1) < 3e-3)
  }

  /// A kernel that does nothing, one that sharpens, and noise in one image alone.
  @Test func kernelsOfEveryKind() throws {
    let identity = try CorrectionKernel(DecorrelationScene.gaussian(0.01, side: 21), unconvolved: 1, convolved: 3)
    #expect(identity.radius == 1 && abs(identity.image[0, 0] - 1) < 1e-12)
    let sharpening = Image<Double>(box: Box2I(width: 21, height: 21)) { x, y in
      let r = Double((x - 10) * (x - 10) + (y - 10) * (y - 10))
      return (x == 10 && y == 10 ? 1.8 : 0) - 0.8 * exp(-r / 4.5) / (2 * .pi * 2.25)
    }
    let inverse = try CorrectionKernel(sharpening, unconvolved: 1, convolved: 1)
    // It takes high frequencies away, so the middle is below 1.
    #expect(inverse.image[0, 0] < 0.95 && inverse.radius < 25 && abs(inverse.image.sum - 1) < 1e-12)
    let kappa = DecorrelationScene.gaussian(2.46, side: 31)
    #expect(try CorrectionKernel(kappa, unconvolved: 1, convolved: 0).image[0, 0] == 1)
    // Where nearly all noise is the convolved image's, the kernel still fits, keeps fluxes and says what it does to variances.
    for (sigma, a) in [(2.46, 0.0), (3.3, 0), (5, 0), (4, 1e-7), (4, 1e-5), (2.46, 1e-4)] {
      let kappa = DecorrelationScene.gaussian(sigma, side: 41)
      let extreme = try CorrectionKernel(kappa, unconvolved: a, convolved: 1)
      #expect(extreme.radius <= 48 && extreme.image[0, 0] > 1 && abs(extreme.image.sum - 1) < 1e-9)
      let squares = extreme.image.pixels.reduce(0) { $0 + $1 * $1 }
      #expect(abs(extreme.weights.unconvolved / squares - 1) < 1e-9)
      let both = try convolvedSquares(extreme.image, kappa)
      #expect(abs(extreme.weights.convolved / both - 1) < 1e-4, "\(sigma) \(a)")
      // Most of the sum is there before the ends are cut off.
      #expect(extreme.image.pixels.reduce(0) { $0 + abs($1) } < 1e4)
    }
    for (a, b) in [(0.0, 0.0), (-1, 1), (.nan, 1), (1, .infinity)] {
      #expect(throws: ImagingError.self) { try CorrectionKernel(kappa, unconvolved: a, convolved: b) }
    }
    #expect(throws: ImagingError.self) {
      try CorrectionKernel(kappa.map { _ in 0 }, unconvolved: 0, convolved: 1)
    }
  }

  /// Σ (κ ⋆ c)².
  private func convolvedSquares(_ image: Image<Double>, _ kernel: Image<Double>) throws -> Double {
    let frame = image.box.grown(by: kernel.width)
    var wide = Image<Float>(box: frame, fill: 0)
    wide.paste(image.map { Float($0) })
    return try innerConvolution(wide, with: kernel).values.reduce(0) { $0 + $1 * $1 }
  }

  /// The science exposure convolved, and divided by the kernel's sum.
  @Test(arguments: Way.allCases) func theOtherDirection(_ way: Way) throws {
    var scene = try DecorrelationScene((1, 1), side: 400, stars: 0)
    let kernel = try Kernel(DecorrelationScene.gaussian(2, side: 25, sum: 1.25))
    // What is called template there is the wider box, and is convolved here.
    let (science, template) = (scene.template, scene.science)
    scene.difference.maskedImage = try MatchedSubtraction(
      template: template.maskedImage, science: science.maskedImage.cropped(to: template.box),
      MatchingKernel(kernel, convolved: .science)
    ).difference
    var config = DecorrelateALKernelSpatialConfig()
    config.method = way == .mapReduce ? .mapReduce : .compact
    config.noiseModel = .white
    let result = try DecorrelateALKernelSpatialTask(config: config).run(
      scienceExposure: science, templateExposure: template, subtractedExposure: scene.difference,
      psfMatchingKernel: kernel, spatiallyVarying: way != .whole, templateMatched: false)
    let inner = result.box.grown(by: -40)
    // (a + b k²) / k².
    let expected = (1 + 1.25 * 1.25) / (1.25 * 1.25)
    let found = try statistics(result.maskedImage, inner)
    #expect(abs(found.planes / expected - 1) < 1e-3, "\(found)")
    #expect(
      abs(try PixelStatistics(of: result.maskedImage.image.cropped(to: inner), .moments).variance / expected - 1) < 0.02
    )
    #expect(abs(DecorrelationScene.autocorrelation(result.maskedImage.image, 1, 0, in: inner)) < 0.015)
  }

  // MARK: - Scenarios

  /// C4 a and c: pixels and variance plane are what both images' noise is together.
  @Test(
    arguments: [(0.04, 0.04), (0.08, 0.04), (0.04, 0.08)], Way.allCases.flatMap { [($0, false), ($0, true)] })
  func theNoiseIsThatOfBoth(variances: (Double, Double), way: (Way, Bool)) throws {
    guard way.0 != .compact || !way.1 else { return }
    let scene = try DecorrelationScene(variances)
    let expected = variances.0 + variances.1
    let inner = scene.difference.box.grown(by: -20)
    let before = try statistics(scene.difference.maskedImage, inner)
    #expect(before.pixels < 0.95 * expected && before.planes < 0.95 * expected)
    let after = try statistics(try correct(scene, way.0, isComplete: way.1).maskedImage, inner)
    #expect(abs(after.pixels / expected - 1) < 0.05, "\(after)")
    #expect(abs(after.planes / expected - 1) < 0.02, "\(after)")
    #expect(abs(after.pixels / after.planes - 1) < 0.05)
  }

  private func statistics(_ image: MaskedImage, _ part: Box2I) throws -> (pixels: Double, planes: Double) {
    let image = image.cropped(to: part)
    let pixels = try PixelStatistics(of: image.image, control: .init(), .all)
    let planes = try PixelStatistics(of: image.variance, control: .init(), .all)
    return (pixels.clippedVariance, planes.clippedMean)
  }

  /// C4 b: noise of an image a hundred times as noisy, under a kernel.
  @Test(arguments: Way.allCases) func theNoiseIsWhite(_ way: Way) throws {
    let scene = try DecorrelationScene((1, 100), side: 512, stars: 0, seed: 22)
    let inner = scene.difference.box.grown(by: -57)
    let raw = scene.difference.maskedImage.image
    for r in 1...3 { #expect(DecorrelationScene.autocorrelation(raw, r, 0, in: inner) > 0.2) }
    let corrected = try correct(scene, way).maskedImage.image
    // 160,000 pairs know it to 0.0025.
    for r in 1...39 {
      for (dx, dy) in [(r, 0), (0, r), (r, r)] {
        let found = DecorrelationScene.autocorrelation(corrected, dx, dy, in: inner)
        #expect(abs(found) < 0.015, "\(way) \(dx) \(dy): \(found)")
      }
    }
    // Unclipped: without its tails a Gaussian's variance is 3 % smaller.
    let found = try PixelStatistics(of: corrected.cropped(to: inner), .moments).variance
    #expect(abs(found / 101 - 1) < 0.015, "\(found)")
  }

  /// Where neither kernel nor noise varies, all ways are one, away from the frame.
  @Test(arguments: [(1.0, 1.0), (1.0, 10.0)]) func theWaysAgree(variances: (Double, Double)) throws {
    let scene = try DecorrelationScene(variances, side: 400, stars: 0)
    // Two cells each way, and several of the other kind.
    let whole = try correct(scene, .whole).maskedImage
    let compact = try correct(scene, .compact) { $0.cellSize = 200 }.maskedImage
    let cells = try correct(scene, .mapReduce) {
      $0.decorrelateMapReduceConfig.cellSizeX = 15
      $0.decorrelateMapReduceConfig.cellSizeY = 14
      $0.decorrelateMapReduceConfig.scaleByFwhm = true
    }.maskedImage
    let sigma = Float((variances.0 + variances.1).squareRoot())
    let inner = scene.difference.box.grown(by: -100)
    var worst: (compact: Float, cells: Float) = (0, 0)
    for y in inner.minY..<inner.endY {
      for x in inner.minX..<inner.endX {
        worst.compact = max(worst.compact, abs(compact.image[x, y] - whole.image[x, y]) / sigma)
        worst.cells = max(worst.cells, abs(cells.image[x, y] - whole.image[x, y]) / sigma)
        #expect(abs(compact.variance[x, y] - whole.variance[x, y]) < 1e-5 * whole.variance[x, y])
        #expect(abs(cells.variance[x, y] - whole.variance[x, y]) < 1e-5 * whole.variance[x, y])
      }
    }
    // float32 of pixels of a few σ is good to 4e-7 σ; the compact kernel has lost 1e-6 of its weight.
    #expect(worst.compact < 5e-6 && worst.cells < 2e-6, "\(worst)")
  }

  /// C4 d: what has no value stays so, and nothing else is touched by it; fluxes stay.
  @Test(arguments: Way.allCases) func pixelsWithoutValueStay(_ way: Way) throws {
    var scene = try DecorrelationScene((0.04, 0.04), stars: 0)
    try scene.difference.edit { image, _ in
      addGaussian(
        to: &image, at: Point2D(x: 220.3, y: 330.6), sigma: DecorrelationScene.scienceSigma, flux: 1e4)
    }
    let clean = try correct(scene, way).maskedImage
    let island = Box2I(minX: 120, minY: 220, width: 9, height: 7)
    try scene.difference.edit { image, _ in
      image.paste(Image(box: island, fill: .nan))
      image[300, 400] = -.infinity
    }
    let result = try correct(scene, way).maskedImage
    for y in result.box.minY..<result.box.endY {
      for x in result.box.minX..<result.box.endX {
        let isIn = island.contains(Point2I(x: x, y: y))
        #expect(result.image[x, y].isNaN == isIn)
        // Filters reach less far.
        if x > 190, x < 250, y > 300, y < 370 { #expect(abs(result.image[x, y] - clean.image[x, y]) < 1e-3) }
      }
    }
    #expect(result.image[300, 400] == -.infinity)
    let sum = { (image: Image<Float>) in
      image.cropped(to: Box2I(minX: 160, minY: 270, width: 121, height: 121)).pixels.reduce(0.0) { $0 + Double($1) }
    }
    #expect(abs(sum(result.image) - sum(scene.difference.maskedImage.image)) < 1e-4 * 1e4 + 3)
  }

  // MARK: - What varies

  /// A kernel and a noise that vary: white in every part, where one filter for all is not.
  @Test func whatVariesIsFollowed() throws {
    let box = Box2I(minX: 100, minY: 200, width: 900, height: 900)
    let linear = SpatialBasis(.chebyshev(Box2D(box)), order: 1)
    let mean = DecorrelationScene.gaussian(2.2, side: 31)
    let change = Image<Double>(box: mean.box) { x, y in
      let r = Double((x - 15) * (x - 15) + (y - 15) * (y - 15))
      return 0.5 * (r / (2.2 * 2.2) - 2) * mean[x, y]
    }
    let nothing = mean.map { _ in 0.0 }
    let kernel = try Kernel(planes: [mean, change.map { $0 - change.sum / 961 }, nothing], basis: linear)
    let scene = try DecorrelationScene((1, 4), side: 900, stars: 0, seed: 5, kernel: kernel)
    func worst(_ image: Image<Float>) -> Double {
      var worst = 0.0
      for part in ConvolutionCell.boxes(dividing: box.grown(by: -40), side: 280) {
        for (dx, dy) in [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (3, 0), (0, 3)] {
          worst = max(worst, abs(DecorrelationScene.autocorrelation(image, dx, dy, in: part)))
        }
      }
      return worst
    }
    #expect(worst(scene.difference.maskedImage.image) > 0.1)
    let compact = try correct(scene, .compact)
    // Of 7 lags of 9 parts of 75,000 pixels the worst is at 3 of its errors of 0.0037.
    #expect(worst(compact.maskedImage.image) < 0.02, "\(worst(compact.maskedImage.image))")
    #expect(worst(try correct(scene, .whole).maskedImage.image) > 0.03)
    // Its PSF follows, too.
    let psf = try #require(compact.psf)
    let (left, right) = (
      try psf.kernelImage(at: Point2D(x: 120, y: 600)), try psf.kernelImage(at: Point2D(x: 980, y: 600))
    )
    #expect(abs(left[0, 0] / right[0, 0] - 1) > 0.01)
  }

  /// A saturated core in the science image spoils nothing further than the kernel reaches, and is as it was.
  @Test func aSaturatedCoreDoesNotRing() throws {
    var scene = try DecorrelationScene((1, 1), stars: 0)
    let clean = try correct(scene, .compact).maskedImage
    var science = scene.science
    let core = Box2I(minX: 200, minY: 300, width: 12, height: 11)
    try science.edit { _, mask in try mask.set("SAT", in: core) }
    try scene.difference.edit { image, mask in
      try mask.set("SAT", in: core)
      image.paste(Image(box: core, fill: 5e4))
    }
    var config = DecorrelateALKernelSpatialConfig()
    config.noiseModel = .white
    let result = try DecorrelateALKernelSpatialTask(config: config).run(
      scienceExposure: science, templateExposure: scene.template, subtractedExposure: scene.difference,
      psfMatchingKernel: scene.kernel
    ).maskedImage
    // Beyond the frame there is the median, of which the core has a share.
    let (inner, reach) = (result.box.grown(by: -48), core.grown(by: 48))
    var worst: (near: Float, far: Float) = (0, 0)
    for y in inner.minY..<inner.endY {
      for x in inner.minX..<inner.endX {
        let distance = abs(result.image[x, y] - clean.image[x, y])
        if core.contains(Point2I(x: x, y: y)) {
          #expect(result.image[x, y] == 5e4)
        } else if reach.contains(Point2I(x: x, y: y)) {
          worst.near = max(worst.near, distance)
        } else {
          worst.far = max(worst.far, distance)
        }
      }
    }
    // Filled with the sky: what the core's own noise gave to its neighbours is all that is missing.
    #expect(worst.near < 0.5 && worst.far < 1e-4, "\(worst)")
  }

  /// A pixel that no source explains stays as it is, and takes nobody else with it.
  @Test(arguments: [Float(1e20), -1e38]) func anAbsurdPixelStaysAlone(value: Float) throws {
    var scene = try DecorrelationScene((1, 1), side: 200, stars: 0)
    let clean = try correct(scene, .compact).maskedImage
    let place = Point2I(x: scene.difference.box.minX + 100, y: scene.difference.box.minY + 100)
    try scene.difference.edit { image, _ in image[place.x, place.y] = value }
    let found = try correct(scene, .compact).maskedImage
    #expect(found.image[place.x, place.y] == value)
    var worst: Float = 0
    for y in found.box.minY..<found.box.endY {
      for x in found.box.minX..<found.box.endX where x != place.x || y != place.y {
        worst = max(worst, abs(found.image[x, y] - clean.image[x, y]))
      }
    }
    // The pixel's own share of the noise is missing.
    #expect(worst < 1)
  }

  /// Without anything that says what the noise is, the difference is as it was.
  @Test func unknownNoise() throws {
    var scene = try DecorrelationScene((1, 1), side: 100, stars: 0)
    var science = scene.science
    try science.edit { _, mask in try mask.set("BAD", in: mask.box) }
    for way in [false, true] {
      let task = try DecorrelateALKernelSpatialTask()
      let result = try task.run(
        scienceExposure: science, templateExposure: scene.template, subtractedExposure: scene.difference,
        psfMatchingKernel: scene.kernel, spatiallyVarying: way)
      #expect(result.maskedImage == scene.difference.maskedImage)
    }
    // In one part of the image alone, the whole image's noise serves.
    science = scene.science
    try science.edit { _, mask in try mask.set("BAD", in: Box2I(minX: 100, minY: 200, width: 50, height: 100)) }
    var config = DecorrelateALKernelSpatialConfig()
    (config.cellSize, config.defectMaskPlanes) = (64, [])
    let own = try DecorrelateALKernelSpatialTask(config: config).run(
      scienceExposure: science, templateExposure: scene.template, subtractedExposure: scene.difference,
      psfMatchingKernel: scene.kernel)
    let all = try correct(scene, .compact) { $0.cellSize = 64 }
    #expect(own.maskedImage.image == all.maskedImage.image)
    // A template that does not cover the difference; a kernel for a score without its mode.
    #expect(throws: SubtractionError.self) {
      try DecorrelateALKernelTask().run(
        scienceExposure: scene.science, templateExposure: scene.template.cropped(to: Box2I(width: 3, height: 3)),
        subtractedExposure: scene.difference, psfMatchingKernel: scene.kernel)
    }
    scene.difference.psf = nil
    for way in [false, true] {
      #expect(throws: ImagingError.self) {
        try DecorrelateALKernelSpatialTask().run(
          scienceExposure: scene.science, templateExposure: scene.template, subtractedExposure: scene.difference,
          psfMatchingKernel: scene.kernel, spatiallyVarying: way, preConvKernel: DecorrelationScene.gaussian(2, side: 9)
        )
      }
      // Without a PSF there is none afterwards.
      #expect(
        try DecorrelateALKernelSpatialTask().run(
          scienceExposure: scene.science, templateExposure: scene.template, subtractedExposure: scene.difference,
          psfMatchingKernel: scene.kernel, spatiallyVarying: way
        ).psf == nil)
    }
  }
}
