// SPDX-License-Identifier: GPL-3.0-or-later
// Trails of known sources.

import Catalogs
import Foundation
import Imaging
import Measurement
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

/// The model of a trail at a position: a line of light of one count under a Gaussian.
private func model(_ trail: Trail, sigma: Double, _ x: Double, _ y: Double) -> Double {
  let (dx, dy) = (x - trail.center.x, y - trail.center.y)
  let u = dx * cos(trail.angle) + dy * sin(trail.angle)
  let v = dy * cos(trail.angle) - dx * sin(trail.angle)
  let scale = 2.0.squareRoot() * sigma
  return (erf((u + trail.length / 2) / scale) - erf((u - trail.length / 2) / scale)) / (2 * trail.length)
    * exp(-v * v / (scale * scale)) / (2 * .pi).squareRoot() / sigma
}

/// Adds a trail to the pixels of a box.
func addTrail(_ trail: Trail, flux: Double, sigma: Double, to image: inout Image<Float>, in box: Box2I) {
  for y in box.minY..<box.endY {
    for x in box.minX..<box.endX { image[x, y] += Float(flux * model(trail, sigma: sigma, Double(x), Double(y))) }
  }
}

struct TrailTests {
  private func doubles(_ name: String, _ catalog: Catalog) throws -> [Double] { try catalog.column(name) }
  private func flags(_ name: String, _ catalog: Catalog) throws -> [Bool] { try catalog.column(name) }

