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
  /// Painted in, not of the survey's own population.
  var isPainted = false
  /// The other star of a pair, its place in the list.
  var partner: Int?
  let position: SpherePoint
  /// East and north of the field's centre, arcseconds.
  let offset: Point2D
  /// By band, nJy.
  let fluxes: [Double]
}

/// All that there is on the sky of a simulated survey.
struct TrueSky {
  private(set) var sources: [TrueSource]
  private let center: SpherePoint
  private var random: SeededRandom

  /// Stars that are painted in keep so far from anything else, arcseconds.
  private static let clearance = 5.0
  private static let (pairCount, singleCount) = (60, 250)
  /// FWHM of the coadds, arcseconds, about.
  private static let seeing = 1.25

  /// The survey's objects, and between them pairs of stars 1.3 to 1.7 FWHM wide, and single ones.
  ///
  /// - Parameter area: where to paint, arcseconds east and north of the field's centre.
  init(_ survey: SyntheticSurvey, painting area: Box2D) {
    let center = survey.tracts.centers[0]
    self.center = center
    random = SeededRandom(UInt64(survey.config.seed))
    sources = survey.objects.map { object in
      TrueSource(
        isStar: object.kind == .star, position: object.position, offset: Self.offset(object.position, from: center),
        fluxes: object.fluxes)
    }
    for _ in 0..<Self.pairCount {
      let magnitude = random.uniform(19...21.5)
      let (width, angle) = (Self.seeing * random.uniform(1.3...1.7), random.uniform(0...2 * .pi))
      let step = Point2D(x: width * cos(angle), y: width * sin(angle))
      guard let place = freePlace(in: area, beside: step) else { continue }
      add(place, magnitude, partner: sources.count + 1)
      add(place + step, magnitude + random.uniform(-0.7...0.7), partner: sources.count - 1)
    }
    for _ in 0..<Self.singleCount {
      guard let place = freePlace(in: area) else { continue }
      add(place, random.uniform(18...22.5))
    }
  }

  /// East and north of a position, arcseconds.
  static func offset(_ position: SpherePoint, from center: SpherePoint) -> Point2D {
    Point2D(
      x: (position.ra - center.ra).degrees * 3600 * cos(position.dec), y: (position.dec - center.dec).degrees * 3600)
  }

  /// A place from which, and from a step beside which, everything else is far.
  private mutating func freePlace(in area: Box2D, beside step: Point2D = Point2D(x: 0, y: 0)) -> Point2D? {
    for _ in 0..<200 {
      let place = Point2D(x: random.uniform(area.minX...area.maxX), y: random.uniform(area.minY...area.maxY))
      let isFree = !sources.contains { source in
        min(source.offset.distance(to: place), source.offset.distance(to: place + step)) < Self.clearance
      }
      if isFree { return place }
    }
    return nil
  }

  private mutating func add(_ place: Point2D, _ magnitude: Double, partner: Int? = nil) {
    // Where it really lies follows from the position, so that curvature does not matter.
    let position = center.offset(bearing: .zero, distance: .arcseconds(place.x))
      .offset(bearing: .degrees(90), distance: .arcseconds(place.y))
    let colour = 0.6 + 0.35 * random.gaussian()
    sources.append(
      TrueSource(
        isStar: true, isPainted: true, partner: partner, position: position,
        offset: Self.offset(position, from: center),
        fluxes: [magnitude + colour, magnitude].map { PhotoCalib.zeroMagnitudeNanojansky * pow(10, -0.4 * $0) }))
  }

  /// Whether nothing of more than a thousandth of a star's flux is within 5 arcseconds, nothing ten times as bright within 10; its partner
  /// does not count.
  func isIsolated(_ star: Int, band: Int) -> Bool {
    let own = sources[star]
    return !sources.indices.contains { i in
      let ratio = sources[i].fluxes[band] / own.fluxes[band]
      return i != star && i != own.partner && ratio > 1e-3
        && sources[i].offset.distance(to: own.offset) < (ratio > 10 ? 10 : 5)
    }
  }
}

extension SimulatedExposure {
  /// The exposure with the painted stars: exact PSFs, their photon noise in pixels and variances.
  func painting(
    _ sky: TrueSky, band: Int, visit: Int64, detector: Int, _ survey: SyntheticSurvey
  ) throws -> Exposure {
    var result = exposure
    guard let wcs = exposure.wcs, let scale = exposure.photoCalib?.mean, let gain = exposure.detector?.gain else {
      return result
    }
    var random = SeededRandom(
      UInt64(bitPattern: Int64(survey.config.seed) &* 1_000_003 &+ visit &* 64) &+ UInt64(detector))
    let painted = sky.sources.filter(\.isPainted)
    var light = Image<Float>(box: exposure.box, fill: 0)
    for (source, position) in zip(painted, wcs.skyToPixel(painted.map(\.position))) {
      guard let pixel = position.pixel, exposure.box.grown(by: 30).contains(pixel),
        let stamp = survey.exactPSF(
          visit: visit, detector: detector, at: position, dx: position.x - Double(pixel.x),
          dy: position.y - Double(pixel.y))
      else { continue }
      let part = stamp.box.shifted(x: pixel.x, y: pixel.y).intersection(light.box)
      for y in part.minY..<part.endY {
        for x in part.minX..<part.endX {
          light[x, y] += Float(source.fluxes[band] / scale * stamp[x - pixel.x, y - pixel.y])
        }
      }
    }
    let noise = try PixelStatistics(of: exposure.maskedImage.variance, .quartiles).median
    let threshold = Float(survey.config.sources.detectedSigma * noise.squareRoot())
    try result.maskedImage.updateInPlace { image, mask, variance throws(ImagingError) in
      let detected = mask.planes.bitMask(ofExisting: ["DETECTED"])
      for y in light.box.minY..<light.box.endY {
        for x in light.box.minX..<light.box.endX where light[x, y] > 0 {
          image[x, y] += light[x, y] + Float((Double(light[x, y]) / gain).squareRoot() * random.gaussian())
          variance[x, y] += light[x, y] / Float(gain)
          if light[x, y] > threshold { mask[x, y] |= detected }
        }
      }
    }
    return result
  }
}
