// SPDX-License-Identifier: GPL-3.0-or-later
// The flux of a trail.

package import Imaging
package import SkyGeometry

/// The fit of one number, its flux, to a trail: a line of light convolved with a Gaussian (detection-measurement B.10.6).
///
/// Σmd/Σm² over a box, with the model m of integral 1.
package struct TrailFit: Sendable {
  /// NaN when the box has no pixel of the trail, or one that is not finite.
  package let flux: Double
  /// By the trail's x, y, length and angle.
  package let gradient: SIMD4<Double>
  /// Of the flux of a trail whose place is known.
  package let pixelError: Double
  /// Variance of a pixel, as a mean over the trail.
  package let pixelVariance: Double

  /// - Parameter sigma: of the PSF, pixels.
  package init(_ trail: Trail, sigma: Double, image: Image<Float>, variance: Image<Float>, in box: Box2I) {
    let box = box.intersection(image.box).intersection(variance.box)
    var sums = TrailSums()
    if sigma > 0, trail.length > 0, sigma.isFinite, trail.length <= 1e9 * sigma, trail.center.isFinite {
      let model = TrailModel(trail, sigma: sigma)
      for y in box.minY..<box.endY { sums.addRow(y, model, image, variance, from: box.minX, to: box.maxX) }
    }
    flux = sums.products / sums.squares
    pixelError = sums.variances.squareRoot() / sums.squares
    pixelVariance = sums.variances / sums.squares
    let (c, s) = (trail.direction.x, trail.direction.y)
    // Sums over the derivative of the model by u, v, L and θ, with what the flux takes of each.
    let g = (sums.derivativeProducts - 2 * flux * sums.derivativeModels) / sums.squares
    gradient = SIMD4(-c * g.x + s * g.y, -s * g.x - c * g.y, g.z, g.w)
  }
}

private struct TrailSums {
  /// Σm², Σmd, Σm²v.
  var squares = 0.0
  var products = 0.0
  var variances = 0.0
  /// Of the derivatives of m by u, v, L, θ: with d, and with m.
  var derivativeProducts = SIMD4<Double>.zero
  var derivativeModels = SIMD4<Double>.zero

  mutating func addRow(
    _ y: Int, _ model: TrailModel, _ image: Image<Float>, _ variance: Image<Float>, from first: Int, to last: Int
  ) {
    let dy = Double(y) - model.center.y
    guard let reach = model.columns(dy: dy) else { return }
    let (low, high) = (
      max(reach.lowerBound + model.center.x, Double(first)), min(reach.upperBound + model.center.x, Double(last))
    )
    guard low <= high else { return }
    let (start, end) = (Int(low.rounded(.up)), Int(high.rounded(.down)))
    guard start <= end else { return }

    let (c, s, inverse) = (model.direction.x, model.direction.y, 1 / model.sigma)
    let dx = Double(start) - model.center.x
    var (u, v) = ((dx * c + dy * s) * inverse, (dy * c - dx * s) * inverse)
    // From pixel to pixel the Gaussian across changes by a ratio, which itself changes by a constant ratio.
    let step = s * inverse
    var across = model.norm * exponential(-0.5 * v * v)
    var ratio = exponential(step * (v - 0.5 * step))
    let change = exponential(-step * step)
    let (slope, byLength) = (TrailModel.slope * inverse, 1 / model.length)
    let (pixels, noise) = (image.row(y), variance.row(y))
    let (imageShift, varianceShift) = (image.box.minX, variance.box.minX)
    for x in start...end {
      let along = model.along(u) * across
      let (m, byU) = (along.x, slope * along.y)
      let derivatives = SIMD4(
        byU, -v * inverse * m, 0.5 * slope * along.z - byLength * m, v * (model.sigma * byU + u * m))
      let value = Double(pixels[x - imageShift])
      squares += m * m
      products += m * value
      variances += m * m * Double(noise[x - varianceShift])
      derivativeProducts.addProduct(derivatives, SIMD4(repeating: value))
      derivativeModels.addProduct(derivatives, SIMD4(repeating: m))
      u += c * inverse
      v -= step
      across *= ratio
      ratio *= change
    }
  }
}
