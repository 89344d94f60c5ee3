// SPDX-License-Identifier: GPL-3.0-or-later
// Differences whose noise is known.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TestSupport

/// A difference of two images with white noise and the same stars, the template convolved with a kernel that is right (differencing C4).
struct DecorrelationScene {
  static let scienceSigma = 3.3
  static let templateSigma = 2.2

  let science: Exposure
  var template: Exposure
  var difference: Exposure
  let kernel: Kernel

  /// A Gaussian of sum 1, or as much as `sum` says.
  static func gaussian(_ sigma: Double, side: Int, sum: Double = 1) -> Image<Double> {
    let image = Image<Double>(box: Box2I(width: side, height: side)) { x, y in
      let (dx, dy) = (Double(x - (side - 1) / 2), Double(y - (side - 1) / 2))
      return exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
    }
    let scale = sum / image.sum
    return image.map { $0 * scale }
  }

  /// The kernel that makes the PSFs alike.
  static func constantKernel() throws -> Kernel {
    try Kernel(gaussian((scienceSigma * scienceSigma - templateSigma * templateSigma).squareRoot(), side: 31))
  }

  /// - Parameters:
  ///   - variances: of the noise of both images.
  ///   - stars: how many there are of fluxes from 50 to 30000.
  init(
    _ variances: (science: Double, template: Double), side: Int = 256, stars: Int = 50, seed: UInt64 = 66,
    kernel: Kernel? = nil
  ) throws {
    let box = Box2I(minX: 100, minY: 200, width: side, height: side)
    let outer = box.grown(by: 24)
    var random = SeededRandom(seed)
    func noise(_ box: Box2I, _ variance: Double) -> Image<Float> {
      let sigma = variance.squareRoot()
      return Image(box: box) { _, _ in Float(sigma * random.gaussian()) }
    }
    var (own, other) = (noise(box, variances.science), noise(outer, variances.template))
    for _ in 0..<stars {
      let position = Point2D(
        x: random.uniform(Double(box.minX)...Double(box.maxX)), y: random.uniform(Double(box.minY)...Double(box.maxY)))
      let flux = random.uniform(50...30_000)
      addGaussian(to: &own, at: position, sigma: Self.scienceSigma, flux: flux)
      addGaussian(to: &other, at: position, sigma: Self.templateSigma, flux: flux)
    }
    func exposure(_ image: Image<Float>, _ variance: Double, _ sigma: Double) throws -> Exposure {
      Exposure(
        try MaskedImage(
          image: image, mask: Mask(box: image.box), variance: Image(box: image.box, fill: Float(variance))),
        psf: try KernelPSF(Self.gaussian(sigma, side: 31), averagePosition: box.center))
    }
    self.kernel = try kernel ?? Self.constantKernel()
    science = try exposure(own, variances.science, Self.scienceSigma)
    template = try exposure(other, variances.template, Self.templateSigma)
    var difference = science
    difference.maskedImage = try MatchedSubtraction(
      template: template.maskedImage, science: science.maskedImage, MatchingKernel(self.kernel, convolved: .template)
    ).difference
    self.difference = difference
  }

  /// Another difference of the same images, whose variance planes are wrong by a factor.
  init(_ other: DecorrelationScene, _ difference: MaskedImage, _ kernel: Kernel, planeError: Float) throws {
    func scaled(_ exposure: Exposure) throws -> Exposure {
      var result = exposure
      let pixels = exposure.maskedImage
      result.maskedImage = try MaskedImage(
        image: pixels.image, mask: pixels.mask, variance: pixels.variance.map { $0 * planeError })
      return result
    }
    self.kernel = kernel
    science = try scaled(other.science)
    template = try scaled(other.template)
    self.difference = other.difference
    self.difference.maskedImage = difference
  }

  /// The autocorrelation of an image at a lag, of all pairs within a part of it.
  static func autocorrelation(_ image: Image<Float>, _ dx: Int, _ dy: Int, in part: Box2I) -> Double {
    let inner = part.intersection(
      Box2I(minX: part.minX - dx, minY: part.minY - dy, width: part.width, height: part.height))
    var (sum, square, count) = (0.0, 0.0, 0.0)
    for y in inner.minY..<inner.endY {
      for x in inner.minX..<inner.endX {
        let (a, b) = (Double(image[x, y]), Double(image[x + dx, y + dy]))
        guard (a * b).isFinite else { continue }
        sum += a * b
        square += a * a
        count += 1
      }
    }
    return sum / square
  }
}

extension Exposure {
  /// Lets a closure change pixels and mask.
  mutating func edit(_ body: (inout Image<Float>, inout Mask) throws -> Void) throws {
    var (image, mask) = (maskedImage.image, maskedImage.mask)
    try body(&image, &mask)
    maskedImage = try MaskedImage(image: image, mask: mask, variance: maskedImage.variance)
  }
}
