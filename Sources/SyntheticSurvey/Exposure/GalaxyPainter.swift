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
/// being r, cut at 4 rₑ. A pixel is the mean of its parts, 7 × 7 of them near the centre; the sum over all pixels is the flux.
/// So galaxies are wider than they would be at pixel centres by the pixel's own width, in every visit alike.
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
    Int(exactly: min(2000, (Self.cut * shape.radius / pixelScale).rounded(.up) + 1)) ?? 2000
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
    var total = 0.0
    let side = 2 * reach + 1
    let raw = Image<Double>(box: Box2I(minX: -reach, minY: -reach, width: side, height: side)) { column, row in
      let (x, y) = (Double(column) - dx, Double(row) - dy)
      let distance = max(abs(x), abs(y))
      let parts = distance < 3 ? 7 : distance < 8 ? 3 : 1
      var sum = 0.0
      for j in 0..<parts {
        for i in 0..<parts {
          sum += light(
            x + (Double(i) + 0.5) / Double(parts) - 0.5, y + (Double(j) + 0.5) / Double(parts) - 0.5)
        }
      }
      let mean = sum / Double(parts * parts)
      total += mean
      return mean
    }
    guard total > 0 else { return image.add(Image(box: Box2I(width: 1, height: 1), fill: 1), times: flux, at: pixel) }
    image.add(raw, times: flux / total, at: pixel)
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
