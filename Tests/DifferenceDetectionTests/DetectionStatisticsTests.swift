// SPDX-License-Identifier: GPL-3.0-or-later
// What detection finds where there is nothing, and how right its numbers are.

import Catalogs
import DifferenceDetection
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct DetectionStatisticsTests {
  /// How many detections of both signs above u standard deviations a pixel of smoothed white noise has (Adler & Taylor 2007, the Euler characteristic).
  ///
  /// The noise under a Gaussian of σ has the correlation exp(−r²/4σ²), so that its gradient has the variance 1/2σ². A maximum is seen at the pixel that is
  /// nearest to it, where it is lower by δ²/4σ² of itself.
  private func expectedDensity(threshold: Double, sigma: Double) -> Double {
    let count = 40
    var sum = 0.0
    for i in 0..<count {
      for j in 0..<count {
        let (a, b) = ((Double(i) + 0.5) / Double(count) - 0.5, (Double(j) + 0.5) / Double(count) - 0.5)
        let u = threshold * (1 + (a * a + b * b) / (4 * sigma * sigma))
        sum += u * exp(-u * u / 2)
      }
    }
    return 2 * sum / Double(count * count) / (2 * sigma * sigma) / pow(2 * .pi, 1.5)
  }

  /// At 4σ on 12.6 megapixels of blank sky, by both tasks: within a factor of 1.2 of what Gaussian noise has.
  @Test(arguments: DetectionScene.Way.allCases)
  func falseDetectionsAreThoseOfTheNoise(_ way: DetectionScene.Way) throws {
    var (count, area) = (0, 0)
    for seed in [1, 100, 200] as [UInt64] {
      let scene = try DetectionScene(box: Box2I(width: 2048, height: 2048), stars: 0, seed: seed)
      let (result, task) = try scene.run(way) { config in
        (config.doForcedMeasurement, config.doMerge) = (false, false)
        config.cutoutSize = 0
        try config.set("detection.thresholdValue", to: .integer(4))
        try config.set("detection.nSigmaToGrow", to: .integer(0))
        try config.set(
          "measurement.plugins.names", to: .list([.string("base_SdssCentroid"), .string("base_PixelFlags")]))
        try config.set("measurement.slots.shape", to: .null)
        try config.set("measurement.slots.psfShape", to: .null)
        try config.set("measurement.slots.apFlux", to: .null)
        try config.set("measurement.slots.psfFlux", to: .null)
        config.doApCorr = false
      }
      count += Int(try task.metadata.integer("nUnmergedDiaSources"))
      area += 2030 * 2030
      let null = try #require(result.null)
      // A quarter of a million values, a tenth of them independent.
      #expect(abs(null.mean) < 0.02 && abs(null.stdev - 1) < 0.02, "\(null)")
    }
    let expected = expectedDensity(threshold: 4, sigma: 2.4) * Double(area)
    #expect(Double(count) < 1.2 * expected && Double(count) > expected / 1.2, "\(count), expected \(expected)")
  }

  /// Positions, fluxes on the difference and forced fluxes on the science image scatter by their errors.
  @Test(arguments: DetectionScene.Way.allCases)
  func pullsHaveUnitWidth(_ way: DetectionScene.Way) throws {
    var pulls: [String: [Double]] = [:]
    for seed in 0..<4 as Range<UInt64> {
      let box = Box2I(minX: -300, minY: 500, width: 800, height: 800)
      let places = DetectionScene.randomTransients(300, in: box, flux: 1, apart: 34, seed: 300 + seed)
      let transients = places.enumerated().map { i, place in
        SceneSource(position: place.position, flux: 8.77 * 12 * pow(8, Double(i) / Double(places.count)))
      }
      let scene = try DetectionScene(box: box, stars: 0, transients: transients, seed: 700 + 10 * seed)
      let sources = try #require(try scene.run(way).result.diaSources)
      let slot = try sources.schema.centroidSlot()
      let errors = try #require(slot.error)
      for transient in transients {
        guard let row = try sources.row(near: transient.position, within: 2) else { continue }
        let position = sources[slot.position, row]
        pulls["x", default: []].append((position.x - transient.position.x) / Double(sources[errors.errors[0], row]))
        pulls["y", default: []].append((position.y - transient.position.y) / Double(sources[errors.errors[1], row]))
        for name in ["base_PsfFlux", "ip_diffim_forced_PsfFlux"] {
          pulls[name, default: []].append(
            (try sources.doubles(name + "_instFlux")[row] - transient.flux)
              / (try sources.doubles(name + "_instFluxErr")[row]))
        }
      }
    }
    for (name, values) in pulls {
      #expect(values.count > 1100)
      let mean = values.reduce(0, +) / Double(values.count)
      let width = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
      #expect(abs(width - 1) < 0.1 && abs(mean) < 0.15, "\(name): \(mean) \(width)")
    }
  }

  /// A variance that is wrong by a factor shows, and the calibrated significance is right.
  @Test func significanceIsCalibratedOnEmptyPositions() throws {
    let transient = SceneSource(position: Point2D(x: 200.3, y: 190.7), flux: 300)
    var scene = try DetectionScene(box: Box2I(width: 400, height: 400), stars: 0, transients: [transient])
    let (right, _) = try scene.run(.difference)
    let planes = scene.difference.maskedImage
    scene.difference.maskedImage = try MaskedImage(
      image: planes.image, mask: planes.mask, variance: planes.variance.map { $0 * 4 })
    let (wrong, _) = try scene.run(.difference)
    #expect(abs((wrong.null?.stdev ?? 0) - 0.5) < 0.02)
    func value(_ result: DetectAndMeasureResult, _ name: String) throws -> Double {
      try #require(result.diaSources).doubles(name)[0]
    }
    let nominal = try value(right, "significance")
    #expect(abs(try value(wrong, "significance") / nominal - 0.5) < 1e-3)
    #expect(abs(try value(wrong, "significance_calibrated") / nominal - 1) < 0.06)
    #expect(abs(nominal - 300 / 8.77) < 3)
  }

  /// Each key of `calculateMetrics`, counted again pixel by pixel.
  @Test func metricsAreWhatPixelsSay() throws {
    let box = Box2I(minX: 40, minY: -7, width: 90, height: 70)
    var random = SeededRandom(5)
    var mask = Mask(box: box)
    try mask.addPlane("SPIKE")
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX where random.uniform() < 0.3 {
        mask[x, y] = UInt32(truncatingIfNeeded: random.next()) & 0xFFF
      }
    }
    let image = Image<Float>(box: box, fill: 0)
    let exposure = Exposure(try MaskedImage(image: image, mask: mask, variance: image))
    var config = DetectAndMeasureConfig()
    try config.set("detection.excludeMaskPlanes", to: .list([.string("EDGE"), .string("BAD")]))
    let task = try DetectAndMeasureTask(config: config)
    for _ in 0..<2 { try task.calculateMetrics(exposure) }
    func count(_ isCounted: (UInt32) -> Bool) -> Int { mask.bits.pixels.filter(isCounted).count }
    // EDGE and BAD, and the default's NO_DATA and SAT.
    let bad: UInt32 = 1 << 4 | 1 | 1 << 8 | 2
    for (key, expected) in [
      ("nGoodPixels", count { $0 & bad == 0 }), ("nBadPixels", count { $0 & bad != 0 }),
      ("nPixelsDetectedPositive", count { $0 & 32 != 0 }), ("nPixelsDetectedNegative", count { $0 & 64 != 0 }),
      ("nBadPixelsDetectedPositive", count { $0 & 32 != 0 && $0 & bad != 0 }),
      ("nBadPixelsDetectedNegative", count { $0 & 64 != 0 && $0 & bad != 0 }),
    ] {
      // A number, though it ran twice (the reference makes a list of them).
      #expect(try task.metadata.integer(key) == expected, "\(key)")
      #expect(expected > 0)
    }
    for (plane, bit) in mask.planes.bits {
      let expected = Double(count { $0 & 1 << UInt32(bit) != 0 }) / Double(box.area)
      #expect(try task.metadata.double(plane.lowercased() + "_mask_fraction") == expected)
    }
  }

  /// What is left of the kernel's stars, counted again.
  @Test(arguments: [false, true])
  func residualMetricsAreWhatFootprintsSay(_ hasSky: Bool) throws {
    let scene = try DetectionScene(box: Box2I(width: 300, height: 300))
    var schema = try Schema.minimalSource()
    _ = try schema.addField("unused", as: Double.self, doc: "nothing")
    var stars = Catalog(schema, rowCount: scene.stars.count)
    for (row, star) in scene.stars.enumerated() {
      let pixel = try #require(star.position.pixel)
      let disk = SpanSet([Span(y: pixel.y, x0: pixel.x, x1: pixel.x)]).dilated(by: 5)
      stars.setFootprint(Footprint(disk, region: scene.science.box), row: row)
    }
    let (result, task) = try scene.run(.difference, kernelSources: stars) { $0.doSkySources = hasSky }
    let (image, science) = (scene.difference.maskedImage.image, scene.science.maskedImage.image)
    func mean(_ plane: Image<Float>, _ spans: SpanSet) -> Double {
      var (sum, count) = (0.0, 0.0)
      for span in spans.spans {
        for x in span.x0...span.x1 { (sum, count) = (sum + Double(abs(plane[x, span.y])), count + 1) }
      }
      return sum / count
    }
    let sources = try #require(result.diaSources)
    let isSky = try sources.flags("sky_source")
    let sky = (0..<sources.rowCount).filter { isSky[$0] }.compactMap { sources.footprint(row: $0)?.spans }.map {
      mean(image, $0)
    }
    let sorted = image.pixels.map { abs($0) }.sorted()
    let level =
      hasSky
      ? sky.reduce(0, +) / Double(sky.count) : Double(sorted[sorted.count / 2] + sorted[sorted.count / 2 - 1]) / 2
    let ratios = stars.footprints.compactMap { $0?.spans }.map { abs((mean(image, $0) - level) / mean(science, $0)) }
    func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }
    let expected = moments(ratios)
    #expect(abs(try task.metadata.double("residualFootprintRatioMean") - expected.mean) < 1e-6)
    #expect(abs(try task.metadata.double("residualFootprintRatioStdev") - expected.deviation) < 1e-6)
    let skyMean = try task.metadata.double("differenceFootprintSkyRatioMean")
    let skyDeviation = try task.metadata.double("differenceFootprintSkyRatioStdev")
    if hasSky {
      let ofSky = moments(sky.map { $0 / level })
      #expect(abs(skyMean - ofSky.mean) < 1e-9 && abs(skyDeviation - ofSky.deviation) < 1e-9)
    } else {
      #expect(skyMean.isNaN && skyDeviation.isNaN)
    }
    #expect(result.failure == nil)
    let (bad, _) = try scene.run(.difference, kernelSources: stars) { config in
      (config.raiseOnBadSubtractionRatio, config.badSubtractionRatioThreshold) = (true, 1e-6)
    }
    #expect((bad.failure as? DetectAndMeasureError)?.category == "BadSubtractionError")
    #expect(bad.diaSources != nil)
  }
}
