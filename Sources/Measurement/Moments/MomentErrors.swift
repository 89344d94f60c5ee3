// SPDX-License-Identifier: GPL-3.0-or-later
// Errors of adaptive moments.

internal import Imaging

extension AdaptiveMoments {
  /// The covariance of flux, xx, yy and xy where every pixel has one variance (detection-measurement B.3.7).
  ///
  /// The inverse of the Fisher matrix of a Gaussian model's amplitude and covariance; the position counts as known. The flux is in
  /// the unit of the image.
  ///
  /// - Returns: 4×4, `nil` when there is none.
  package func covariance(pixelVariance v: Double) -> [[Double]]? {
    let d = moments.determinant
    guard !isUnweighted, v > 0, v.isFinite, d > 2.2e-16, amplitude.isFinite, amplitude != 0 else { return nil }
    let f = Double.pi * d.squareRoot() / v
    let a = amplitude
    let (xx, yy, xy) = (moments.xx, moments.yy, moments.xy)
    let (f1, f2) = (f * a / (4 * d), 3 * f * a * a / (16 * d * d))
    let cross = 4 * f2 * (xy * xy + d / 3)
    let fisher = [
      [f, f1 * yy, f1 * xx, -2 * f1 * xy],
      [f1 * yy, f2 * yy * yy, cross / 4, -2 * f2 * yy * xy],
      [f1 * xx, cross / 4, f2 * xx * xx, -2 * f2 * xx * xy],
      [-2 * f1 * xy, -2 * f2 * yy * xy, -2 * f2 * xx * xy, cross],
    ]
    guard var result = inverted(fisher) else { return nil }
    for i in 0..<4 {
      result[0][i] *= fluxScale
      result[i][0] *= fluxScale
    }
    return result
  }
}

/// The inverse of a symmetric positive definite matrix, by its Cholesky factor; `nil` for another.
private func inverted(_ matrix: [[Double]]) -> [[Double]]? {
  let n = matrix.count
  // Scaled to a unit diagonal, since the quantities have units of their own.
  let scale = (0..<n).map { matrix[$0][$0].squareRoot() }
  guard scale.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
  var lower = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
  for i in 0..<n {
    for j in 0...i {
      var sum = matrix[i][j] / (scale[i] * scale[j])
      for k in 0..<j { sum -= lower[i][k] * lower[j][k] }
      if i == j {
        guard sum > 0 else { return nil }
        lower[i][i] = sum.squareRoot()
      } else {
        lower[i][j] = sum / lower[j][j]
      }
    }
  }
  var result = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
  for column in 0..<n {
    var solution = [Double](repeating: 0, count: n)
    for i in 0..<n {
      var sum = i == column ? 1.0 : 0
      for k in 0..<i { sum -= lower[i][k] * solution[k] }
      solution[i] = sum / lower[i][i]
    }
    for i in (0..<n).reversed() {
      var sum = solution[i]
      for k in (i + 1)..<n { sum -= lower[k][i] * solution[k] }
      solution[i] = sum / lower[i][i]
    }
    for i in 0..<n { result[i][column] = solution[i] / (scale[i] * scale[column]) }
  }
  return result
}
