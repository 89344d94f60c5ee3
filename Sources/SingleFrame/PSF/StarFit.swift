// SPDX-License-Identifier: GPL-3.0-or-later
// One step of fitting a profile to one star.

internal import Imaging
internal import SkyGeometry

/// The normal equations of a star for the four parameters of its profile, with its own four unknowns (position, height, sky) eliminated.
///
/// The fit of all stars is then one of four numbers a star, however many stars and pixels there are.
struct StarFit {
  /// Of ln f, e₁, e₂, γ.
  private(set) var matrix: [Double]
  private(set) var right: [Double]
  /// Mean square residual in standard deviations, of pixels within a FWHM.
  private(set) var reducedChi2 = Double.infinity
  /// By how much ln f of this star alone is off, if nothing else of its profile is.
  var widthOffset: Double { matrix[0] > 0 ? right[0] / matrix[0] : 0 }
  /// Its standard error.
  var widthError: Double { matrix[0] > 0 ? 1 / matrix[0].squareRoot() : .infinity }
  /// What the star's own unknowns follow from.
  private var inverse: [Double]
  private var mixed: [Double]
  private var ownRight: [Double]

  /// - Returns: `nil` where the pixels do not determine the star's own unknowns.
  init?(_ star: StarStamp, _ profile: StarProfile, modelError: Double) {
    let evaluator = profile.evaluator
    let size = 8
    // A row of the matrix each, of which the upper triangle is used; a vector's products and sums are those of its numbers.
    var rows = [SIMD8<Double>](repeating: .zero, count: size)
    var sums = SIMD8<Double>.zero
    let core = profile.fwhm * profile.fwhm
    var (chi2, count) = (0.0, 0)
    let (x0, y0) = (
      Double(star.center.x - star.half) - star.position.x, Double(star.center.y - star.half) - star.position.y
    )
    let error2 = modelError * modelError * star.amplitude * star.amplitude
    for v in 0..<star.side {
      let dy = y0 + Double(v)
      for u in 0..<star.side {
        let plain = Double(star.weights[v * star.side + u])
        guard plain > 0 else { continue }
        let dx = x0 + Double(u)
        let m = evaluator.derivatives(dx, dy)
        let rest = Double(star.pixels[v * star.side + u]) - star.amplitude * m.value - star.background
        let weight = plain / (1 + plain * error2 * m.value * m.value)
        if dx * dx + dy * dy <= core {
          chi2 += weight * rest * rest
          count += 1
        }
        let shape = star.amplitude * m.shape
        let j = SIMD8(lowHalf: shape, highHalf: SIMD4(star.amplitude * m.x, star.amplitude * m.y, m.value, 1))
        let weighted = weight * j
        sums += weighted * rest
        for a in 0..<size { rows[a] += weighted[a] * j }
      }
    }
    var h = rows.flatMap { row in (0..<size).map { row[$0] } }
    var g = (0..<size).map { sums[$0] }
    h[7 * size + 7] += 1 / star.backgroundVariance
    g[7] -= star.background / star.backgroundVariance
    guard count >= 5, let inverse = Self.inverse(of: h, size) else { return nil }
    reducedChi2 = chi2 / Double(count)
    self.inverse = inverse
    ownRight = Array(g[4..<8])
    // Shape rows against own columns.
    mixed = (0..<4).flatMap { a in (0..<4).map { b in h[a * size + 4 + b] } }
    matrix = Array(repeating: 0, count: 16)
    right = Array(repeating: 0, count: 4)
    for a in 0..<4 {
      right[a] = g[a]
      for k in 0..<4 {
        var product = 0.0
        for l in 0..<4 { product += mixed[a * 4 + l] * inverse[l * 4 + k] }
        right[a] -= product * ownRight[k]
        for b in 0..<4 { matrix[a * 4 + b] -= product * mixed[b * 4 + k] }
      }
      for b in 0..<4 { matrix[a * 4 + b] += a <= b ? h[a * size + b] : h[b * size + a] }
    }
  }

  /// Moves the star by what follows from a change of its profile.
  func update(_ star: inout StarStamp, shapeChange: SIMD4<Double>) {
    var own = [Double](repeating: 0, count: 4)
    for k in 0..<4 {
      for l in 0..<4 {
        var rest = ownRight[l]
        for a in 0..<4 { rest -= mixed[a * 4 + l] * shapeChange[a] }
        own[k] += inverse[k * 4 + l] * rest
      }
    }
    guard own.allSatisfy(\.isFinite) else { return }
    star.position.x += min(max(own[0], -0.5), 0.5)
    star.position.y += min(max(own[1], -0.5), 0.5)
    star.amplitude = max(star.amplitude + own[2], 0.2 * star.amplitude)
    star.background += own[3]
  }

  /// The inverse of the lower right 4×4 of a symmetric matrix whose upper triangle is there, by Gauss and Jordan; `nil` for a singular one.
  private static func inverse(of h: [Double], _ size: Int) -> [Double]? {
    var a = [Double](repeating: 0, count: 32)
    for i in 0..<4 {
      for j in 0..<4 { a[i * 8 + j] = i <= j ? h[(4 + i) * size + 4 + j] : h[(4 + j) * size + 4 + i] }
      a[i * 8 + 4 + i] = 1
    }
    for i in 0..<4 {
      // The matrix is positive definite, so its pivots need no search.
      let pivot = a[i * 8 + i]
      guard pivot > 0, pivot.isFinite else { return nil }
      for j in 0..<8 { a[i * 8 + j] /= pivot }
      for k in 0..<4 where k != i {
        let factor = a[k * 8 + i]
        for j in 0..<8 { a[k * 8 + j] -= factor * a[i * 8 + j] }
      }
    }
    var result: [Double] = []
    for i in 0..<4 { result += a[i * 8 + 4..<i * 8 + 8] }
    return result.allSatisfy { $0.isFinite } ? result : nil
  }
}
