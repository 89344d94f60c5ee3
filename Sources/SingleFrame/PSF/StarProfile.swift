// SPDX-License-Identifier: GPL-3.0-or-later
// An elliptical profile between a Gaussian and a power law.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// An elliptical Moffat profile, which becomes a Gaussian for γ → 0.
///
/// **Model.** m = (1 + (2^γ − 1) u)^(−1/γ) with u = 4Q/f², f the full width at half maximum and Q = ((1 − e₁)x² + (1 + e₁)y² − 2e₂xy)/√(1 − e₁² − e₂²);
/// γ = 1/β of Moffat 1969 (A&A 3, 455). A pixel's value is the mean over the pixel: 3×3 Gauss–Legendre points within two FWHM, the centre beyond.
struct StarProfile: Hashable {
  /// ln f, e₁, e₂, γ.
  var parameters: SIMD4<Double>
  static let gammaLimits = 0.01...0.7

  init(fwhm: Double, e1: Double = 0, e2: Double = 0, gamma: Double = 0.25) {
    parameters = SIMD4(log(fwhm), e1, e2, gamma)
  }

  init(_ parameters: SIMD4<Double>) {
    self.parameters = parameters
    // Beyond these it is no profile.
    self.parameters[0] = min(max(parameters[0], -2), 6)
    let e = (parameters[1] * parameters[1] + parameters[2] * parameters[2]).squareRoot()
    if e > 0.8 {
      self.parameters[1] *= 0.8 / e
      self.parameters[2] *= 0.8 / e
    }
    self.parameters[3] = min(max(parameters[3], Self.gammaLimits.lowerBound), Self.gammaLimits.upperBound)
  }

  var fwhm: Double { exp(parameters[0]) }

  /// What pixels are computed with.
  var evaluator: Evaluator { Evaluator(self) }

  struct Evaluator {
    private let (qa, qb, qc): (Double, Double, Double)
    private let (e1, e2, s, scale): (Double, Double, Double, Double)
    private let (gamma, t, dt): (Double, Double, Double)

    init(_ profile: StarProfile) {
      let p = profile.parameters
      (e1, e2, gamma) = (p[1], p[2], p[3])
      s = 1 / (1 - e1 * e1 - e2 * e2).squareRoot()
      (qa, qb, qc) = ((1 - e1) * s, (1 + e1) * s, -2 * e2 * s)
      scale = 4 * exp(-2 * p[0])
      let power = exp(gamma * 0.6931471805599453)
      (t, dt) = (power - 1, power * 0.6931471805599453)
    }

    /// Value at a pixel whose centre is at (dx, dy) from the star.
    func value(_ dx: Double, _ dy: Double) -> Double {
      let u = scale * (qa * dx * dx + qb * dy * dy + qc * dx * dy)
      guard u < 16 else { return exp(-log(1 + t * u) / gamma) }
      var sum = 0.0
      for j in 0..<3 {
        let y = dy + nodes[j]
        for i in 0..<3 {
          let x = dx + nodes[i]
          sum +=
            weights[i] * weights[j]
            * exp(-log(1 + t * scale * (qa * x * x + qb * y * y + qc * x * y)) / gamma)
        }
      }
      return sum
    }

    /// Value, and its derivatives by ln f, e₁, e₂, γ and the star's position.
    func derivatives(_ dx: Double, _ dy: Double) -> (value: Double, shape: SIMD4<Double>, x: Double, y: Double) {
      let u = scale * (qa * dx * dx + qb * dy * dy + qc * dx * dy)
      guard u < 16 else { return point(dx, dy) }
      var (value, x, y) = (0.0, 0.0, 0.0)
      var shape = SIMD4<Double>()
      for j in 0..<3 {
        for i in 0..<3 {
          let weight = weights[i] * weights[j]
          let one = point(dx + nodes[i], dy + nodes[j])
          value += weight * one.value
          shape += weight * one.shape
          x += weight * one.x
          y += weight * one.y
        }
      }
      return (value, shape, x, y)
    }

    private func point(_ dx: Double, _ dy: Double) -> (value: Double, shape: SIMD4<Double>, x: Double, y: Double) {
      let (xx, yy, xy) = (dx * dx, dy * dy, dx * dy)
      let q = qa * xx + qb * yy + qc * xy
      let u = scale * q
      let base = 1 + t * u
      let logarithm = log(base)
      let m = exp(-logarithm / gamma)
      let byU = -(t / gamma) * m / base
      // Q = s·R with R = (1 − e₁)x² + (1 + e₁)y² − 2e₂xy, and ds/de = e s³.
      let byE1 = scale * (s * (yy - xx) + e1 * s * s * q)
      let byE2 = scale * (-2 * s * xy + e2 * s * s * q)
      let byGamma = m * (logarithm / (gamma * gamma) - u * dt / (gamma * base))
      return (
        m, SIMD4(-2 * u * byU, byE1 * byU, byE2 * byU, byGamma),
        -byU * scale * (2 * qa * dx + qc * dy), -byU * scale * (2 * qb * dy + qc * dx)
      )
    }
  }
}

private let nodes = [-0.3872983346207417, 0, 0.3872983346207417]
private let weights = [0.2777777777777778, 0.4444444444444444, 0.2777777777777778]
