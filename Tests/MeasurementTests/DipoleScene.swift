// SPDX-License-Identifier: GPL-3.0-or-later
// Scenes with stars that moved.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport

/// A science image and a template with stars, and their difference.
struct DipoleScene {
  var difference: Exposure
  var science: Exposure
  var template: Exposure

  /// A star: where it is and how bright in the science image and in the template; a flux of 0 for none.
  struct Star {
    var science: Point2D
    var template: Point2D
    var scienceFlux: Double
    var templateFlux: Double
  }

  /// - Parameters:
  ///   - noise: of the science image and of the template.
  ///   - templateSigma: of the stars in the template, where it is not that of the PSF.
  init(
    _ box: Box2I, _ stars: [Star], noise: (Double, Double), sigma: Double = 2, templateSigma: Double? = nil,
    gradient: (Double, Double, Double) = (0, 0, 0), seed: UInt64, side: Int = 25
  ) throws {
    let psf = try gaussianPSF(sigma: sigma, side: side)
    let slope = Image<Float>(box: box) { x, y in Float(gradient.0 + gradient.1 * Double(x) + gradient.2 * Double(y)) }
    var first = noise.0 > 0 ? noiseImage(box, sigma: noise.0, seed: seed) : Image<Float>(box: box, fill: 0)
    var second = noise.1 > 0 ? noiseImage(box, sigma: noise.1, seed: seed &+ 77) : Image<Float>(box: box, fill: 0)
    first.add(slope, times: 1)
    second.add(slope, times: 1)
    for star in stars {
      paint(&first, star.science, star.scienceFlux, sigma)
      paint(&second, star.template, star.templateFlux, templateSigma ?? sigma)
    }
    let variances = (max(noise.0 * noise.0, 1e-3), max(noise.1 * noise.1, 1e-3))
    science = try makeExposure(first, variance: variances.0, psf: psf)
    template = try makeExposure(second, variance: variances.1, psf: psf)
    first.add(second, times: -1)
    difference = try makeExposure(first, variance: variances.0 + variances.1, psf: psf)
  }

  /// The difference's detections at 5σ of both signs, those that touch being one.
  func footprints() throws -> [Footprint] {
    var config = SourceDetectionConfig()
    config.thresholdPolarity = .both
    let task = try SourceDetectionTask(config: config)
    var exposure = difference
    let found = try task.detectFootprints(&exposure)
    guard let positive = found.positive, let negative = found.negative else { return [] }
    return positive.merged(withNegative: negative, reach: 0).footprints
  }
}

private func paint(_ image: inout Image<Float>, _ center: Point2D, _ flux: Double, _ sigma: Double) {
  guard flux != 0, let pixel = center.pixel else { return }
  let reach = Int(6 * sigma) + 1
  let box = Box2I(minX: pixel.x - reach, minY: pixel.y - reach, width: 2 * reach + 1, height: 2 * reach + 1)
    .intersection(image.box)
  for y in box.minY..<box.endY {
    for x in box.minX..<box.endX {
      let (dx, dy) = (Double(x) - center.x, Double(y) - center.y)
      image[x, y] += Float(flux / (2 * .pi * sigma * sigma) * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)))
    }
  }
}

/// A catalog with a centroid in it, and what fits its dipoles.
struct DipoleCatalog {
  var catalog: Catalog
  let fitter: DipoleFitter

  init(_ footprints: [Footprint], _ config: DipoleFitConfig = .init()) throws {
    var schema = try Schema.minimalSource()
    _ = try PointKey(adding: "base_SdssCentroid", to: &schema, doc: "centroid")
    _ = try CovarianceMatrixKey(
      adding: "base_SdssCentroid", ["x", "y"], units: ["pixel", "pixel"], to: &schema, withCovariances: false, doc: "")
    try schema.addField("base_SdssCentroid_flag", as: Bool.self, doc: "")
    fitter = try DipoleFitter("ip_diffim_DipoleFit", config, addingTo: &schema)
    catalog = Catalog(schema, rowCount: footprints.count)
    for (row, footprint) in footprints.enumerated() {
      catalog.setFootprint(footprint, row: row)
      try set("base_SdssCentroid_x", row, Double(row) + 0.5)
      try set("base_SdssCentroid_y", row, Double(row) + 0.25)
      catalog[try schema.key("base_SdssCentroid_xErr", as: Float.self), row] = 0.5
      catalog[try schema.key("base_SdssCentroid_yErr", as: Float.self), row] = 0.75
    }
  }

  mutating func set(_ name: String, _ row: Int, _ value: Double) throws {
    catalog[try catalog.schema.key(name, as: Double.self), row] = value
  }

  mutating func measure(_ difference: Exposure, _ science: Exposure?, _ template: Exposure?) {
    let slots = MeasurementSlots(catalog.schema)
    let images = [difference, science, template].map { $0.map { MeasurementImage($0, slots: slots) } }
    guard let first = images[0] else { return }
    for row in 0..<catalog.rowCount {
      fitter.measure(row: row, of: &catalog, difference: first, science: images[1], template: images[2])
    }
  }

