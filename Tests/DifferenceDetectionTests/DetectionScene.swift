// SPDX-License-Identifier: GPL-3.0-or-later
// Stars and transients on a science image, a template and their difference.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport

/// A source that was put into a scene.
struct SceneSource: Hashable {
  let position: Point2D
  /// Counts; negative for one that is fainter than in the template.
  let flux: Double
}

/// Science image, matched template and difference with one PSF, as detection-measurement E.1.1 has them: circular Gaussians, white noise, no sky.
struct DetectionScene {
  var science: Exposure
  var template: Exposure
  var difference: Exposure
  var transients: [SceneSource] = []
  let stars: [SceneSource]
  let sigma: Double

  /// Which of the two tasks runs.
  enum Way: CaseIterable { case difference, score }

  /// - Parameters:
  ///   - moved: how far the template's stars are from the science image's, pixels.
  ///   - noise: of the science image; the template has a quarter of it.
  init(
    box: Box2I = Box2I(minX: 12345, minY: 67890, width: 256, height: 256), stars count: Int = 20,
    flux: ClosedRange<Double> = 500...1000, sigma: Double = 2.4, noise: Double = 1,
    moved: Point2D = Point2D(x: 0, y: 0),
    transients: [SceneSource] = [], seed: UInt64 = 5
  ) throws {
    self.sigma = sigma
    self.transients = transients
    var random = SeededRandom(seed)
    let room = Box2D(box).grown(by: -22)
    stars = (0..<count).map { _ in
      SceneSource(
        position: Point2D(x: random.uniform(room.minX...room.maxX), y: random.uniform(room.minY...room.maxY)),
        flux: random.uniform(flux))
    }
    var (own, other) = (
      noiseImage(box, sigma: noise, seed: seed + 1), noiseImage(box, sigma: noise / 4, seed: seed + 2)
    )
    var (light, otherLight) = (Image<Float>(box: box, fill: 0), Image<Float>(box: box, fill: 0))
    for star in stars {
      addStar(to: &light, at: star.position, sigma: sigma, flux: star.flux)
      let there = Point2D(x: star.position.x - moved.x, y: star.position.y - moved.y)
      addStar(to: &otherLight, at: there, sigma: sigma, flux: star.flux)
    }
    for transient in transients { addStar(to: &light, at: transient.position, sigma: sigma, flux: transient.flux) }
    own.add(light, times: 1)
    other.add(otherLight, times: 1)
    let half = 16
    let kernel = Image<Double>(box: Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)) {
      x, y in
      exp(-Double(x * x + y * y) / (2 * sigma * sigma))
    }
    let psf = try KernelPSF(kernel, averagePosition: box.center)
    let wcs = try SkyWCS(
      referencePixel: box.center, reference: SpherePoint(raDegrees: 45, decDegrees: 30),
      cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600))
    let photoCalib = try PhotoCalib(mean: 1)
    func exposure(_ image: Image<Float>, _ variance: Image<Float>) throws -> Exposure {
      Exposure(
        try MaskedImage(image: image, mask: Mask(box: box), variance: variance), psf: psf, wcs: wcs,
        photoCalib: photoCalib)
    }
    func variance(_ noise: Double) -> Image<Float> { Image(box: box, fill: Float(noise * noise)) }
    science = try exposure(own, variance(noise))
    template = try exposure(other, variance(noise / 4))
    var image = own
    image.add(other, times: -1)
    difference = try exposure(image, variance(noise * 1.0625.squareRoot()))
  }

  /// Transients at random places that keep clear of the edges and of one another.
  static func randomTransients(
    _ count: Int, in box: Box2I, flux: Double, apart: Double = 30, margin: Int = 24, seed: UInt64
  ) -> [SceneSource] {
    var random = SeededRandom(seed)
    let room = Box2D(box).grown(by: -Double(margin))
    var result: [SceneSource] = []
    for _ in 0..<10_000 where result.count < count {
      let position = Point2D(x: random.uniform(room.minX...room.maxX), y: random.uniform(room.minY...room.maxY))
      guard result.allSatisfy({ $0.position.distance(to: position) >= apart }) else { continue }
      result.append(SceneSource(position: position, flux: flux))
    }
    return result
  }

  /// The difference under its PSF as a matched filter.
  func score() throws -> Exposure {
    var result = difference
    let half = Int(5 * sigma)
    let kernel = try SeparableKernel(gaussianSigma: sigma, halfWidth: half)
    let image = try convolve(difference.maskedImage.image, with: kernel)
    let variance = try convolveVariance(difference.maskedImage.variance, with: kernel)
    let inside = difference.box.grown(by: -half)
    let mask = try { () throws -> Mask in
      var mask = difference.maskedImage.mask
      for y in mask.box.minY..<mask.box.endY {
        for x in mask.box.minX..<mask.box.endX where !inside.contains(x: x, y: y) { mask[x, y] |= 1 << 4 }
      }
      return mask
    }()
    result.maskedImage = try MaskedImage(image: image, mask: mask, variance: variance)
    return result
  }

  func run(
    _ way: Way, idFactory: IDFactory = IDFactory(), exposureID: Int64 = 5, kernelSources: Catalog? = nil,
    _ change: (inout DetectAndMeasureConfig) throws -> Void = { _ in }
  ) throws -> (result: DetectAndMeasureResult, task: any Task) {
    var config = DetectAndMeasureConfig()
    try change(&config)
    switch way {
    case .difference:
      let task = try DetectAndMeasureTask(config: config)
      return (
        try task.run(
          science: science, matchedTemplate: template, difference: difference, kernelSources: kernelSources,
          idFactory: idFactory, exposureID: exposureID), task
      )
    case .score:
      let task = try DetectAndMeasureScoreTask(config: config)
      return (
        try task.run(
          science: science, matchedTemplate: template, difference: difference, scoreExposure: try score(),
          kernelSources: kernelSources, idFactory: idFactory, exposureID: exposureID), task
      )
    }
  }
}

extension Catalog {
  func positions() throws -> [Point2D] {
    let slot = try schema.centroidSlot()
    return (0..<rowCount).map { self[slot.position, $0] }
  }

  func doubles(_ name: String) throws -> [Double] { try column(name, as: Double.self) }
  func flags(_ name: String) throws -> [Bool] { try column(name, as: Bool.self) }

  /// The row nearest to a position, within a pixel unless told.
  func row(near position: Point2D, within radius: Double = 1) throws -> Int? {
    try positions().enumerated().filter { $0.element.distance(to: position) < radius }
      .min { $0.element.distance(to: position) < $1.element.distance(to: position) }?.offset
  }
}
