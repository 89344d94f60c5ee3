// SPDX-License-Identifier: GPL-3.0-or-later
// Finding and measuring sources.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework

/// Measures detection, every plugin by itself, all of them, and the whole task.
struct DetectionStages {
  let side: Int

  /// The beginnings of the operations' names.
  static let names = ["detect sources", "measure sources", "detect and measure", "false detections"]

  func measureAll(where isWanted: (String) -> Bool) throws -> [Measurement] {
    var results: [Measurement] = []
    if isWanted(Self.names[0]) || isWanted(Self.names[2]) {
      returnFreedMemory()
      let before = residentMemory()
      let scene = try DetectionScene(side: side, spacing: 128)
      if isWanted(Self.names[0]) { results += try measureDetection(scene, before) }
      if isWanted(Self.names[2]) { results += try measureTask(scene, before) }
    }
    if isWanted(Self.names[1]) { results += try measurePlugins() }
    // Six of the largest are the hundred megapixels that it takes.
    if side == 4096, isWanted(Self.names[3]) { results += try countFalseDetections() }
    return results
  }

  private func measureDetection(_ scene: DetectionScene, _ before: Double) throws -> [Measurement] {
    var config = SourceDetectionConfig()
    config.thresholdPolarity = .both
    let task = try SourceDetectionTask(config: config)
    return try [("matched filter", true), ("score", false)].map { name, smooths in
      var exposure = smooths ? scene.difference : scene.score
      var result = try measure("detect sources, \(name)", side: side) {
        task.emptyMetadata()
        keep(try task.detectFootprints(&exposure, doSmooth: smooths))
      }
      result.rate = Double(side * side) / result.seconds / 1e6
      result.unit = "Mpx/s"
      result.setMemory(before: before, inputBytes: 12 * side * side)
      return result
    }
  }

  /// Detections of both signs at 5σ on white noise, beside how many Gaussian noise has.
  private func countFalseDetections() throws -> [Measurement] {
    var config = SourceDetectionConfig()
    config.thresholdPolarity = .both
    let task = try SourceDetectionTask(config: config)
    var (count, seconds) = (0, [Double]())
    for seed in 0..<6 {
      var exposure = try DetectionScene.noise(side: side, seed: UInt64(1000 + seed))
      seconds.append(
        try measure("false detections", side: side, runs: 1) {
          task.emptyMetadata()
          let found = try task.detectFootprints(&exposure)
          count += found.numPos + found.numNeg
        }.seconds)
    }
    // Each image was searched twice, once to warm up.
    let (found, area) = (count / 2, 6 * side * side)
    let expected = Self.expectedDensity(threshold: 5, sigma: DetectionScene.sigma) * Double(area)
    note(
      "false detections at 5 sigma on \(area / 1_000_000) Mpx of noise: \(found), expected of Gaussian noise \(String(format: "%.1f", expected))"
    )
    seconds.sort()
    var result = Measurement(
      name: "false detections at 5 sigma", side: side, seconds: seconds[3], fastest: seconds[0], slowest: seconds[5],
      runs: 6, peakMemoryMiB: residentMemory())
    result.rate = Double(found) / Double(area) * 1e6
    result.unit = "per Mpx"
    return [result]
  }

  /// A pixel's share of the detections of both signs above a threshold on smoothed white noise (Adler & Taylor 2007), a maximum being seen at the nearest pixel.
  private static func expectedDensity(threshold: Double, sigma: Double) -> Double {
    let count = 40
    var sum = 0.0
    for i in 0..<count * count {
      let a = (Double(i % count) + 0.5) / Double(count) - 0.5
      let b = (Double(i / count) + 0.5) / Double(count) - 0.5
      let u = threshold * (1 + (a * a + b * b) / (4 * sigma * sigma))
      sum += u * exp(-u * u / 2)
    }
    return 2 * sum / Double(count * count) / (2 * sigma * sigma) / pow(2 * .pi, 1.5)
  }

  private func measureTask(_ scene: DetectionScene, _ before: Double) throws -> [Measurement] {
    let task = try DetectAndMeasureScoreTask()
    var count = 0
    var result = try measure("detect and measure, score", side: side, runs: 3) {
      task.emptyMetadata()
      let found = try task.run(
        science: scene.science, matchedTemplate: scene.science, difference: scene.difference,
        scoreExposure: scene.score)
      count = found.diaSources?.rowCount ?? 0
    }
    result.rate = Double(side * side) / result.seconds / 1e6
    result.unit = "Mpx/s"
    result.setMemory(before: before, inputBytes: 12 * side * side)
    note("detect and measure, \(side): \(count) sources")
    return [result]
  }

