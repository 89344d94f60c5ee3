// SPDX-License-Identifier: GPL-3.0-or-later
// What pixels share of their noise, measured on a difference.

internal import Imaging
internal import SkyGeometry

/// What the pixels of two images share of their noise, measured on their difference.
///
/// **Model.** In units of √variance, a blank pixel of the difference and one at the lag l from it have the covariance
///
///     w_a α(l) + w_b Σ β(m) (κ ⋆ κ)(l − m) + s,
///
/// where w_a and w_b Σκ² are the parts of the variance that either image has, α and β what their pixels share (``NoiseCorrelation``) and s what sky is left. Covariances at all lags up to 12 pixels determine α, β and s by
/// least squares; where they do not, the noise is white and the variances are right: α(0) = β(0) = 1 ± 0.1, all else 0 ± 0.1.
///
/// The difference and not the images, for in those there is light too faint to be masked, which neighbours share as well; it goes with the subtraction.
///
/// **Pixels.** Those that are sky in both images (``BlankPixels``), in cells all over the image, at most 3.5 standard deviations from the median of their cell.
struct NoiseCorrelationFit {
  let correlation: NoiseCorrelation
  /// s: of what is not noise.
  let sky: Double
  let pixelCount: Int
  /// How much more than a factor in the variances is needed: from 0 for white noise to 1.
  let coloredPart: Double

  /// Of the covariances.
  private static let reach = 12
  /// Fewer know the sum over all lags, which low frequencies have, to worse than 5 %.
  private static let minPixels = 50_000
  /// Standard deviations; and what is left of a normal distribution's variance within.
  ///
  /// 1 − 2cφ(c) / (2Φ(c) − 1); of small covariances its square is left.
  private static let (clip, clippedVariance) = (Float(3.5), 0.99389)
  private static let prior = 0.1
  /// By how much χ² falls for white noise when lags are free to fit it.
  private static let noiseGain = 15.0
  /// Of variances over what their planes say.
  private static let plausible = 0.2...5
  /// What is not modelled: kernels that vary within a cell, light that is left.
  private static let systematicError = 1e-3

  /// - Parameters:
  ///   - difference: before anything was done to its noise.
  ///   - planes: of its mask, to ignore.
  /// - Returns: `nil` with too few pixels.
  /// - Throws: ``Imaging/ImagingError``.
  init?(_ difference: MaskedImage, _ inputs: DifferenceInputs, _ kernel: Kernel, ignoring planes: [String])
    throws(ImagingError)
  {
    let cells = inputs.samples
    guard let first = cells.first else { return nil }
    let side = cells.reduce(max(first.box.width, first.box.height)) { max($0, $1.box.width, $1.box.height) }
    let covariance = try Autocovariance(side: side, reach: Self.reach)
    let wide = Self.reach + NoiseCorrelation.reach
    let gridSide = fastLength(atLeast: 2 * max(kernel.width, kernel.height) + 2 * wide + 2)
    let grid = try CorrectionGrid(width: gridSide, height: gridSide)
    let (lags, unknown) = (
      NoiseCorrelation.lags(within: Self.reach), NoiseCorrelation.lags(within: NoiseCorrelation.reach)
    )
    var target = [Double](repeating: 0, count: lags.count)
    var pairs = target
    var columns = [Double](repeating: 0, count: lags.count * (2 * unknown.count + 1))
    let bad = difference.mask.planes.bitMask(ofExisting: planes.inBoth)
    for cell in cells {
      guard let (products, counts) = try covariance.measure(Self.pulls(of: difference, in: cell, ignoring: bad))
      else { continue }
      let image = kernel.image(at: cell.box.center)
      let shared = grid.kernel(of: grid.power(of: image), radius: wide)
      let total = cell.means.unconvolved + cell.means.convolved * shared[0, 0]
      let (own, other) = (cell.means.unconvolved / total, cell.means.convolved / total)
      for (i, lag) in lags.enumerated() {
        target[i] += products[i] / (i == 0 ? Self.clippedVariance : Self.clippedVariance * Self.clippedVariance)
        pairs[i] += counts[i]
        for (j, m) in unknown.enumerated() {
          if lag == m { columns[j * lags.count + i] += own * counts[i] }
          let mirrored = m.x == 0 && m.y == 0 ? 0 : shared[lag.x + m.x, lag.y + m.y]
          columns[(unknown.count + j) * lags.count + i] +=
            other * counts[i] * (shared[lag.x - m.x, lag.y - m.y] + mirrored)
        }
        columns[2 * unknown.count * lags.count + i] += counts[i]
      }
    }
    guard pairs[0] >= Double(Self.minPixels) else { return nil }
    for i in lags.indices where pairs[i] > 0 {
      target[i] /= pairs[i]
      for j in stride(from: i, to: columns.count, by: lags.count) { columns[j] /= pairs[i] }
      // What is sought is how far it is from white noise.
      target[i] -= columns[i] + columns[unknown.count * lags.count + i]
    }
    let weights = pairs.map { $0 > 0 ? 1 / (Self.systematicError * Self.systematicError + 1 / $0) : 0 }
    func solution(_ columns: [Double]) throws(ImagingError) -> (values: [Double], gain: Double) {
      var system = try SymmetricSystem(columns: columns, rowCount: lags.count, target: target, weights: weights)
      let right = system.right
      for i in 0..<system.size { system.add(1 / (Self.prior * Self.prior), row: i, column: i) }
      let found = try system.solve().values
      // By so much χ² and what the prior adds to it are less than without the unknowns.
      return (found, zip(found, right).reduce(0) { $0 + $1.0 * $1.1 })
    }
    let colored = try solution(columns)
    let (own, other) = (columns[..<lags.count], columns[(unknown.count * lags.count)...].prefix(lags.count))
    let white = try solution(zip(own, other).map { $0 + $1 } + columns.suffix(lags.count))
    // Unknowns that are not needed put the noise of the covariances into the filter, so they count for as much as they are needed (James & Stein's estimator, positive part).
    let gain = colored.gain - white.gain
    let part = gain > Self.noiseGain ? 1 - Self.noiseGain / gain : 0
    var values = colored.values.map { $0 * part }
    for (i, value) in [(0, white.values[0]), (unknown.count, white.values[0]), (2 * unknown.count, white.values[1])] {
      values[i] += (1 - part) * value
    }
    // Images without noise, or with another than their variances say: nothing follows from it.
    guard [values[0], values[unknown.count]].allSatisfy({ Self.plausible.contains(1 + $0) }) else { return nil }
    coloredPart = part
    correlation = NoiseCorrelation(
      unconvolved: Self.covariance(unknown, values[..<unknown.count]),
      convolved: Self.covariance(unknown, values[unknown.count..<2 * unknown.count]))
    sky = values[2 * unknown.count]
    pixelCount = Int(exactly: pairs[0].rounded()) ?? 0
  }

