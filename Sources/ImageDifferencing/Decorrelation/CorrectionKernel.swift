// SPDX-License-Identifier: GPL-3.0-or-later
// A small kernel that makes the noise of a difference white.

package import Imaging
internal import SkyGeometry

/// A kernel that makes the noise of a difference white at one place, cut off where nothing is left of it.
///
/// **Model.** ĉ = √((a + b k²) / (a + b |κ̂|²)): the noise of the image that was not convolved has the variance a, that of the other b, κ is the matching kernel and
/// k its sum. ĉ is 1 at frequency 0, so fluxes stay. c falls off exponentially; it ends where at most `tolerance` of Σ |c| is beyond, at `maxRadius` at the latest, and what is left
/// has sum 1 again. Where c would be wider still, since nearly all noise is the convolved image's, a is taken for larger than it is until c fits; the weights are those of the kernel as it is.
///
/// **Matched filter.** P′ = c ⋆ P is the PSF of the corrected difference; as a filter for it, it gives the score P′ ⋆ c ⋆ D, whose signal to noise is the largest that a linear filter can
/// reach, since the noise of c ⋆ D is white.
///
/// **Source.** differencing B3, B5, B6, D2.9.
package struct CorrectionKernel: Sendable, Equatable {
  /// What a pixel's variances in the two inputs count for afterwards.
  package struct VarianceWeights: Sendable, Equatable {
    package let unconvolved: Double
    package let convolved: Double
  }

  package let image: Image<Double>
  /// Σ c² and Σ (κ ⋆ c)² for noise that is white in both.
  package let weights: VarianceWeights
  /// The PSF of the corrected difference, of sum 1; `nil` when none was given.
  package let psf: Image<Double>?
  /// Those of the score.
  package let scoreWeights: VarianceWeights?

  /// The squares of the filters that the score is of either input.
  private(set) var scoreSquares: (unconvolved: Image<Double>, convolved: Image<Double>)?

  package var radius: Int { image.width / 2 }

  package static func == (a: Self, b: Self) -> Bool {
    a.image == b.image && a.weights == b.weights && a.psf == b.psf && a.scoreWeights == b.scoreWeights
  }

  /// - Parameters:
  ///   - kernel: κ, not normalised.
  ///   - unconvolved: a, positive or 0.
  ///   - convolved: b, positive or 0; not both 0.
  ///   - psf: of the difference as it is, of sum 1.
  ///   - whitens: if not, c is 1 in the middle and 0 elsewhere, and what follows is of the difference as it is.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for a kernel without sum or variances that are none.
  package init(
    _ kernel: Image<Double>, unconvolved: Double, convolved: Double, psf: Image<Double>? = nil, whitens: Bool = true,
    tolerance: Double = 1e-6, maxRadius: Int = 48
  ) throws(ImagingError) {
    try self.init(
      kernel, unconvolved: unconvolved, convolved: convolved, .white, psf: psf, whitens: whitens, tolerance: tolerance,
      maxRadius: maxRadius)
  }

  /// The same where pixels of either image share some of their noise; then what is 1 is Σ c, the power of the noise replaces a and b above, and the weights hold it.
  init(
    _ kernel: Image<Double>, unconvolved: Double, convolved: Double, _ correlation: NoiseCorrelation,
    psf: Image<Double>? = nil, whitens: Bool = true, tolerance: Double = 1e-6, maxRadius: Int = 48,
    needsSquares: Bool = false
  ) throws(ImagingError) {
    let given = DifferenceNoise(unconvolved: unconvolved, convolved: convolved, kernelSum: kernel.sum)
    guard unconvolved >= 0, convolved >= 0, given.total > 0, given.total.isFinite else {
      throw .invalidParameter(
        "noise of variance \(unconvolved) and \(convolved) under a kernel of sum \(given.kernelSum) cannot be made white"
      )
    }
    let sides = [kernel.width, kernel.height, psf?.width ?? 0, psf?.height ?? 0]
    // Wide enough that the ends, which wrap around, are far below the tolerance.
    let side = fastLength(atLeast: 2 * maxRadius + sides.reduce(0, max) + 2)
    let grid = try CorrectionGrid(width: side, height: side)
    let power = grid.power(of: kernel)
    let noise = NoisePower(correlation, on: grid)
    image = whitens ? try Self.image(grid, given, power, noise, tolerance, maxRadius) : .identity
    // Of the kernel as it is, so that what it lacks is in them.
    let filter = grid.symmetricSpectrum(of: image)
    weights = VarianceWeights(
      unconvolved: grid.mean { filter[$0] * filter[$0] * noise.unconvolved[$0] },
      convolved: grid.mean { filter[$0] * filter[$0] * noise.convolved[$0] * power[$0] })
    guard let psf else {
      (self.psf, scoreWeights) = (nil, nil)
      return
    }
    let reach = min(side / 2 - 1, max(psf.width, psf.height) / 2 + image.width / 2)
    let whole = grid.filtered(psf, by: filter, radius: reach)
    let corrected = whole.centralStamp(half: whole.halfSide(holding: Self.psfPart))
    let sum = corrected.sum
    guard sum > 0, sum.isFinite else { throw .noResult("the corrected PSF has the sum \(sum)") }
    let profile = corrected.map { $0 / sum }
    self.psf = profile
    let psfPower = grid.power(of: profile)
    func weight(_ other: (Int) -> Double) -> Double {
      grid.mean { filter[$0] * filter[$0] * psfPower[$0] * other($0) }
    }
    let score = grid.filtered(profile, by: filter, radius: reach)
    func square(_ kernel: Image<Double>, _ weight: Double) -> Image<Double> {
      let squares = kernel.map { $0 * $0 }
      let stamp = squares.centralStamp(half: squares.halfSide(holding: Self.psfPart))
      // What neighbours share of their noise is in the weights alone.
      let scale = weight / stamp.sum
      return stamp.map { $0 * scale }
    }
    let (own, other) = (weight { noise.unconvolved[$0] }, weight { noise.convolved[$0] * power[$0] })
    scoreWeights = VarianceWeights(unconvolved: own, convolved: other)
    guard needsSquares else { return }
    let composed = grid.composed(score, kernel, radius: side / 2 - 1)
    scoreSquares = (square(score, own), square(composed, other))
  }

  /// The part of Σ |P′| that its stamp holds.
  private static let psfPart = 1 - 1e-4
  /// The part of Σ |c| beyond the largest radius with which a kernel is still as good as whole.
  private static let largestLoss = 1e-4

  /// c, with as much more noise in the image that was not convolved as it takes for c to fit.
  private static func image(
    _ grid: borrowing CorrectionGrid, _ given: DifferenceNoise, _ power: [Double], _ noise: NoisePower,
    _ tolerance: Double, _ maxRadius: Int
  ) throws(ImagingError) -> Image<Double> {
    var part = 1e-8
    while true {
      let filter = given.floored(part).correction(power, noise)
      // As far as the grid goes, to see what is beyond.
      let whole = grid.kernel(of: filter, radius: grid.fft.width / 2 - 1)
      let kept = whole.centralStamp(half: maxRadius)
      let (all, inside) = (whole.pixels.reduce(0) { $0 + abs($1) }, kept.pixels.reduce(0) { $0 + abs($1) })
      if all - inside <= largestLoss * all || part > 0.1 { return kept.cutOff(tolerance) }
      part *= 10
    }
  }
}

extension Image<Double> {
  /// What changes nothing.
  fileprivate static let identity = Image<Double>(box: Box2I(minX: -1, minY: -1, width: 3, height: 3)) { x, y in
    x == 0 && y == 0 ? 1 : 0
  }

  /// Cut to a smaller square about (0, 0) with at most a part of Σ |c| outside, and brought to sum 1.
  fileprivate func cutOff(_ tolerance: Double) -> Image<Double> {
    let largest = width / 2
    var rings = [Double](repeating: 0, count: largest + 1)
    for y in -largest...largest { for x in -largest...largest { rings[Swift.max(abs(x), abs(y))] += abs(self[x, y]) } }
    let allowed = tolerance * rings.reduce(0, +)
    var (radius, outside) = (largest, 0.0)
    while radius > 1, outside + rings[radius] <= allowed {
      outside += rings[radius]
      radius -= 1
    }
    let side = 2 * radius + 1
    let part = cropped(to: Box2I(minX: -radius, minY: -radius, width: side, height: side))
    let sum = part.sum
    return part.map { $0 / sum }
  }
}