  /// The model by tables and recurrences beside the obvious one, its gradient beside differences.
  @Test func fitsOfTrailsAreThoseOfTheObviousWay() throws {
    var random = SeededRandom(15)
    for i in 0..<40 {
      let box = Box2I(minX: 5, minY: -8, width: 30, height: 26)
      let sigma = random.uniform(0.7...3)
      let trail = Trail(
        center: Point2D(x: random.uniform(12...28), y: random.uniform(-2...12)), length: random.uniform(0.01...25),
        angle: i == 0 ? 0 : i == 1 ? .pi / 2 : random.uniform(-1.57...1.57))
      var image = noiseImage(box.grown(by: 4), sigma: 1, seed: random.next())
      addTrail(trail, flux: 2000, sigma: sigma, to: &image, in: image.box)
      let variance = Image<Float>(box: image.box) { x, y in Float(2 + 0.01 * Double(x + y)) }
      func obvious(_ trail: Trail) -> (flux: Double, error: Double) {
        var (squares, products, variances) = (0.0, 0.0, 0.0)
        for y in box.minY..<box.endY {
          for x in box.minX..<box.endX {
            let m = model(trail, sigma: sigma, Double(x), Double(y))
            squares += m * m
            products += m * Double(image[x, y])
            variances += m * m * Double(variance[x, y])
          }
        }
        return (products / squares, variances.squareRoot() / squares)
      }
      let fit = TrailFit(trail, sigma: sigma, image: image, variance: variance, in: box)
      let expected = obvious(trail)
      // Beyond 6σ the model is e^−18 of its maximum.
      #expect(abs(fit.flux / expected.flux - 1) < 1e-6)
      #expect(abs(fit.pixelError / expected.error - 1) < 1e-6)
      for axis in 0..<4 {
        func moved(_ step: Double) -> Trail {
          var moved = trail
          if axis == 0 { moved.center.x += step }
          if axis == 1 { moved.center.y += step }
          if axis == 2 { moved.length += step }
          if axis == 3 { moved.angle += step }
          return moved
        }
        let slope = (obvious(moved(1e-4)).flux - obvious(moved(-1e-4)).flux) / 2e-4
        // A count in 2,000; the difference's own error is smaller.
        #expect(
          abs(fit.gradient[axis] - slope) < 0.01 + 1e-5 * abs(slope), "\(i) \(axis): \(fit.gradient[axis]) \(slope)")
      }
    }
  }

  /// Trails in many directions, measured with the moments of either plugin as the shape.
  private func measured(
    length: Double, flux: Double, noise: Double, count: Int, shape: String = "ext_shapeHSM_HsmSourceMoments"
  ) throws -> (truth: [Trail], catalog: Catalog) {
    let (columns, half, sigma) = (20, 13 + Int(length / 2), 2.0)
    let spacing = 2 * half + 3
    let rows = (count + columns - 1) / columns
    var image = noiseImage(Box2I(width: columns * spacing, height: rows * spacing), sigma: noise, seed: 77)
    var random = SeededRandom(78)
    var truth: [Trail] = []
    for i in 0..<count {
      let middle = Point2I(x: (i % columns) * spacing + half + 1, y: (i / columns) * spacing + half + 1)
      let trail = Trail(
        center: Point2D(
          x: Double(middle.x) + random.uniform(-0.5...0.5), y: Double(middle.y) + random.uniform(-0.5...0.5)),
        length: length, angle: random.uniform(-1.5...1.5))
      truth.append(trail)
      addTrail(
        trail, flux: flux, sigma: sigma, to: &image,
        in: Box2I(minX: middle.x - half, minY: middle.y - half, width: 2 * half + 1, height: 2 * half + 1))
    }
    let exposure = try makeExposure(
      image, variance: noise * noise, psf: try gaussianPSF(sigma: sigma, side: 25),
      wcs: try SkyWCS(
        referencePixel: Point2D(x: 200, y: 200), reference: SpherePoint(raDegrees: 30, decDegrees: 60),
        cd: AffineTransform(xx: -0.2 / 3600, yy: 0.2 / 3600)))
    let (task, schema) = try makeMeasurement(
      [shape, "ext_trailedSources_Naive"],
      slots: {
        $0.centroid = "given"
        $0.shape = shape
      }, before: { _ = try PointKey(adding: "given", to: &$0, doc: "position") })
    var catalog = makeCatalog(schema, at: truth.map(\.center), half: half)
    let center = try PointKey("given", in: schema)
    for row in truth.indices { catalog[center, row] = truth[row].center }
    try task.run(&catalog, on: exposure)
    return (truth, catalog)
  }

  @Test(arguments: ["ext_shapeHSM_HsmSourceMoments", "base_SdssShape"], [1.0, 5, 20])
  func withoutNoiseATrailIsTheTruth(_ shape: String, _ length: Double) throws {
    let (truth, catalog) = try measured(length: length, flux: 5000, noise: 0, count: 40, shape: shape)
    let name = "ext_trailedSources_Naive"
    let found = (
      length: try doubles(name + "_length", catalog), angle: try catalog.column(name + "_angle", as: Angle.self),
      flux: try doubles(name + "_flux", catalog)
    )
    // SdssShape stops at changes of 1e-4 of xx and cuts its weight at √14 σ; a length of 1 px is 4e-3 of the moments.
    let tolerance = shape == "base_SdssShape" ? 2e-3 : 1e-5
    for (row, trail) in truth.enumerated() {
      #expect(abs(found.length[row] - length) < tolerance * max(length, 8 / length), "\(found.length[row])")
      #expect(abs(found.angle[row].radians - trail.angle) < 10 * tolerance / min(length * length, 10))
      #expect(abs(found.flux[row] / 5000 - 1) < tolerance)
    }
    #expect(!(try flags(name + "_flag", catalog)).contains(true))
    #expect(try flags(name + "_flag_suspect_long_trail", catalog).allSatisfy { $0 == (length == 20) })
  }

  /// Unbiased, with errors that are the scatter.
  @Test(arguments: [(6.0, 1500.0), (15, 3000), (25, 6000)])
  func errorsAreTheScatter(_ length: Double, _ flux: Double) throws {
    let (truth, catalog) = try measured(length: length, flux: flux, noise: 1, count: 600)
    let name = "ext_trailedSources_Naive"
    let angles = try catalog.column(name + "_angle", as: Angle.self)
    func pulls(_ column: String, _ expected: (Int) -> Double) throws -> (mean: Double, deviation: Double) {
      let (found, error) = (
        column == "_angle" ? angles.map(\.degrees) : try doubles(name + column, catalog),
        try doubles(name + column + "Err", catalog)
      )
      return spread(found.indices.map { (found[$0] - expected($0)) / error[$0] })
    }
    // The sign of the direction is free, but both are within ±90°; truths are at most 86°, 15 errors of the angle.
    let all = [
      ("_length", try pulls("_length") { _ in length }), ("_flux", try pulls("_flux") { _ in flux }),
      ("_angle", try pulls("_angle") { truth[$0].angle * 180 / .pi }),
      ("_x0", try pulls("_x0") { truth[$0].center.x - length / 2 * cos(truth[$0].angle) }),
      ("_y1", try pulls("_y1") { truth[$0].center.y + length / 2 * sin(truth[$0].angle) }),
    ]
    for (column, pulls) in all {
      // Standard errors of mean and deviation of 600 values: 0.04 and 0.03. The errors are those of a Gaussian's moments; a trail
      // is less spread out than that, so that they are too large by up to half of them.
      #expect(abs(pulls.mean) < 0.2, "\(column) \(pulls)")
      #expect(pulls.deviation > (length > 10 ? 0.6 : 0.88) && pulls.deviation < 1.12, "\(column) \(pulls)")
    }
  }

  @Test func trailsThatAreNoneAreFlagged() throws {
    let name = "ext_trailedSources_Naive"
    var image = noiseImage(Box2I(width: 60, height: 60), sigma: 1, seed: 3)
    addStar(to: &image, at: Point2D(x: 30, y: 30), sigma: 2, flux: 1000)
    var exposure = try makeExposure(image, variance: 1, psf: try gaussianPSF(sigma: 2))
    func measured(
      _ exposure: Exposure, _ position: Point2D = Point2D(x: 30, y: 30), _ shape: (Double, Double, Double) = (6, 4, 1),
      apFlux: Double? = nil, isFlagged: Bool = false
    ) throws -> Catalog {
      try measureGiven(
        [name], exposure, [position], shape: SecondMoments(xx: shape.0, yy: shape.1, xy: shape.2), half: 12,
        { $0.slots.apFlux = apFlux == nil ? nil : "circle" },
        before: {
          guard apFlux != nil else { return }
          try $0.addField("circle_instFlux", as: Double.self, unit: "count", doc: "flux")
          try $0.addField("circle_instFluxErr", as: Double.self, unit: "count", doc: "error")
        },
        prepare: { catalog in
          catalog[try catalog.schema.key("given_flag", as: Bool.self), 0] = isFlagged
          guard let apFlux else { return }
          catalog[try catalog.schema.key("circle_instFlux", as: Double.self), 0] = apFlux
          catalog[try catalog.schema.key("circle_instFluxErr", as: Double.self), 0] = 7
        })
    }
    func isFlagged(_ flag: String, _ catalog: Catalog) throws -> Bool { try flags("\(name)_flag\(flag)", catalog)[0] }
    let good = try measured(exposure)
    #expect(try !isFlagged("", good) && !isFlagged("_safeCentroid", good))
    #expect(try catalog(good, "_ra").isNaN)
    // A circle has no length.
    let round = try measured(exposure, Point2D(x: 30, y: 30), (4, 4, 0))
    #expect(try isFlagged("_noConverge", round) && isFlagged("", round) && catalog(round, "_length").isNaN)
    let flagged = try measured(exposure, isFlagged: true)
    #expect(try isFlagged("_shape", flagged) && isFlagged("", flagged))
    #expect(try isFlagged("_shape", measured(exposure, Point2D(x: 30, y: 30), (.nan, 4, 1))))
    #expect(try isFlagged("_nan", measured(exposure, Point2D(x: .nan, y: 30))))
    let long = try measured(exposure, Point2D(x: 55, y: 30), (60, 4, 0))
    #expect(try isFlagged("_off_image", long) && isFlagged("_edge", long) && isFlagged("_suspect_long_trail", long))
    #expect(try !isFlagged("", long) && catalog(long, "_flux").isFinite)
    // A pixel of no data takes the trail's flux away.
    try exposure.maskedImage.update { image, mask, _ throws(ImagingError) in
      image[31, 31] = .nan
      try mask.set("EDGE", in: Box2I(minX: 31, minY: 28, width: 3, height: 5))
    }
    let spoiled = try measured(exposure)
    #expect(try isFlagged("_noFlux", spoiled) && isFlagged("", spoiled) && isFlagged("_edge", spoiled))
    let saved = try measured(exposure, apFlux: 900)
    #expect(try !isFlagged("", saved) && catalog(saved, "_flux") == 900 && catalog(saved, "_fluxErr") == 7)
    #expect(try isFlagged("_noFlux", measured(exposure, apFlux: .nan)))
    // Its variance is negative: a flux without an error.
    let impossible = try makeExposure(image, variance: -1, psf: exposure.psf)
    let found = try measured(impossible)
    #expect(try catalog(found, "_flux").isFinite && catalog(found, "_fluxErr").isNaN && !isFlagged("", found))
    exposure.psf = nil
    #expect(try isFlagged("_noSigma", measured(exposure)) && isFlagged("", measured(exposure)))
  }

  private func catalog(_ catalog: Catalog, _ column: String) throws -> Double {
    let name = "ext_trailedSources_Naive" + column
    return try catalog.schema.field(name).type == .angle
      ? catalog.column(name, as: Angle.self)[0].degrees : doubles(name, catalog)[0]
  }
}
