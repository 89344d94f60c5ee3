// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelation with a small kernel in every part of a difference.

internal import Imaging
internal import SkyGeometry
internal import TaskFramework

/// Decorrelation with a small kernel in every part of a difference, and the score image along with it.
///
/// **Model.** The image is divided into cells. Each has its own ``CorrectionKernel``, from the matching kernel in its middle and the mean variances in it; the next cell's
/// differs from it by as little as those do. The score is the corrected difference under its own PSF as a matched filter (differencing A13.8, B3.2: the same as the
/// reference's from a pre-convolved science image, but with the PSF of the place and without another search for a kernel).
///
/// **Where the PSF is not defined**, the score takes what it is at its average position or, failing that, at one where it is defined; without any there is no score.
///
/// **Invalid pixels.** What has no value, and defects of the image that was not convolved, is filled with the image's median for the filters, and is in the result as it was. So nothing
/// rings beyond the kernel's radius, and defects not even there.
struct CompactDecorrelation {
  let inputs: DifferenceInputs
  let kernel: Kernel
  /// Of the difference as it is.
  let psf: (any PSF)?
  /// What the difference was divided by.
  let scale: Double
  /// Whether the noise is made white; if not, there is only a score.
  let whitens: Bool
  let correlation: NoiseCorrelation
  let tolerance: Double
  var scoreNoise = ScoreNoise()

  struct Result {
    let difference: MaskedImage
    /// Over the same box; `nil` when none was asked for.
    let score: MaskedImage?
    /// Of the corrected difference.
    let psf: (any PSF)?
    /// The largest radius of a kernel, pixels.
    let radius: Int
  }

  /// The order of the polynomial through the corrected PSFs.
  private static let psfOrder = 4

  /// - Throws: ``Imaging/ImagingError``.
  func run(on difference: MaskedImage, makesScore wantsScore: Bool) throws -> Result {
    let spare = wantsScore ? sparePSFImage : nil
    let makesScore = spare != nil
    let corrections = try zip(inputs.cells, inputs.cellMeans).map { cell, means in
      try correction(at: cell.center, means, psf: makesScore ? psfImage(at: cell.center) ?? spare : nil)
    }
    let (filled, level) = try fill(difference)
    let cells = zip(inputs.cells, corrections).map { box, correction in
      ConvolutionCell(
        box, (whitens ? [correction.image] : []) + (makesScore ? [correction.psf].compactMap(\.self) : []))
    }
    var planes = try convolve(filled, in: cells, outside: level)
    var score: MaskedImage?
    if makesScore, var image = planes.popLast() {
      try restore(difference, into: &image, withDefects: false)
      score = try masked(image, like: difference, corrections.map(\.scoreWeights))
      try addNoise(corrections, cells, to: &score)
      try score?.markFrame(matchedRadius(cells))
    }
    guard whitens, var image = planes.popLast() else {
      return Result(difference: difference, score: score, psf: psf, radius: 0)
    }
    try restore(difference, into: &image, withDefects: true)
    return Result(
      difference: try masked(image, like: difference, corrections.map(\.weights)), score: score,
      psf: try correctedPSF(), radius: corrections.map(\.radius).max() ?? 0)
  }

  private func correction(
    at position: Point2D, _ means: DifferenceInputs.Means, psf: Image<Double>?
  ) throws(ImagingError) -> CorrectionKernel {
    // Of what does not whiten only the kernel counts.
    let means = whitens ? means : DifferenceInputs.Means(unconvolved: 1, convolved: 1)
    return try CorrectionKernel(
      kernel.image(at: position), unconvolved: means.unconvolved, convolved: means.convolved, correlation, psf: psf,
      whitens: whitens, tolerance: tolerance, needsSquares: scoreNoise.ofSources && psf != nil)
  }

  private func psfImage(at position: Point2D) -> Image<Double>? { try? psf?.kernelImage(at: position) }

  /// For where the PSF is not defined.
  private var sparePSFImage: Image<Double>? {
    guard let psf else { return nil }
    let places = [psf.averagePosition] + PolynomialPSF.samplingPositions(over: inputs.box, order: Self.psfOrder)
    return places.lazy.compactMap(psfImage).first
  }

  /// The PSF of the corrected difference, by a polynomial through what it is at some places.
  ///
  /// - Returns: `nil` where there is none to be corrected.
  /// - Throws: ``Imaging/ImagingError``.
  func correctedPSF() throws(ImagingError) -> (any PSF)? {
    guard let psf, let spare = sparePSFImage else { return nil }
    let center = inputs.box.center
    guard let middle = try correction(at: center, inputs.means(at: center), psf: spare).psf else { return nil }
    let half = middle.width / 2
    var samples: [(Point2D, Image<Double>)] = []
    for position in PolynomialPSF.samplingPositions(over: inputs.box, order: Self.psfOrder) {
      guard let own = psfImage(at: position),
        let image = try correction(at: position, inputs.means(at: position), psf: own).psf
      else { continue }
      samples.append((position, image.centralStamp(half: half)))
    }
    // Where it is defined in a part of the image alone, that determines less.
    for order in stride(from: Self.psfOrder, through: 1, by: -1) {
      let basis = SpatialBasis(.chebyshev(Box2D(inputs.box)), order: order)
      if let model = try? Kernel(fitting: samples, basis: basis),
        let result = try? PolynomialPSF(model, averagePosition: psf.averagePosition)
      {
        return result
      }
    }
    return try KernelPSF(middle, averagePosition: psf.averagePosition)
  }

