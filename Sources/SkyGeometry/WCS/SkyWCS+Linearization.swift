// SPDX-License-Identifier: GPL-3.0-or-later
// The local scale of a world coordinate system.

extension SkyWCS {
  /// The tangent map at a position: from pixels to offsets toward east and north on the sky, in radians.
  ///
  /// The offsets are on the plane that touches the sky at `position`, which maps to (0, 0). Central differences over half a
  /// pixel; relative error about 1e-9.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)`` at the edge of the projection's domain.
  package func linearizePixelToSky(at position: Point2D) throws(WCSError) -> AffineTransform {
    let step = 0.5
    let sky = pixelToSky([
      position, Point2D(x: position.x - step, y: position.y), Point2D(x: position.x + step, y: position.y),
      Point2D(x: position.x, y: position.y - step), Point2D(x: position.x, y: position.y + step),
    ])
    guard sky.allSatisfy(\.isFinite) else { throw .undefinedPosition(x: position.x, y: position.y) }
    let center = sky[0]
    let east = SIMD3(-sin(center.ra), cos(center.ra), 0)
    let north = SIMD3(-sin(center.dec) * cos(center.ra), -sin(center.dec) * sin(center.ra), cos(center.dec))
    let dx = (sky[2].unitVector - sky[1].unitVector) / (2 * step)
    let dy = (sky[4].unitVector - sky[3].unitVector) / (2 * step)
    let linear = AffineTransform(
      xx: (dx * east).sum(), xy: (dy * east).sum(), yx: (dx * north).sum(), yy: (dy * north).sum())
    return AffineTransform(
      xx: linear.xx, xy: linear.xy, yx: linear.yx, yy: linear.yy,
      x0: -(linear.xx * position.x + linear.xy * position.y), y0: -(linear.yx * position.x + linear.yy * position.y))
  }

  /// The side of a pixel at a position: the square root of its area on the sky.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)``.
  package func pixelScale(at position: Point2D) throws(WCSError) -> Angle {
    Angle(radians: abs(try linearizePixelToSky(at: position).determinant).squareRoot())
  }
}
