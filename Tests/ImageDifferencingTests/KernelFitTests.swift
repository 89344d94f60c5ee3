// SPDX-License-Identifier: GPL-3.0-or-later
// Matching kernels: their functions, those of single stars and of the whole image, against the reference system and the truth.

import Foundation
import ImageDifferencing
import Imaging
import Repository
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct KernelFitTests {
  private static let toFwhm = (8 * log(2.0)).squareRoot()

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

  /// Kernels of single stars of golden case A: its images, positions and basis; variances scaled as the reference did.
  @Test(.enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment"))
  func singleKernelsAreTheReferences() throws {
    let golden = try GoldenFile("A_T_nodec.h5")
    defer { golden.remove() }
    func image(_ name: String, factor: Double) throws -> MaskedImage {
      let fits = try FITSExposure(SharedData.url("golden/\(name)").path)
      let scale = Float(factor)
      return try MaskedImage(
        image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance).map { $0 * scale })
    }
    // A_T_nodec_meta.json: scaleTemplateVarianceFactor, scaleScienceVarianceFactor.
    let template = try image("A_template.fits", factor: 1.0935861154096487)
    let science = try image("A_science.fits", factor: 1.1100333825544797)
    let basis = try AlardLuptonBasis(targetFwhm: 4.003194076552614, referenceFwhm: 5.416086103571183).basis
    let parameters = try golden["candidate_params"].doubles
    func column(_ name: String) throws -> [Double] { try golden["candidates.\(name)"].doubles }
    let (x, y, status) = (try column("x"), try column("y"), try column("status"))
    let (background, sums, chi2) = (try column("bg"), try column("ksum"), try column("chi2"))
    let bad = try science.mask.planes.bitMask(["NO_DATA", "EDGE", "SAT"])
    var compared = 0
    // 2: never fitted.
    for row in x.indices where status[row] != 2 {
      let position = Point2D(x: x[row], y: y[row])
      let box = try #require(Box2I(centeredAt: position, side: 2 * basis.side + 1))
      let candidate = try KernelCandidate(
        id: Int64(row), position: position, rating: 1, template: template.cropped(to: box),
        science: science.cropped(to: box))
      let fit = try SingleKernelFit(candidate, basis)
      // The normal equations have a condition number of some 10⁷, so coefficients agree to 10⁻⁷ of the largest at best; theirs come
      // from convolutions in another order.
      let largest = parameters[row * basis.count..<(row + 1) * basis.count].map(abs).max() ?? 1
      for m in 0..<basis.count {
        #expect(abs(fit.coefficients[m] - parameters[row * basis.count + m]) < 1e-5 * largest, "candidate \(row), \(m)")
      }
      #expect(abs(fit.background - background[row]) < 1e-5 * abs(background[row]) + 1e-5)
      #expect(abs(fit.kernelSum - sums[row]) < 1e-6)
      let residual = try candidate.residual(
        fit.kernel(basis), background: fit.background, bad: bad)
      #expect(abs(residual.rms * residual.rms - chi2[row]) < 1e-3 * chi2[row])
      compared += 1
    }
    #expect(compared == 75)
  }

  /// The whole search on golden case A: the same stars are rejected, and the kernel is the same.
  @Test(.enabled(if: GoldenFile.isAvailable("A_T_nodec.h5"), "needs shared/golden and the Python environment"))
  func theSearchEndsAsTheReferences() throws {
    let golden = try GoldenFile("A_T_nodec.h5")
    defer { golden.remove() }
    func image(_ name: String, factor: Double) throws -> MaskedImage {
      let fits = try FITSExposure(SharedData.url("golden/\(name)").path)
      let scale = Float(factor)
      return try MaskedImage(
        image: fits.image, mask: try #require(fits.mask), variance: try #require(fits.variance).map { $0 * scale })
    }
    let template = try image("A_template.fits", factor: 1.0935861154096487)
    let science = try image("A_science.fits", factor: 1.1100333825544797)
    let basis = try AlardLuptonBasis(targetFwhm: 4.003194076552614, referenceFwhm: 5.416086103571183).basis
    func column(_ name: String) throws -> [Double] { try golden["candidates.\(name)"].doubles }
    let (x, y, rating, status) = (try column("x"), try column("y"), try column("rating"), try column("status"))
    let candidates = try x.indices.map { row in
      let position = Point2D(x: x[row], y: y[row])
      let box = try #require(Box2I(centeredAt: position, side: 2 * basis.side + 1))
      return try KernelCandidate(
        id: Int64(row), position: position, rating: rating[row], template: template.cropped(to: box),
        science: science.cropped(to: box))
    }
    var search = KernelSearch(candidates, basis, region: science.box)
    let fit = try search.run()
    for row in x.indices {
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
  }
}