  private func fill(_ image: MaskedImage) throws(ImagingError) -> (Image<Float>, level: Float) {
    let level = try level(of: image.image)
    let extreme = try extreme(image.variance)
    var filled = image.image
    for y in filled.box.minY..<filled.box.endY {
      filled.withMutableRow(y) { row in
        for i in row.indices where !(abs(row[i]) <= extreme) { row[i] = level }
      }
    }
    for defect in inputs.defects { filled[defect.x, defect.y] = level }
    return (filled, level)
  }

  /// What no source reaches; rounding would spread it over its cell.
  private func extreme(_ variance: Image<Float>) throws(ImagingError) -> Float {
    let limit = 1e6 * (try level(of: variance)).squareRoot()
    return limit > 0 && limit.isFinite ? limit : .greatestFiniteMagnitude
  }

  /// The median, of every few rows where there are many.
  private func level(of image: Image<Float>) throws(ImagingError) -> Float {
    let step = max(1, image.box.area / 1_000_000)
    var values: [Float] = []
    for y in stride(from: image.box.minY, to: image.box.endY, by: step) {
      let row = image.row(y)
      for i in row.indices where row[i].isFinite { values.append(row[i]) }
    }
    guard !values.isEmpty else { return 0 }
    return Float(try PixelStatistics(of: values, .quartiles).median)
  }

  private func restore(
    _ before: MaskedImage, into after: inout Image<Float>, withDefects: Bool
  ) throws(ImagingError) {
    let extreme = try withDefects ? extreme(before.variance) : .greatestFiniteMagnitude
    for y in before.box.minY..<before.box.endY {
      let source = before.image.row(y)
      after.withMutableRow(y) { row in
        for i in row.indices where !(abs(source[i]) <= extreme) { row[i] = source[i] }
      }
    }
    if withDefects { for defect in inputs.defects { after[defect.x, defect.y] = before.image[defect.x, defect.y] } }
  }

  /// The image with the mask of another and the variance that the weights give (differencing B6.1, B6.3).
  private func masked(
    _ image: Image<Float>, like other: MaskedImage, _ weights: [CorrectionKernel.VarianceWeights?]
  ) throws(ImagingError) -> MaskedImage {
    var variance = other.variance
    for (cell, weights) in zip(inputs.cells, weights) {
      guard let weights else { continue }
      let (own, other) = (Float(weights.unconvolved / (scale * scale)), Float(weights.convolved / (scale * scale)))
      let columns = cell.minX - variance.box.minX..<cell.endX - variance.box.minX
      for y in cell.minY..<cell.endY {
        let (a, b) = (inputs.unconvolved.row(y), inputs.convolved.row(y))
        variance.withMutableRow(y) { row in
          // What has no value has no variance either.
          for i in columns where row[i].isFinite { row[i] = own * a[i] + other * b[i] }
        }
      }
    }
    return try MaskedImage(image: image, mask: other.mask, variance: variance)
  }

  /// What the variance of the score has besides.
  private func addNoise(
    _ corrections: [CorrectionKernel], _ cells: [ConvolutionCell], to score: inout MaskedImage?
  ) throws(ImagingError) {
    guard !scoreNoise.isEmpty, score != nil else { return }
    let squares = corrections.compactMap(\.scoreSquares)
    let sources = scoreNoise.ofSources ? try scoreNoise.variance(of: inputs, scale: scale, squares) : nil
    let registration = try scoreNoise.registrationVariance(inputs.cells, cells.map(\.kernels))
    try score?.updateInPlace { _, _, variance throws(ImagingError) in
      for y in variance.box.minY..<variance.box.endY {
        variance.withMutableRow(y) { row in
          for i in row.indices where row[i].isFinite {
            let x = inputs.box.minX + i
            if let sources { row[i] = sources[x, y] }
            if let registration { row[i] += registration[x, y] }
          }
        }
      }
    }
  }

  private func matchedRadius(_ cells: [ConvolutionCell]) -> Int {
    cells.compactMap { $0.kernels.last.map { $0.width / 2 } }.max() ?? 0
  }
}

extension MaskedImage {
  /// EDGE where a filter finds nothing beyond the image (differencing A13.7).
  mutating func markFrame(_ radius: Int) throws(ImagingError) {
    let inner = box.grown(by: -radius)
    let frame =
      inner.isEmpty
      ? [box]
      : [
        Box2I(minX: box.minX, minY: box.minY, width: box.width, height: radius),
        Box2I(minX: box.minX, minY: inner.endY, width: box.width, height: radius),
        Box2I(minX: box.minX, minY: box.minY, width: radius, height: box.height),
        Box2I(minX: inner.endX, minY: box.minY, width: radius, height: box.height),
      ]
    try updateInPlace { _, mask, _ throws(ImagingError) in
      try mask.addPlane("EDGE")
      for part in frame where !part.isEmpty { try mask.set("EDGE", in: part) }
    }
  }
}
