// SPDX-License-Identifier: GPL-3.0-or-later
// What is true of a simulated survey, and stars that are added to it.

import Foundation
import Imaging
import SkyGeometry
import SyntheticSurvey
import TestSupport

/// A star or galaxy that is there.
struct TrueSource {
  let isStar: Bool
  /// Not of the survey's own population.
  var isPainted = false
  /// The other star of a pair, its place in the list.
  var partner: Int?
  let position: SpherePoint
  /// East and north of the field's centre, arcseconds.
  let offset: Point2D
  /// By band, nJy.
  let fluxes: [Double]

  /// About the FWHM of the coadds, arcseconds.
  static let typicalSeeing = 1.2
  /// What is painted keeps so far from anything else, arcseconds.
  static let clearance = 5.0
  private static let (pairCount, singleCount) = (60, 250)

  /// The survey's objects, and stars between them: pairs 1.3 to 1.7 FWHM wide and single ones.
  static func all(_ survey: SyntheticSurvey, painting area: Box2D, seed: UInt64) -> [TrueSource] {
    let center = survey.tracts.centers[0]
    func place(_ offset: Point2D) -> SpherePoint {
      // Good to a milliarcsecond over such a field, and only what comes of it counts.
      center.offset(bearing: .zero, distance: .arcseconds(offset.x))
        .offset(bearing: .degrees(90), distance: .arcseconds(offset.y))
    }
    func offset(_ position: SpherePoint) -> Point2D { Self.offset(position, from: center) }
    var all = survey.objects.map { object in
      TrueSource(
        isStar: object.kind == .star, position: object.position, offset: offset(object.position), fluxes: object.fluxes)
    }
    var random = SeededRandom(seed)
    func isFree(_ point: Point2D) -> Bool { !all.contains { $0.offset.distance(to: point) < clearance } }
    func fluxes(_ magnitude: Double) -> [Double] {
      let colour = 0.6 + 0.35 * random.gaussian()
      return [magnitude + colour, magnitude].map { pow(10, -0.4 * ($0 - 31.4)) }
    }
    func draw() -> Point2D {
      Point2D(x: random.uniform(area.minX...area.maxX), y: random.uniform(area.minY...area.maxY))
    }
    func add(_ point: Point2D, _ magnitude: Double, partner: Int? = nil) {
      let position = place(point)
      all.append(
        TrueSource(
          isStar: true, isPainted: true, partner: partner, position: position, offset: offset(position),
          fluxes: fluxes(magnitude)))
    }
    var count = 0
    for _ in 0..<20_000 where count < pairCount {
      let first = draw()
      let (width, angle) = (typicalSeeing * random.uniform(1.3...1.7), random.uniform(0...2 * .pi))
      let second = Point2D(x: first.x + width * cos(angle), y: first.y + width * sin(angle))
      guard isFree(first), isFree(second) else { continue }
      let magnitude = random.uniform(19...21.5)
      add(first, magnitude, partner: all.count + 1)
      add(second, magnitude + random.uniform(-0.7...0.7), partner: all.count - 1)
      count += 1
    }
    count = 0
    for _ in 0..<40_000 where count < singleCount {
      let point = draw()
      guard isFree(point) else { continue }
      add(point, random.uniform(18...22.5))
      count += 1
    }
    return all
  }

  /// East and north of a position, arcseconds.
  static func offset(_ position: SpherePoint, from center: SpherePoint) -> Point2D {
    Point2D(
      x: (position.ra - center.ra).degrees * 3600 * cos(position.dec), y: (position.dec - center.dec).degrees * 3600)
  }

  /// Whether no other object of more than a thousandth of its flux is within 5 arcseconds, none of more than ten times within 10.
  static func isIsolated(_ index: Int, among all: [TrueSource], band: Int) -> Bool {
    let own = all[index]
    return !all.indices.contains { i in
      let ratio = all[i].fluxes[band] / own.fluxes[band]
      return i != index && ratio > 1e-3 && all[i].offset.distance(to: own.offset) < (ratio > 10 ? 10 : 5)
    }
  }
}

extension SimulatedExposure {
  /// The exposure with painted stars: the exact PSF, with photon noise in pixels and variance.
  func painting(
    _ truth: [TrueSource], band: Int, visit: Int64, detector: Int, _ survey: SyntheticSurvey
  ) throws -> Exposure {
    var result = exposure
    guard let wcs = exposure.wcs, let mean = exposure.photoCalib?.mean, let gain = exposure.detector?.gain else {
      return result
    }
    var random = SeededRandom(
      UInt64(bitPattern: Int64(survey.config.seed) &* 1_000_003 &+ visit &* 64) &+ UInt64(detector))
    let painted = truth.filter(\.isPainted)
    let positions = wcs.skyToPixel(painted.map(\.position))
    var light = Image<Float>(box: exposure.box, fill: 0)
    for (source, position) in zip(painted, positions) {
      guard let pixel = position.pixel, exposure.box.grown(by: 40).contains(pixel),
        let stamp = survey.exactPSF(
          visit: visit, detector: detector, at: position, dx: position.x - Double(pixel.x),
          dy: position.y - Double(pixel.y))
      else { continue }
      let part = stamp.box.shifted(x: pixel.x, y: pixel.y).intersection(light.box)
      for y in part.minY..<part.endY {
        for x in part.minX..<part.endX {
          light[x, y] += Float(source.fluxes[band] / mean * stamp[x - pixel.x, y - pixel.y])
        }
      }
    }
    let sky = try PixelStatistics(of: exposure.maskedImage.variance, .quartiles).median
    let threshold = Float(2 * sky.squareRoot())
    try result.maskedImage.updateInPlace { image, mask, variance throws(ImagingError) in
      let detected = mask.planes.bitMask(ofExisting: ["DETECTED"])
      for y in light.box.minY..<light.box.endY {
        for x in light.box.minX..<light.box.endX where light[x, y] > 0 {
          let noise = (Double(light[x, y]) / gain).squareRoot() * random.gaussian()
          image[x, y] += light[x, y] + Float(noise)
          variance[x, y] += light[x, y] / Float(gain)
          if light[x, y] > threshold { mask[x, y] |= detected }
        }
      }
    }
    return result
  }
}