  /// A thousand sources a megapixel, each with a footprint of 17 pixels a side.
  private func measurePlugins() throws -> [Measurement] {
    let scene = try DetectionScene(side: side, spacing: 32)
    guard !scene.positions.isEmpty else { return [] }
    let all = (DetectAndMeasureConfig().measurement.value as? SingleFrameMeasurementConfig)?.plugins
    guard let all else { return [] }
    // Fluxes are measured at centroids and shapes that are there already.
    let needed = ["base_SdssCentroid", "base_SdssShape"]
    var results: [Measurement] = []
    for name in all.names + ["base_LocalBackground", "base_NaiveCentroid", "base_Variance"] {
      let (task, catalog) = try prepare([name] + needed.filter { $0 != name }, scene)
      let order = needed.contains(name) ? nil : needed
      var filled = catalog
      if order != nil { try task.run(&filled, on: scene.difference) }
      let (alone, empty) = try prepare([name], scene, like: filled)
      var working = empty
      var result = try measure("measure sources, \(name)", side: side, runs: 3) {
        alone.emptyMetadata()
        try alone.run(&working, on: scene.difference)
      }
      result.rate = result.seconds / Double(scene.positions.count) * 1e6
      result.unit = "us/source"
      results.append(result)
    }
    let (task, catalog) = try prepare(all.names, scene)
    var working = catalog
    var result = try measure("measure sources, all plugins", side: side, runs: 3) {
      task.emptyMetadata()
      try task.run(&working, on: scene.difference)
    }
    result.rate = result.seconds / Double(scene.positions.count) * 1e6
    result.unit = "us/source"
    return results + [result]
  }

  /// A task with some plugins, and a catalog of the scene's sources.
  ///
  /// - Parameter other: whose centroids and shapes the sources have, as columns `given`.
  private func prepare(
    _ names: [String], _ scene: DetectionScene, like other: Catalog? = nil
  ) throws -> (SingleFrameMeasurementTask, Catalog) {
    var config = SingleFrameMeasurementConfig()
    try config.plugins.select(names)
    try config.plugins.update("base_CircularApertureFlux", CircularApertureFluxConfig.self) { $0.radii = [12] }
    (config.slots.shape, config.slots.psfShape) = ("base_SdssShape", "base_SdssShape_psf")
    if other != nil {
      (config.slots.centroid, config.slots.shape, config.slots.psfShape) = ("given", "given", "given_psf")
    }
    (config.slots.modelFlux, config.slots.gaussianFlux) = (nil, nil)
    var schema = try Schema.minimalSource()
    if other != nil {
      _ = try PointKey(adding: "given", to: &schema, doc: "position")
      _ = try QuadrupoleKey(adding: "given", to: &schema, doc: "shape")
      _ = try QuadrupoleKey(adding: "given_psf", to: &schema, doc: "shape of the PSF")
    }
    let isNegative: Key<Bool> = try schema.addField("is_negative", doc: "negative")
    let task = try SingleFrameMeasurementTask(config: config)
    try task.addFields(to: &schema)
    var catalog = Catalog(schema, rowCount: scene.positions.count)
    for (row, position) in scene.positions.enumerated() {
      guard let pixel = position.pixel else { continue }
      let box = Box2I(minX: pixel.x - 8, minY: pixel.y - 8, width: 17, height: 17)
      let value = scene.difference.maskedImage.image[pixel.x, pixel.y]
      let peak = Peak(id: Int64(row + 1), position: Point2D(pixel), pixel: pixel, value: value)
      catalog.setFootprint(Footprint(SpanSet(box), peaks: [peak], region: scene.difference.box), row: row)
      catalog[isNegative, row] = value < 0
    }
    if let other {
      let (center, shape) = (try PointKey("given", in: schema), try QuadrupoleKey("given", in: schema))
      let psf = try QuadrupoleKey("given_psf", in: schema)
      let (slot, moments) = (try other.schema.centroidSlot(), try other.schema.shapeSlot())
      let psfMoments = try other.schema.shapeSlot(.psfShape)
      for row in 0..<catalog.rowCount {
        catalog[center, row] = other[slot.position, row]
        catalog[shape, row] = other[moments.moments, row]
        catalog[psf, row] = other[psfMoments.moments, row]
      }
    }
    return (task, catalog)
  }
}