  func doubles(_ name: String) throws -> [Double] { try catalog.column("ip_diffim_DipoleFit_" + name) }
  func floats(_ name: String) throws -> [Double] {
    try catalog.column("ip_diffim_DipoleFit_" + name, as: Float.self).map(Double.init)
  }
  func flags(_ name: String) throws -> [Bool] { try catalog.column("ip_diffim_DipoleFit_" + name) }
}

/// Dipoles of stars that moved on a grid, at positions anywhere in their pixels and in all directions.
struct MovedStars {
  let scene: DipoleScene
  let stars: [DipoleScene.Star]
  static let spacing = 56

  /// - Parameters:
  ///   - others: more stars, for the position and the number of each.
  ///   - sn: flux over the noise of a PSF fit on the difference.
  init(
    _ count: Int, separation: Double, sn: Double, noise: (Double, Double) = (5, 2.5), seed: UInt64,
    templateSigma: Double? = nil,
    others: (Point2D, inout SeededRandom) -> [DipoleScene.Star] = { _, _ in [] }
  ) throws {
    var random = SeededRandom(seed)
    let side = Int(Double(count).squareRoot().rounded(.up))
    let flux = Self.flux(sn, noise)
    var (stars, all): ([DipoleScene.Star], [DipoleScene.Star]) = ([], [])
    for i in 0..<count {
      let center = Point2D(
        x: Double(i % side * Self.spacing + Self.spacing / 2) + random.uniform(-0.5...0.5),
        y: Double(i / side * Self.spacing + Self.spacing / 2) + random.uniform(-0.5...0.5))
      let angle = random.uniform(0...(2 * .pi))
      let half = Point2D(x: cos(angle), y: sin(angle)) * (separation / 2)
      stars.append(.init(science: center + half, template: center - half, scienceFlux: flux, templateFlux: flux))
      all += others(center, &random)
    }
    self.stars = stars
    scene = try DipoleScene(
      Box2I(width: side * Self.spacing, height: side * Self.spacing), stars + all, noise: noise,
      templateSigma: templateSigma, seed: seed)
  }

  /// The flux of a star of σ 2 px.
  static func flux(_ sn: Double, _ noise: (Double, Double) = (5, 2.5)) -> Double {
    sn * ((noise.0 * noise.0 + noise.1 * noise.1) * 4 * .pi * 4).squareRoot()
  }

  /// What a perfect detection would give: disks of 10 px with the extremes of the difference as peaks.
  func footprints() -> [Footprint] {
    stars.compactMap { star in
      let center = (star.science + star.template) * 0.5
      let distance = star.science.distance(to: star.template)
      let reach = max(distance, 5.6) / distance / 2
      let half = (star.science - star.template) * reach
      guard let spans = SpanSet(ellipseAt: center, moments: SIMD3(100, 100, 0)),
        let (up, down) = (center + half).pixel.flatMap({ up in (center - half).pixel.map { (up, $0) } })
      else { return nil }
      return Footprint(
        spans, peaks: [makePeak(at: up, value: 10), makePeak(at: down, value: -10)], region: scene.difference.box)
    }
  }

  /// Fits of all that can be fitted, with their numbers.
  func fits(
    science: Bool = true, template: Bool = true, _ config: DipoleFitConfig = .init()
  ) throws -> [(star: DipoleScene.Star, fit: DipoleFit)] {
    let slots = MeasurementSlots(try Schema.minimalSource())
    let difference = MeasurementImage(scene.difference, slots: slots)
    let images = (
      science ? MeasurementImage(scene.science, slots: slots) : nil,
      template ? MeasurementImage(scene.template, slots: slots) : nil
    )
    return zip(stars, footprints()).compactMap { star, footprint in
      (try? DipoleFit(footprint, difference: difference, science: images.0, template: images.1, config)).map {
        (star, $0)
      }
    }
  }

  /// How many of the stars are detected with peaks of both signs, and how many of these are called dipoles.
  func classified() throws -> (candidates: Int, dipoles: Int) {
    let all = try scene.footprints()
    let footprints = stars.compactMap { star in
      let center = (star.science + star.template) * 0.5
      return all.filter { $0.peaks.contains { $0.position.distance(to: center) < 12 } }.max { $0.area < $1.area }
    }
    var catalog = try DipoleCatalog(footprints)
    catalog.measure(scene.difference, scene.science, scene.template)
    let both = footprints.filter { $0.strongestPositivePeak != nil && $0.strongestNegativePeak != nil }
    return (both.count, try catalog.flags("classification").filter { $0 }.count)
  }
}

func makePeak(at pixel: Point2I, value: Float) -> Peak {
  Peak(
    id: 1, position: Point2D(pixel), pixel: pixel, value: value, isFromPositive: value > 0, isFromNegative: value < 0)
}

extension MovedStars {
  init(_ scene: DipoleScene, _ stars: [DipoleScene.Star]) {
    self.scene = scene
    self.stars = stars
  }
}
