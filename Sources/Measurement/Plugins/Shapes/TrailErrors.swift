// SPDX-License-Identifier: GPL-3.0-or-later
// Errors of a trail.

internal import SkyGeometry

/// Standard errors of a trail that was measured from moments (detection-measurement B.10.7).
///
/// Position and moments have the covariance of a Gaussian of the trail's moments and flux, fitted to pixels of one variance;
/// length, angle and ends follow to first order. The flux has the noise of its pixels, too.
struct TrailErrors {
  let flux: Double
  let length: Double
  /// Radians.
  let angle: Double
  /// Of both ends alike.
  let x: Double
  let y: Double

  /// - Parameters:
  ///   - moments: those that the trail was found from.
  ///   - fit: its flux is the trail's.
  /// - Returns: `nil` when the variance or the flux gives no errors.
  init?(_ trail: Trail, _ geometry: TrailGeometry, moments: SecondMoments, fit: TrailFit) {
    let area = 2 * Double.pi * moments.determinant.squareRoot()
    let amplitude = fit.flux / area
    let source = AdaptiveMoments(center: trail.center, moments: moments, amplitude: amplitude)
    guard let covariance = source.covariance(pixelVariance: fit.pixelVariance) else { return nil }
    // First and second moments of a Gaussian are independent.
    let scale = 4 * fit.pixelVariance / (area * amplitude * amplitude)
    let (xx, yy, xy) = (scale * moments.xx, scale * moments.yy, scale * moments.xy)
    func variance(_ gradient: SIMD3<Double>) -> Double {
      var sum = 0.0
      for i in 0..<3 {
        for j in 0..<3 { sum += gradient[i] * gradient[j] * covariance[i + 1][j + 1] }
      }
      return sum
    }
    let (along, across) = (trail.direction, SIMD2(-trail.direction.y, trail.direction.x))
    // An end is the middle plus half a length along the direction.
    func endGradient(_ axis: Int) -> SIMD3<Double> {
      0.5 * along[axis] * geometry.lengthGradient + 0.5 * trail.length * across[axis] * geometry.angleGradient
    }
    length = variance(geometry.lengthGradient).squareRoot()
    angle = variance(geometry.angleGradient).squareRoot()
    x = (xx + variance(endGradient(0))).squareRoot()
    y = (yy + variance(endGradient(1))).squareRoot()
    let g = fit.gradient
    let ofPosition = g.x * g.x * xx + g.y * g.y * yy + 2 * g.x * g.y * xy
    let ofShape = variance(g.z * geometry.lengthGradient + g.w * geometry.angleGradient)
    flux = (fit.pixelError * fit.pixelError + ofPosition + ofShape).squareRoot()
  }
}
