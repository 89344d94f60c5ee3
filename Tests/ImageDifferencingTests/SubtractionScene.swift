// SPDX-License-Identifier: GPL-3.0-or-later
// Pairs of images of the same stars.

import Catalogs
import Foundation
import ImageDifferencing
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// An image of the scene that the reference system's own tests are made on (differencing C1): stars of one PSF at the same places whatever the
/// PSF and the noise, and the catalog of what is detected on it.
struct SubtractionScene {
  var exposure: Exposure
  let sources: Catalog
  let positions: [Point2D]
  let fluxes: [Double]

  struct Options {
    var sigma = 2.4
    var noise = 1.0
    var noiseSeed: UInt64 = 6
    var border = 0
    var count = 20
    var flux = 500.0
    var width = 256
    var height = 256
    var x0 = 12345
    var y0 = 67890
    /// Divides the variance plane.
    var varianceError = 1.0
    /// Of a Chebyshev polynomial of order 2 over the box, added to the image once sources are detected.
    var background: [Double] = []
  }

  init(_ change: (inout Options) -> Void = { _ in }) throws {
    var options = Options()
    change(&options)
    let inner = Box2I(minX: options.x0, minY: options.y0, width: options.width, height: options.height)
    let box = inner.grown(by: options.border)
    var random = SeededRandom(5)
    let margin = 16.0
    var (positions, fluxes): ([Point2D], [Double]) = ([], [])
    for _ in 0..<options.count {
      positions.append(
        Point2D(
          x: random.uniform(Double(inner.minX) + margin...Double(inner.maxX) - margin),
          y: random.uniform(Double(inner.minY) + margin...Double(inner.maxY) - margin)))
      fluxes.append(options.flux * random.uniform(1...2))
    }
    var clean = Image<Float>(box: box, fill: 0)
    for (position, flux) in zip(positions, fluxes) {
      addGaussian(to: &clean, at: position, sigma: options.sigma, flux: flux)
    }
    var noise = noiseImage(box, sigma: options.noise, seed: options.noiseSeed)
    let mean = Float(noise.sum / Double(box.area))
    noise = noise.map { $0 - mean }
    let scale = Float(options.varianceError)
    let level = Float(options.noise * options.noise)
    let variance = clean.map { ($0.squareRoot() + level) / scale }
    var image = clean
    image.add(noise)
    exposure = Exposure(
      try MaskedImage(image: image, mask: Mask(box: box), variance: variance),
      psf: try Self.psf(options.sigma, box.center),
      wcs: try Self.wcs(),
      photoCalib: try PhotoCalib(mean: 1), filter: FilterLabel(band: "g"))
    (self.positions, self.fluxes) = (positions, fluxes)
    sources = try Self.detect(&exposure)
    guard !options.background.isEmpty else { return }
    let basis = SpatialBasis(.chebyshev(Box2D(inner)), order: 2)
    let surface = try SpatialFunction(basis, coefficients: options.background).image(over: box).map { Float($0) }
    try exposure.maskedImage.add(surface)
  }

  static func wcs(referenceX: Double = 0) throws -> SkyWCS {
    try SkyWCS(
      referencePixel: Point2D(x: referenceX, y: 0), reference: SpherePoint(raDegrees: 10, decDegrees: -5),
      cd: AffineTransform(xx: -5.5e-5, yy: 5.5e-5))
  }

  static func psf(_ sigma: Double, _ position: Point2D) throws -> KernelPSF {
    let image = Image<Double>(box: Box2I(minX: -15, minY: -15, width: 31, height: 31)) { x, y in
      exp(-Double(x * x + y * y) / (2 * sigma * sigma))
    }
    return try KernelPSF(image, averagePosition: position)
  }

  /// The catalog that a survey would have of it; the mask gets DETECTED.
  private static func detect(_ exposure: inout Exposure) throws -> Catalog {
    var schema = try Schema.minimalSource()
    let detection = try SourceDetectionTask()
    let measurement = try SingleFrameMeasurementTask()
    try detection.addFields(to: &schema)
    try measurement.addFields(to: &schema)
    var ids = IDFactory()
    var catalog = try detection.run(&exposure, schema: schema, ids: &ids).sources
    try measurement.run(&catalog, on: exposure)
    return catalog
  }
}

/// Adds a star, looking at the pixels about it alone.
func addGaussian(to image: inout Image<Float>, at center: Point2D, sigma: Double, flux: Double) {
  let norm = flux / (2 * .pi * sigma * sigma)
  let reach = 6 * sigma
  for y in image.box.minY..<image.box.endY where abs(Double(y) - center.y) < reach {
    for x in image.box.minX..<image.box.endX where abs(Double(x) - center.x) < reach {
      let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
      image[x, y] += Float(norm * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)))
    }
  }
}

extension Image<Float> {
  mutating func add(_ other: Image<Float>) {
    var index = -1
    self = map { value in
      index += 1
      return value + other.pixels[index]
    }
  }
}

/// The task of the reference system's tests, with neither decorrelation nor score unless they are asked for.
func makeSubtraction(_ change: (inout AlardLuptonSubtractConfig) -> Void = { _ in }) throws -> AlardLuptonSubtractTask {
  var config = AlardLuptonSubtractConfig()
  config.candidates.restrictKernelEdgeSources = false
  (config.doDecorrelation, config.doScore) = (false, false)
  change(&config)
  return try AlardLuptonSubtractTask(config: config)
}

/// Clipped statistics of a plane where a mask is clear.
func clippedStatistics(
  _ image: Image<Float>, _ mask: Mask,
  excluding planes: [String] = [
    "INTRP", "EDGE", "DETECTED", "SAT", "CR", "BAD", "NO_DATA", "DETECTED_NEGATIVE",
  ]
) throws -> (mean: Double, scatter: Double, count: Int) {
  let statistics = try PixelStatistics(
    of: image, mask: mask, control: StatisticsControl(andMask: mask.planes.bitMask(ofExisting: planes)), .all)
  return (statistics.clippedMean, statistics.clippedStandardDeviation, statistics.count)
}
