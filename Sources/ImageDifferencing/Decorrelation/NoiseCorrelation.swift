// SPDX-License-Identifier: GPL-3.0-or-later
// What the pixels of an image share of their noise.

internal import Imaging
internal import SkyGeometry

/// What neighbouring pixels share of their noise in the two images of a difference, before one of them was convolved.
///
/// Images that were resampled, as every coadd is, share some. Each is given by the covariance of pixels at lags of at most ``reach`` either way, in units of what the variance plane says; so the number in
/// the middle is by how much that plane is wrong.
struct NoiseCorrelation: Sendable, Hashable {
  /// Resampling with Lanczos's kernel of order 3 or less correlates no more.
  static let reach = 3

  let unconvolved: Image<Double>
  let convolved: Image<Double>

  /// What pixels have that were never resampled.
  static let white = NoiseCorrelation(unconvolved: delta, convolved: delta)

  private static let delta = Image<Double>(
    box: Box2I(minX: -reach, minY: -reach, width: 2 * reach + 1, height: 2 * reach + 1)
  ) { x, y in x == 0 && y == 0 ? 1 : 0 }

  /// The lags of one half of the plane, (0, 0) first; the other half has the same.
  static func lags(within reach: Int) -> [Point2I] {
    (0...reach).flatMap { y in (y == 0 ? 0...reach : -reach...reach).map { Point2I(x: $0, y: y) } }
  }
}

/// The power of the noise of the two images by frequency, in units of their variances.
struct NoisePower {
  let unconvolved: [Double]
  let convolved: [Double]

  /// A covariance that was measured has frequencies at which it is as good as nothing, or less.
  private static let floor = 0.03

  init(_ correlation: NoiseCorrelation, on grid: borrowing CorrectionGrid) {
    func power(_ covariance: Image<Double>) -> [Double] {
      let least = Self.floor * covariance[0, 0]
      return grid.symmetricSpectrum(of: covariance).map { max($0, least) }
    }
    unconvolved = power(correlation.unconvolved)
    convolved = power(correlation.convolved)
  }
}