  private static func covariance(_ lags: [Point2I], _ solution: ArraySlice<Double>) -> Image<Double> {
    let reach = NoiseCorrelation.reach
    let values = Array(solution)
    var image = Image<Double>(
      box: Box2I(minX: -reach, minY: -reach, width: 2 * reach + 1, height: 2 * reach + 1), fill: 0)
    for (i, lag) in lags.enumerated() {
      image[lag.x, lag.y] = values[i]
      image[-lag.x, -lag.y] = values[i]
    }
    image[0, 0] += 1
    return image
  }

  /// Difference/√variance of the blank pixels of a cell, less their median; NaN elsewhere.
  private static func pulls(
    of difference: MaskedImage, in cell: DifferenceInputs.Sample, ignoring bad: UInt32
  ) throws(ImagingError) -> Image<Float> {
    let left = cell.box.minX - difference.box.minX
    var result = Image<Float>(box: cell.box, fill: .nan)
    for y in cell.box.minY..<cell.box.endY {
      let (image, bits, squares) = (difference.image.row(y), difference.mask.bits.row(y), difference.variance.row(y))
      let blank = cell.blank.row(y)
      result.withMutableRow(y) { row in
        for i in row.indices
        where blank[i] && bits[left + i] & bad == 0 && squares[left + i] > 0 && squares[left + i].isFinite {
          row[i] = image[left + i] / squares[left + i].squareRoot()
        }
      }
    }
    let statistics = try PixelStatistics(of: result, .quartiles)
    let (median, most) = (Float(statistics.median), clip * Float(statistics.robustStandardDeviation))
    return result.map {
      let pull = $0 - median
      return abs(pull) <= most ? pull : .nan
    }
  }
}

/// Sums of the products of pixels that are a lag apart.
private struct Autocovariance: ~Copyable {
  private let fft: RealFFT2D<Float>
  private let plane: AlignedBuffer<Float>
  private let spectrum: AlignedBuffer<Float>
  private let reach: Int

  /// - Parameter side: of the largest image to come.
  init(side: Int, reach: Int) throws(ImagingError) {
    let length = fastLength(atLeast: side + reach)
    let fft = try RealFFT2D<Float>(width: length, height: length)
    let plane = try AlignedBuffer<Float>(count: length * length)
    let spectrum = try AlignedBuffer<Float>(count: fft.spectrumCount)
    self.fft = fft
    self.plane = plane
    self.spectrum = spectrum
    self.reach = reach
  }

  /// - Parameter image: NaN where there is nothing.
  /// - Returns: the sums and the numbers of pairs for each lag of half a plane; `nil` for an image without any.
  func measure(_ image: Image<Float>) -> (products: [Double], counts: [Double])? {
    guard image.pixels.contains(where: \.isFinite) else { return nil }
    let products = sums(of: image) { $0.isFinite ? $0 : 0 }
    return (products, sums(of: image) { $0.isFinite ? 1 : 0 }.map { $0.rounded() })
  }

  private func sums(of image: Image<Float>, _ value: (Float) -> Float) -> [Double] {
    let (width, height) = (fft.width, fft.height)
    for i in 0..<plane.count { plane[i] = 0 }
    for y in 0..<image.height {
      let row = image.row(y + image.box.minY)
      for i in row.indices { plane[y * width + i] = value(row[i]) }
    }
    fft.forward(plane, into: spectrum)
    for i in stride(from: 0, to: spectrum.count, by: 2) {
      let (re, im) = (spectrum[i], spectrum[i + 1])
      (spectrum[i], spectrum[i + 1]) = (re * re + im * im, 0)
    }
    fft.backward(spectrum, into: plane)
    return NoiseCorrelation.lags(within: reach).map { lag in
      Double(plane[(lag.y + height) % height * width + (lag.x + width) % width])
    }
  }
}
