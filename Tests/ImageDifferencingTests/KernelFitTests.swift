// SPDX-License-Identifier: GPL-3.0-or-later
// Matching kernels: their functions, those of single stars and of the whole image, against the reference system and the truth.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelFitTests {
  private static let toFwhm = fwhmPerSigma

  @Test(
    .enabled(if: GoldenFile.isAvailable("U_unit.h5"), "needs shared/golden and the Python environment"),
    arguments: [(1.7, 2.3, "basis_t17_s23"), (2.0, 2.1, "basis_t20_s21"), (2.6, 2.0, "basis_t26_s20")])
  func functionsAreTheReferences(target: Double, reference: Double, name: String) throws {
    let golden = try GoldenFile("U_unit.h5")
    defer { golden.remove() }
    let basis = try AlardLuptonBasis(targetFwhm: target * Self.toFwhm, referenceFwhm: reference * Self.toFwhm)
    let expected = try golden[name].planes()
    #expect(basis.basis.count == expected.count && basis.basis.side == expected[0].width)
    for (own, other) in zip(basis.basis.images, expected) {
      for (a, b) in zip(own.pixels, other.pixels) { #expect(abs(a - b) < 1e-12) }
    }
    #expect(basis.mode == (target < reference ? .convolution : .deconvolution))
  }

  @Test func sizesAndWidthsAreAsSpecified() throws {
    // differencing A6.3; widths are FWHM of Gaussians of these standard deviations.
    for (target, reference, side, last) in [(2.0, 2.4, 21, 2.8), (2.0, 4.0, 35, 6.928), (2.4, 2.0, 21, 2.653)] {
      let basis = try AlardLuptonBasis(targetFwhm: target * Self.toFwhm, referenceFwhm: reference * Self.toFwhm)
      #expect(basis.basis.side == side)
      #expect(abs((basis.sigmas.last ?? 0) - last) < 1e-3)
    }
    let equal = try AlardLuptonBasis(targetFwhm: 4, referenceFwhm: 4)
    #expect(equal.mode == .config && equal.sigmas == [0.7, 1.5, 3])
    #expect(throws: ImagingError.self) { try AlardLuptonBasis(targetFwhm: .nan, referenceFwhm: 4) }
    var config = AlardLuptonBasisConfig()
    config.alardDegGauss = [1]
    #expect(throws: ConfigProblem.self) { try config.validate() }
  }

  @Test func functionsHaveTheirNorms() throws {
    let basis = try AlardLuptonBasis(targetFwhm: 4, referenceFwhm: 5).basis
    #expect(abs(basis.images[0].sum - 1) < 1e-14)
    for image in basis.images.dropFirst() {
      #expect(abs(image.sum) < 1e-12)
      #expect(abs(image.pixels.reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
    }
  }

  /// Two images of the same stars, the second with a varying PSF.
  private func stars(_ count: Int, noise: Double) throws -> [KernelCandidate] {
    var random = SeededRandom(5)
    let side = 43
    return try (0..<count).map { k in
      let center = Point2D(x: 40 + 430 * random.uniform(), y: 40 + 430 * random.uniform())
      let pixel = try #require(center.pixel)
      let box = Box2I(minX: pixel.x - side / 2, minY: pixel.y - side / 2, width: side, height: side)
      let flux = 20_000 * (1 + random.uniform())
      func image(_ sigma: Double, _ scale: Double, _ sky: Double) -> Image<Float> {
        Image<Float>(box: box) { x, y in
          let r2 = pow(Double(x) - center.x, 2) + pow(Double(y) - center.y, 2)
          let light = scale * flux / (2 * .pi * sigma * sigma) * exp(-r2 / (2 * sigma * sigma))
          return Float(light + sky + noise * random.gaussian())
        }
      }
      func masked(_ image: Image<Float>) throws -> MaskedImage {
        try MaskedImage(
          image: image, mask: Mask(box: box), variance: Image(box: box, fill: Float(max(1, noise * noise))))
      }
      return try KernelCandidate(
        id: Int64(k), position: center, rating: flux, template: try masked(image(1.7, 1, 0)),
        science: try masked(image(2.2 + 0.2 * (center.x / 256 - 1), 1.05, 12)))
    }
  }

  @Test func oneStarsKernelMatchesIt() throws {
    let basis = try AlardLuptonBasis(targetFwhm: 1.7 * Self.toFwhm, referenceFwhm: 2.2 * Self.toFwhm).basis
    for candidate in try stars(8, noise: 0) {
      let fit = try SingleKernelFit(candidate, basis)
      #expect(abs(fit.kernelSum - 1.05) < 0.002)
      #expect(abs(fit.background - 12) < 0.2)
    }
  }

  @Test func theVaryingKernelFollowsThePSF() throws {
    let basis = try AlardLuptonBasis(targetFwhm: 1.7 * Self.toFwhm, referenceFwhm: 2.2 * Self.toFwhm).basis
    let candidates = try stars(40, noise: 3)
    let domain = Box2D(minX: -0.5, minY: -0.5, maxX: 511.5, maxY: 511.5)
    let fit = try SpatialKernelFit(
      try candidates.map { ($0.position, try SingleKernelFit($0, basis)) }, basis,
      kernelBasis: SpatialBasis(.chebyshev(domain), order: 1),
      backgroundBasis: SpatialBasis(.chebyshev(domain), order: 1))
    #expect(abs(fit.kernelSum - 1.05) < 0.003)
    let kernel = try fit.kernel()
    for x in [100.0, 256, 400] {
      let image = kernel.image(at: Point2D(x: x, y: 256))
      #expect(abs(image.sum - fit.kernelSum) < 1e-9)
      // The second moment of the kernel is what the PSFs differ by.
      let half = Double(image.width / 2)
      var moment = 0.0
      for row in 0..<image.height {
        for column in 0..<image.width {
          moment += pow(Double(column) - half, 2) * image.pixels[row * image.width + column]
        }
      }
      let sigma = 2.2 + 0.2 * (x / 256 - 1)
      let expected = sigma * sigma - 1.7 * 1.7
      #expect(abs(moment / image.sum - expected) < 0.25 * expected, "at \(x): \(moment / image.sum) for \(expected)")
    }
    #expect(throws: ImagingError.self) {
      try SpatialKernelFit([], basis, kernelBasis: SpatialBasis(.polynomial, order: 0), backgroundBasis: nil)
    }
  }

  /// Kernels of single stars of golden case A.
  @Test(.enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment"))
  func singleKernelsAreTheReferences() throws {
    let golden = try GoldenFile("A_T_nodec.h5")
    defer { golden.remove() }
    let scene = try GoldenCaseA(golden)
    let parameters = try golden["candidate_params"].doubles
    func column(_ name: String) throws -> [Double] { try golden["candidates.\(name)"].doubles }
    let (status, background) = (try column("status"), try column("bg"))
    let (sums, chi2) = (try column("ksum"), try column("chi2"))
    let bad = try scene.science.mask.planes.bitMask(["NO_DATA", "EDGE", "SAT"])
    let count = scene.basis.count
    var compared = 0
    // 2: never fitted.
    for (row, candidate) in scene.candidates.enumerated() where status[row] != 2 {
      let fit = try SingleKernelFit(candidate, scene.basis)
      // The normal equations have a condition number of some 10⁷, so coefficients agree to 10⁻⁷ of the largest at best; theirs come
      // from convolutions in another order.
      let largest = parameters[row * count..<(row + 1) * count].map(abs).max() ?? 1
      for m in 0..<count {
        #expect(abs(fit.coefficients[m] - parameters[row * count + m]) < 1e-5 * largest, "candidate \(row), \(m)")
      }
      #expect(abs(fit.background - background[row]) < 1e-5 * abs(background[row]) + 1e-5)
      #expect(abs(fit.kernelSum - sums[row]) < 1e-6)
      let residual = try candidate.residual(fit.kernel(scene.basis), background: fit.background, bad: bad)
      #expect(abs(residual.rms * residual.rms - chi2[row]) < 1e-3 * chi2[row])
      compared += 1
    }
    #expect(compared == 75)
  }

  /// The whole search on golden case A: the same stars are rejected, kernel and difference are the same.
  @Test(.enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment"))
  func theSearchEndsAsTheReferences() throws {
    let golden = try GoldenFile("A_T_nodec.h5")
    defer { golden.remove() }
    let scene = try GoldenCaseA(golden)
    let status = try golden["candidates.status"].doubles
    var search = KernelSearch(scene.candidates, scene.basis, region: scene.science.box)
    let fit = try search.run()
    for row in status.indices {
      let expected: KernelSearch.Status = status[row] == 0 ? .bad : status[row] == 1 ? .good : .unknown
      #expect(search.states[row].status == expected, "candidate \(row)")
    }
    #expect(abs(fit.kernelSum - 1.0513546) < 1e-5)
    let (grid, images) = (try golden["kernel_grid_xy"].doubles, try golden["kernel_grid_images"].planes())
    for (k, image) in images.enumerated() {
      let own = fit.image(at: Point2D(x: grid[2 * k], y: grid[2 * k + 1]))
      let peak = image.pixels.max() ?? 1
      for (a, b) in zip(own.pixels, image.pixels) { #expect(abs(a - b) < 1e-5 * peak) }
    }
    // The background of the fit, at the same positions as theirs.
    let background = try #require(fit.background)
    let (places, values) = (try golden["bg_grid_xy"].doubles, try golden["bg_grid"].doubles)
    for (j, py) in places.enumerated() {
      for (i, px) in places.enumerated() {
        let own = background(Point2D(x: px, y: py))
        #expect(abs(own - values[j * places.count + i]) < 1e-4)
      }
    }

    let result = try MatchedSubtraction(
      template: scene.template, science: scene.science, fit.matching(.template))
    for (own, name, tolerance) in [
      (result.difference.image, "diff_image", Float(1e-5)), (result.difference.variance, "diff_variance", 1e-4),
      (result.matchedTemplate.image, "matched_template_image", 1e-5),
      (result.matchedTemplate.variance, "matched_template_variance", 1e-4),
    ] {
      let other = try golden[name].image()
      var (worst, compared) = (Float(0), 0)
      for i in own.pixels.indices where other.pixels[i].isFinite {
        // Relative to the pixels that the sums are made of: differences of bright stars are small differences of large numbers.
        let size = max(abs(other.pixels[i]), abs(scene.template.image.pixels[i]), 1)
        worst = max(worst, abs(own.pixels[i] - other.pixels[i]) / size)
        compared += 1
      }
      #expect(worst < 20 * tolerance && compared > 200_000, "\(name): \(worst)")
    }
  }

  /// A template wider than the science image: the science image is convolved, and sources keep their flux.
  @Test func theDifferenceIsOnTheSciencesScale() throws {
    let basis = try AlardLuptonBasis(targetFwhm: 1.7 * Self.toFwhm, referenceFwhm: 2.2 * Self.toFwhm).basis
    let box = Box2I(width: 200, height: 200)
    func scene(_ sigma: Double, _ scale: Double, extra: Double) throws -> MaskedImage {
      var random = SeededRandom(8)
      let positions = (0..<25).map { k in
        (
          Point2D(x: Double(k % 5) * 36 + 28 + random.uniform(), y: Double(k / 5) * 36 + 28 + random.uniform()),
          1e4 * (1 + random.uniform())
        )
      }
      var pixels = [Double](repeating: 0, count: box.area)
      for (position, flux) in positions + [(Point2D(x: 118.3, y: 81.6), extra)] {
        for y in 0..<200 {
          for x in 0..<200 {
            let r2 = pow(Double(x) - position.x, 2) + pow(Double(y) - position.y, 2)
            guard r2 < 600 else { continue }
            pixels[y * 200 + x] += scale * flux / (2 * .pi * sigma * sigma) * exp(-r2 / (2 * sigma * sigma))
          }
        }
      }
      return try MaskedImage(
        image: try Image(box: box, pixels: pixels.map { Float($0) }), mask: Mask(box: box),
        variance: Image(box: box, fill: 100))
    }
    // The science image is the sharper one; its counts are 0.8 of the template's, so the kernel's sum is 1.25.
    let (science, template) = (try scene(1.7, 0.8, extra: 5000), try scene(2.2, 1, extra: 0))
    let plain = try scene(1.7, 0.8, extra: 0)
    let candidates = try (0..<25).map { k -> KernelCandidate in
      var random = SeededRandom(8)
      var position = Point2D(x: 0, y: 0)
      for j in 0...k {
        position = Point2D(
          x: Double(j % 5) * 36 + 28 + random.uniform(), y: Double(j / 5) * 36 + 28 + random.uniform())
        _ = random.uniform()
      }
      let stamp = try #require(Box2I(centeredAt: position, side: 43))
      return try KernelCandidate(
        id: Int64(k), position: position, rating: 1, template: plain.cropped(to: stamp),
        science: template.cropped(to: stamp))
    }
    var search = KernelSearch(candidates, basis, region: box)
    let fit = try search.run()
    #expect(abs(fit.kernelSum - 1.25) < 0.002)
    let result = try MatchedSubtraction(template: template, science: science, fit.matching(.science))
    // The transient has 4000 counts in the science image.
    let around = Box2I(minX: 104, minY: 68, width: 29, height: 29)
    #expect(abs(result.difference.image.cropped(to: around).sum - 4000) < 8)
    let quiet = result.difference.image.cropped(to: Box2I(minX: 20, minY: 130, width: 160, height: 50))
    #expect((quiet.pixels.map(abs).max() ?? 0) < 2)
    #expect(throws: ImagingError.self) {
      try MatchedSubtraction(
        template: template.cropped(to: box.grown(by: -5)), science: science, fit.matching(.template))
    }
  }
}
