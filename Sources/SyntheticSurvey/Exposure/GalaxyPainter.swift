// SPDX-License-Identifier: GPL-3.0-or-later
// Galaxies on images.

internal import Imaging
internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Draws galaxies as they are before the PSF.
///
/// **Model.** Exponential and de Vaucouleurs profiles `exp(−b ((r/rₑ)^(1/n) − 1))` with b = 1.6783 and 7.6692, the ellipse's semi-major axis
/// being r, cut at 4 rₑ. Points on a grid about the galaxy's own centre are spread over pixels by the cubic B-spline, so that a galaxy has
/// one shape wherever its centre lies within a pixel; a mean over pixels would not, and leave dipoles in differences. It widens all
/// galaxies by σ² = 1/3 pixel², in every visit alike. The sum over all pixels is the flux.
struct GalaxyPainter {
  /// From pixels to arcseconds toward east and north.
  private let cd: AffineTransform
  private let pixelScale: Double
  private static let cut = 4.0

  init(cd: AffineTransform, pixelScale: Double) {
    self.cd = AffineTransform(xx: cd.xx * 3600, xy: cd.xy * 3600, yx: cd.yx * 3600, yy: cd.yy * 3600)
    self.pixelScale = pixelScale
  }

  /// How far a galaxy reaches, pixels.
  func reach(_ shape: GalaxyShape) -> Int {
    Int(exactly: min(2000, (Self.cut * shape.radius / pixelScale).rounded(.up) + 3)) ?? 2000
  }

  /// Adds a galaxy.
  func paint(_ flux: Double, _ shape: GalaxyShape, at position: Point2D, into image: inout Image<Float>) {
    guard let pixel = position.pixel else { return }
    let reach = reach(shape)
    guard image.box.grown(by: reach).contains(pixel) else { return }
    let (dx, dy) = (position.x - Double(pixel.x), position.y - Double(pixel.y))
    let (s, c) = (sin(shape.positionAngle), cos(shape.positionAngle))
    let (radius, q) = (shape.radius, shape.axisRatio)
    // r² = (along² + across²/q²) / rₑ² as a quadratic form of the pixel's offset.
    let along = (x: (cd.xx * s + cd.yx * c) / radius, y: (cd.xy * s + cd.yy * c) / radius)
    let across = (x: (cd.xx * c - cd.yx * s) / (radius * q), y: (cd.xy * c - cd.yy * s) / (radius * q))
    func light(_ x: Double, _ y: Double) -> Double {
      let (u, v) = (along.x * x + along.y * y, across.x * x + across.y * y)
      let r = (u * u + v * v).squareRoot()
      guard r < Self.cut else { return 0 }
      var sum = 0.0
      // Both profiles hold flux 1 within the whole plane: 2π n Γ(2n) b^(−2n) e^b is 11.948 and 22.665, times q.
      if shape.bulge < 1 { sum += (1 - shape.bulge) / 11.948 * exp(-1.67835 * (r - 1)) }
      if shape.bulge > 0 { sum += shape.bulge / 22.665 * exp(-7.66925 * (r.squareRoot().squareRoot() - 1)) }
      return sum
    }
    // Small galaxies need more points a pixel; the shape alone decides, so that all visits have the same.
    let size = radius * q / pixelScale
    let parts = size < 1.5 ? 7 : size < 4 ? 4 : 2
    let count = (reach - 3) * parts
    let side = 2 * reach + 1
    let (columns, rows) = (SplineWeights(count, parts, dx, reach), SplineWeights(count, parts, dy, reach))
    var (pixels, total) = ([Double](repeating: 0, count: side * side), 0.0)
    var line = [Double](repeating: 0, count: side)
    for j in 0...2 * count {
      let y = Double(j - count) / Double(parts)
      for i in line.indices { line[i] = 0 }
      for i in 0...2 * count {
        let value = light(Double(i - count) / Double(parts), y)
        guard value > 0 else { continue }
        total += value
        for k in 0..<4 { line[columns.first[i] + k] += value * columns.weights[4 * i + k] }
      }
      for k in 0..<4 {
        let (weight, start) = (rows.weights[4 * j + k], (rows.first[j] + k) * side)
        for i in line.indices { pixels[start + i] += weight * line[i] }
      }
    }
    let box = Box2I(minX: -reach, minY: -reach, width: side, height: side)
    // The centre always has light, and there are as many pixels as the box has.
    guard total > 0, let stamp = try? Image(box: box, pixels: pixels) else { return }
    image.add(stamp, times: flux / total, at: pixel)
  }
}

/// How points on a line spread over pixels: the four weights of the cubic B-spline for each.
private struct SplineWeights {
  /// The first of the four pixels, counted from the stamp's first.
  var first: [Int] = []
  var weights: [Double] = []

  /// Points at `i / parts` from the centre for i from −`count` to `count`, the centre at `offset` (at most ½) from pixel `reach`.
  init(_ count: Int, _ parts: Int, _ offset: Double, _ reach: Int) {
    for i in -count...count {
      let position = Double(i) / Double(parts) + offset
      let below = position.rounded(.down)
      let t = position - below
      // |position| is at most reach − 3 + ½, so all four pixels are on the stamp.
      first.append((Int(exactly: below) ?? 0) - 1 + reach)
      weights += [
        (1 - t) * (1 - t) * (1 - t) / 6, (3 * t * t * t - 6 * t * t + 4) / 6,
        (-3 * t * t * t + 3 * t * t + 3 * t + 1) / 6, t * t * t / 6,
      ]
    }
  }
}

extension Kernel {
  /// The kernel whose correlation gives every point the shape of a PSF: the PSF turned by 180 degrees (docs/conventions.md).
  init(turning psf: PolynomialPSF) throws(ImagingError) {
    let turned = try psf.model.planes.map { plane throws(ImagingError) in
      try Image(box: plane.box, pixels: plane.pixels.reversed())
    }
    try self.init(planes: turned, basis: psf.model.basis)
  }
}
