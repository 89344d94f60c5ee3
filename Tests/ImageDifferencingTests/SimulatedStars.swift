// SPDX-License-Identifier: GPL-3.0-or-later
// Stars in two images, with the truth about them.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TestSupport
import Testing

/// Stars of Gaussian PSFs in two images: a sharp one, and a wider one of another scale and sky.
struct SimulatedStars {
  var templateSigma = 1.7
  var scienceSigma = 2.3
  var scale = 1.05
  var sky = 0.0
  var noise = 5.0
  var variance: Float? = nil
  var stampSide = 43

  func image(_ box: Box2I, at center: Point2D, sigma: Double, flux: Double, level: Double, _ random: inout SeededRandom)
    -> Image<Float>
  {
    var pixels: [Float] = []
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX {
        let r2 = pow(Double(x) - center.x, 2) + pow(Double(y) - center.y, 2)
        let light = flux / (2 * .pi * sigma * sigma) * exp(-r2 / (2 * sigma * sigma)) + level
        pixels.append(Float(light + (noise == 0 ? 0 : noise * random.gaussian())))
      }
    }
    var index = -1
    return Image(box: box) { _, _ in
      index += 1
      return pixels[index]
    }
  }

  func candidate(_ id: Int, at center: Point2D, flux: Double, _ random: inout SeededRandom) throws -> KernelCandidate {
    let box = try #require(Box2I(centeredAt: center, side: stampSide))
    let noise = Image<Float>(box: box, fill: variance ?? Float(max(1, self.noise * self.noise)))
    let sharp = image(box, at: center, sigma: templateSigma, flux: flux, level: 0, &random)
    let wide = image(box, at: center, sigma: scienceSigma, flux: flux * scale, level: sky, &random)
    return try KernelCandidate(
      id: Int64(id), position: center, rating: flux,
      template: try MaskedImage(image: sharp, mask: Mask(box: box), variance: noise),
      science: try MaskedImage(image: wide, mask: Mask(box: box), variance: noise))
  }

  /// Stars anywhere in a square, of one to two times a flux.
  func candidates(_ count: Int, side: Int, flux: Double, seed: UInt64) throws -> [KernelCandidate] {
    var random = SeededRandom(seed)
    let margin = Double(stampSide / 2 + 2)
    return try (0..<count).map { id in
      let x = random.uniform(margin...Double(side) - margin)
      let y = random.uniform(margin...Double(side) - margin)
      return try candidate(id, at: Point2D(x: x, y: y), flux: flux * (1 + random.uniform()), &random)
    }
  }

  var fwhm: (target: Double, reference: Double) { (templateSigma * fwhmPerSigma, scienceSigma * fwhmPerSigma) }

  func basis(_ config: AlardLuptonBasisConfig = .init()) throws -> KernelBasis {
    try AlardLuptonBasis(targetFwhm: fwhm.target, referenceFwhm: fwhm.reference, config).basis
  }
}
