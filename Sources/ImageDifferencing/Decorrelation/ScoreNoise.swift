// SPDX-License-Identifier: GPL-3.0-or-later
// Noise of a score beyond that of the sky.

internal import Imaging
internal import SkyGeometry

/// What the variance of a score has besides the noise of the place.
///
/// **Source.** differencing D6; Zackay, Ofek & Gal-Yam 2016 (ApJ 830, 27), equations 26 to 32.
struct ScoreNoise {
  /// Whether each pixel's own variance counts as far as the filter reaches, so that the light of a bright source raises it all about it.
  var ofSources = false
  /// What is subtracted, on the difference's scale and over its box, and by how much it may be displaced either way, pixels.
  var registration: (light: Image<Float>, sigma: Double)?

  /// Whether there is anything.
  var isEmpty: Bool { !ofSources && registration == nil }

  /// Σ f² V_a + Σ g² V_b about every pixel, with f the score's filter of the image that was not convolved and g that of the other.
  ///
  /// - Parameter filters: f² and g² of each cell.
  /// - Throws: ``Imaging/ImagingError``.
  func variance(
    of inputs: DifferenceInputs, scale: Double, _ filters: [(unconvolved: Image<Double>, convolved: Image<Double>)]
  ) throws(ImagingError) -> Image<Float> {
    func spread(_ variance: Image<Float>, _ kernels: [Image<Double>]) throws(ImagingError) -> Image<Float> {
      let level = Float(try PixelStatistics(of: variance, .quartiles).median)
      // What has no variance, or an infinite one, is an invalid pixel of the difference anyway.
      let filled = variance.map { $0.isFinite ? $0 : level }
      let cells = zip(inputs.cells, kernels).map { ConvolutionCell($0, [$1]) }
      return try convolve(filled, in: cells, outside: level)[0]
    }
    let own = try spread(inputs.unconvolved, filters.map(\.unconvolved))
    let other = try spread(inputs.convolved, filters.map(\.convolved))
    let factor = Float(1 / (scale * scale))
    return Image(box: inputs.box) { x, y in factor * (own[x, y] + other[x, y]) }
  }

  /// σ² (∂ₓS² + ∂ᵧS²) for the score S of what is subtracted.
  ///
  /// - Parameter kernels: of each cell, as those that made the score.
  /// - Throws: ``Imaging/ImagingError``.
  func registrationVariance(
    _ cells: [Box2I], _ kernels: [[Image<Double>]]
  ) throws(ImagingError) -> Image<Float>? {
    guard let (light, sigma) = registration else { return nil }
    let level = Float(try PixelStatistics(of: light, .quartiles).median)
    let filled = light.map { $0.isFinite ? $0 : level }
    guard let score = try convolve(filled, in: zip(cells, kernels).map { ConvolutionCell($0, $1) }, outside: level).last
    else { return nil }
    let (box, factor) = (light.box, Float(sigma * sigma))
    return Image(box: box) { x, y in
      let (left, right) = (max(box.minX, x - 1), min(box.endX - 1, x + 1))
      let (below, above) = (max(box.minY, y - 1), min(box.endY - 1, y + 1))
      let dx = (score[right, y] - score[left, y]) / Float(max(1, right - left))
      let dy = (score[x, above] - score[x, below]) / Float(max(1, above - below))
      return factor * (dx * dx + dy * dy)
    }
  }
}
