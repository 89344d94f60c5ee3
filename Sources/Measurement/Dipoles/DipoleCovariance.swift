// SPDX-License-Identifier: GPL-3.0-or-later
// How well a dipole is known.

internal import Imaging

extension DipoleData {
  /// The covariance of all unknowns of a fit, row by row.
  ///
  /// With weights by variance this is A⁻¹BA⁻¹: A is the normal matrix and B the covariance of its right side. The three images are
  /// not independent. The noise of the science image and that of the template are also in the difference, each with its sign, as
  /// far as the difference's variance has room for them; the rest of that variance, and what an image was given beyond its
  /// own, is noise by itself. Noise is taken as independent between pixels.
  ///
  /// Without weights it is A⁻¹ times χ² per degree of freedom, as in the reference.
  ///
  /// - Returns: `nil` when the images do not determine all unknowns.
  func covariance(
    of state: PointSourceFit.State, in fit: PointSourceFit, _ config: DipoleFitConfig
  ) -> [Double]? {
    let size = state.size
    guard
      let inverse = try? SymmetricSystem(matrix: state.normal, right: state.gradient).inverse(),
      inverse.allSatisfy(\.isFinite)
    else { return nil }
    guard config.weighting == .variance else {
      let degrees = fit.dataCount - fit.unknownCount
      return degrees > 0 ? inverse.map { $0 * state.chi2 / Double(degrees) } : nil
    }
    guard let spread = scoreCovariance(of: state, in: fit) else { return nil }
    let result = product(product(inverse, spread, size), inverse, size)
    return result.allSatisfy(\.isFinite) ? result : nil
  }

  /// B: the covariance of the gradient that noise makes.
  ///
  /// A plane by itself gives its part of the normal matrix, times its weight: the variance of a pixel times the square of what it is
  /// weighted by. What two planes share comes on top.
  private func scoreCovariance(of state: PointSourceFit.State, in fit: PointSourceFit) -> [Double]? {
    var result = fit.normal(ofPlane: 0, at: state)
    let d = difference.pixels.variances
    let none = [Double](repeating: 0, count: d.count)
    let (p, n) = (science?.pixels.variances ?? none, template?.pixels.variances ?? none)
    for (plane, number, sign) in [(science, 1, 1.0), (template, fit.planes.count - 1, -1.0)] {
      guard let plane else { continue }
      let (roots, own) = (fit.planes[0].roots, fit.planes[number].roots)
      let factors = d.indices.map { i in
        let taken = p[i] + n[i] > 0 ? min(1, d[i] / (p[i] + n[i])) : 0
        return sign * taken * plane.pixels.variances[i] * roots[i] * own[i]
      }
      guard let shared = fit.product(ofPlane: 0, and: number, times: factors, at: state) else { return nil }
      let alone = fit.normal(ofPlane: number, at: state)
      for i in result.indices { result[i] += plane.weight * alone[i] + shared[i] }
    }
    return result
  }
}

/// The product of two square matrices, row by row.
private func product(_ a: [Double], _ b: [Double], _ size: Int) -> [Double] {
  var result = [Double](repeating: 0, count: size * size)
  for i in 0..<size {
    for k in 0..<size {
      for j in 0..<size { result[i * size + j] += a[i * size + k] * b[k * size + j] }
    }
  }
  return result
}
