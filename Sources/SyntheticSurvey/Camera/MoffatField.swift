// SPDX-License-Identifier: GPL-3.0-or-later
// The PSF of a visit.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// The PSF of a visit: elliptical Moffat profiles that vary smoothly over the focal plane.
///
/// **Model.** `(1 + r²/α²)^−β` with `α = FWHM / (2 √(2^(1/β) − 1))`, r² the quadratic form of an ellipse of the circle's area, sampled at
/// pixel centres, times a taper in the plain distance that goes smoothly from 1 at three quarters of ``radius`` to 0 at it; scaled
/// so that the pixels' sum is 1. FWHM and both ellipticities are polynomials of second order of the position.
struct MoffatField {
  /// Where the profile ends, pixels.
  let radius: Int
  private let fwhm: [Double]
  private let e1: [Double]
  private let e2: [Double]
  private let beta: Double

  init(_ config: SurveyConfig, _ visit: SurveyVisit) {
    var random = RandomStream(config.seed, "psf", Int(visit.number))
    let psf = config.psf
    let central = visit.seeing / config.camera.pixelScale
    // Of the terms u, v, u² + v² at most one unit in all, so that the sum stays within the limits.
    func variation(_ largest: Double) -> [Double] {
      let (length, direction) = (largest * random.uniform(0.3, 0.6), 2 * Double.pi * random.uniform())
      return [length * cos(direction), length * sin(direction), 0.4 * largest * random.uniform(-1, 1)]
    }
    fwhm = [central] + variation(psf.fwhmVariation).map { $0 * central }
    let (e, angle) = (psf.ellipticity * random.uniform(), 2 * Double.pi * random.uniform())
    e1 = [e * cos(angle)] + variation(psf.ellipticityVariation)
    e2 = [e * sin(angle)] + variation(psf.ellipticityVariation)
    beta = psf.beta
    // The ranges of the configuration keep this below 151.
    radius = Int(exactly: min(151, max(2, (psf.radius * central).rounded(.up)))) ?? 151
  }

  private func value(_ terms: [Double], _ p: Point2D) -> Double {
    terms[0] + terms[1] * p.x + terms[2] * p.y + terms[3] * (p.x * p.x + p.y * p.y)
  }

  /// FWHM in pixels at a position in half diagonals.
  func fwhm(at position: Point2D) -> Double { value(fwhm, position) }

  /// The image of a point source of flux 1 that is off the central pixel's centre by at most half a pixel.
  ///
  /// - Parameter position: where it is on the focal plane, in half diagonals.
  /// - Returns: a stamp of ``radius`` either way about pixel (0, 0).
  func stamp(at position: Point2D, dx: Double = 0, dy: Double = 0) -> Image<Double> {
    let (g1, g2) = (value(e1, position), value(e2, position))
    let norm = (1 - g1 * g1 - g2 * g2).squareRoot()
    let alpha = fwhm(at: position) / (2 * (pow(2, 1 / beta) - 1).squareRoot())
    // The inverse of [[1 + e1, e2], [e2, 1 − e1]] / norm, in units of α².
    let (xx, xy, yy) = (
      (1 - g1) / norm / (alpha * alpha), -g2 / norm / (alpha * alpha), (1 + g1) / norm / (alpha * alpha)
    )
    let outer = Double(radius)
    let inner = 0.75 * outer
    var sum = 0.0
    let side = 2 * radius + 1
    let raw = Image<Double>(box: Box2I(minX: -radius, minY: -radius, width: side, height: side)) { column, row in
      let (x, y) = (Double(column) - dx, Double(row) - dy)
      let distance2 = x * x + y * y
      guard distance2 < outer * outer else { return 0 }
      var value = pow(1 + xx * x * x + 2 * xy * x * y + yy * y * y, -beta)
      if distance2 > inner * inner {
        let part = cos(.pi / 2 * (distance2.squareRoot() - inner) / (outer - inner))
        value *= part * part
      }
      sum += value
      return value
    }
    let scale = 1 / sum
    return raw.map { $0 * scale }
  }

  /// The PSF over a detector as an exposure carries it: polynomials of the position, fitted to the profiles.
  ///
  /// The profiles at the zeros of a Chebyshev polynomial determine the coefficients by sums alone: there the terms are
  /// orthogonal, so this is the least-squares fit.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  func polynomialPSF(
    _ focalPlane: FocalPlane, detector: Int, order: Int
  ) throws(ImagingError) -> PolynomialPSF {
    let box = focalPlane.box
    let region = Box2D(box)
    let basis = SpatialBasis(.chebyshev(region), order: order)
    let count = order + 2
    let nodes = (0..<count).map { cos(.pi * (Double($0) + 0.5) / Double(count)) }
    let side = 2 * radius + 1
    var sums = [[Double]](repeating: [Double](repeating: 0, count: side * side), count: basis.termCount)
    for v in nodes {
      for u in nodes {
        let position = Point2D(
          x: region.center.x + u * region.width / 2, y: region.center.y + v * region.height / 2)
        let stamp = stamp(at: focalPlane.normalized(position, detector: detector))
        for (index, (term, degree)) in zip(basis.terms(at: position), basis.degrees).enumerated() {
          let weight = term * (degree.x == 0 ? 1 : 2) * (degree.y == 0 ? 1 : 2) / Double(count * count)
          let pixels = stamp.pixels
          for i in pixels.indices { sums[index][i] += weight * pixels[i] }
        }
      }
    }
    let planes = try sums.map { pixels throws(ImagingError) in
      try Image(box: Box2I(width: side, height: side), pixels: pixels)
    }
    return try PolynomialPSF(try Kernel(planes: planes, basis: basis), averagePosition: box.center)
  }
}
