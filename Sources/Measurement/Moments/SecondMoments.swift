// SPDX-License-Identifier: GPL-3.0-or-later
// Symmetric matrices of two rows.

internal import Imaging

/// The second moments of light, or any symmetric 2×2 matrix; px² where it is moments.
package struct SecondMoments: Hashable, Sendable {
  package var xx: Double
  package var yy: Double
  package var xy: Double

  package init(xx: Double, yy: Double, xy: Double) {
    self.xx = xx
    self.yy = yy
    self.xy = xy
  }

  /// From the columns of a catalog: xx, yy, xy.
  package init(_ columns: SIMD3<Double>) { self.init(xx: columns.x, yy: columns.y, xy: columns.z) }

  package var columns: SIMD3<Double> { SIMD3(xx, yy, xy) }
  package var determinant: Double { xx * yy - xy * xy }
  package var trace: Double { xx + yy }
  /// (det M)^¼: the standard deviation of a circular Gaussian of this area, px.
  package var determinantRadius: Double { determinant.squareRoot().squareRoot() }
  /// √(½ tr M), px.
  package var traceRadius: Double { (trace / 2).squareRoot() }
  /// Full width at half maximum of a circular Gaussian of this area, px.
  package var fwhm: Double { fwhmPerSigma * determinantRadius }

  /// Whether these are no moments of an ellipse: NaN, or degenerate to a line (detection-measurement B.1.2).
  package var isSingular: Bool { !(xx * yy >= (1 + 1e-6) * xy * xy && xx > 0 && yy > 0) }

  /// - Returns: `nil` for a determinant that is not above float32's precision (B.3.2).
  var inverse: SecondMoments? {
    let d = determinant
    guard d >= 1.19e-7, d.isFinite else { return nil }
    return SecondMoments(xx: yy / d, yy: xx / d, xy: -xy / d)
  }
}
