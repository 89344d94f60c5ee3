// SPDX-License-Identifier: GPL-3.0-or-later
// Images with stars, and catalogs of them.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport

/// A Gaussian PSF sampled at pixel centres, of a square stamp.
func gaussianPSF(sigma: Double, side: Int = 17) throws -> KernelPSF {
  let half = side / 2
  let image = Image<Double>(box: Box2I(minX: -half, minY: -half, width: side, height: side)) { x, y in
    exp(-Double(x * x + y * y) / (2 * sigma * sigma))
  }
  return try KernelPSF(image, averagePosition: Point2D(x: 0, y: 0))
}

/// An image and its variance as an exposure.
func makeExposure(
  _ image: Image<Float>, variance: Double, psf: (any PSF)? = nil, wcs: SkyWCS? = nil
) throws -> Exposure {
  Exposure(
    try MaskedImage(
      image: image, mask: Mask(box: image.box), variance: Image(box: image.box, fill: Float(variance))),
    psf: psf, wcs: wcs)
}

/// A task with some plugins, and the schema that it made.
func makeMeasurement(
  _ plugins: [String], slots: (inout SlotConfig) -> Void = { _ in },
  _ change: (inout SingleFrameMeasurementConfig) throws -> Void = { _ in },
  before: (inout Schema) throws -> Void = { _ in }
) throws -> (task: SingleFrameMeasurementTask, schema: Schema) {
  var config = SingleFrameMeasurementConfig()
  try config.plugins.select(plugins)
  slots(&config.slots)
  try change(&config)
  var schema = try Schema.minimalSource()
  try before(&schema)
  let task = try SingleFrameMeasurementTask(config: config)
  try task.addFields(to: &schema)
  return (task, schema)
}

/// A catalog of sources with a peak at the nearest pixel of each position, and a footprint of a square about it.
func makeCatalog(_ schema: Schema, at positions: [Point2D], value: Float = 1, half: Int = 5) -> Catalog {
  var catalog = Catalog(schema, rowCount: positions.count)
  for (row, position) in positions.enumerated() {
    let pixel = position.pixel ?? Point2I(x: 0, y: 0)
    let peak = Peak(
      id: Int64(row + 1), position: Point2D(pixel), pixel: pixel, value: value, isFromPositive: value > 0,
      isFromNegative: value < 0)
    let box = Box2I(minX: pixel.x - half, minY: pixel.y - half, width: 2 * half + 1, height: 2 * half + 1)
    catalog.setFootprint(Footprint(SpanSet(box), peaks: [peak], region: box), row: row)
  }
  return catalog
}

/// Stars of one PSF on noise, far from each other, with positions that are anywhere in their pixels.
struct StarField {
  var exposure: Exposure
  var positions: [Point2D] = []
  let flux: Double

  /// - Parameter spacing: of the grid on which the stars are, pixels.
  init(
    count: Int, flux: Double, noise: Double, sigma: Double = 2, spacing: Int = 24, side: Int = 17, seed: UInt64,
    origin: Point2I = Point2I(x: 0, y: 0)
  ) throws {
    self.flux = flux
    let columns = max(1, Int(Double(count).squareRoot().rounded(.up)))
    let rows = (count + columns - 1) / columns
    let box = Box2I(minX: origin.x, minY: origin.y, width: columns * spacing, height: rows * spacing)
    var image =
      noise > 0
      ? noiseImage(box, sigma: noise, seed: seed) : Image<Float>(box: box, fill: 0)
    var random = SeededRandom(seed &+ 1000)
    for i in 0..<count {
      let center = Point2D(
        x: Double(box.minX + (i % columns) * spacing + spacing / 2) + random.uniform(-0.5...0.5),
        y: Double(box.minY + (i / columns) * spacing + spacing / 2) + random.uniform(-0.5...0.5))
      positions.append(center)
      let reach = spacing / 2
      guard let pixel = center.pixel else { continue }
      for y in pixel.y - reach..<pixel.y + reach {
        for x in pixel.x - reach..<pixel.x + reach {
          let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
          image[x, y] += Float(flux / (2 * .pi * sigma * sigma) * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)))
        }
      }
    }
    exposure = try makeExposure(
      image, variance: noise * noise, psf: try gaussianPSF(sigma: sigma, side: side))
  }
}

/// Mean and standard deviation.
func spread(_ values: [Double]) -> (mean: Double, deviation: Double) {
  let mean = values.reduce(0, +) / Double(values.count)
  let sum = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (mean, (sum / Double(values.count - 1)).squareRoot())
}
