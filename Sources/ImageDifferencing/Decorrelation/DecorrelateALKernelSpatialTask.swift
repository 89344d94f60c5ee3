// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelation that follows kernel and noise over the image.

package import Imaging
internal import Measurement
internal import SkyGeometry
package import TaskFramework

/// Makes the noise of a difference white, everywhere by what the matching kernel and the noise are there.
///
/// **Methods.** `compact`: a small kernel for each part of the image (``CorrectionKernel``), about as quick as one filter for all. `mapReduce`: overlapping cells with a filter for each, averaged
/// where they overlap. `wholeImage`: ``DecorrelateALKernelTask``. Every cell is made of the difference as it was given. (The reference system makes them of what the cell before left, so that it filters overlaps twice and four times; differencing B7.6.)
///
/// **Source.** differencing B7, B8, D2.9; Reiss & Lupton 2016 (DMTN-021).
package final class DecorrelateALKernelSpatialTask: Task {
  package static let defaultName: String? = "decorrelate"
  package let node: TaskNode
  package let config: DecorrelateALKernelSpatialConfig

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
  }

  /// The clipped mean of the variance plane over pixels that count.
  ///
  /// - Returns: NaN when there is none.
  /// - Throws: ``Imaging/ImagingError``.
  package func computeVarianceMean(_ exposure: Exposure) throws(ImagingError) -> Double {
    try exposure.maskedImage.varianceMean(ignoring: config.ignoreMaskPlanes)
  }

  /// Decorrelates.
  ///
  /// **Metadata.** `unconvolvedVariance`, `convolvedVariance`: the mean variances of the two images; `correctionRadius` of the largest kernel (compact), pixels; `noiseModel`, which is `white` where too few pixels are blank to measure it; where it was measured `noiseSampleSize`, `unconvolvedNoiseFactor`, `convolvedNoiseFactor` (of the variances), `coloredNoisePart` (how much pixels share: 0 for nothing that is sure, to 1) and
  /// `residualSkyVariance`.
  ///
  /// - Parameters:
  ///   - scienceExposure: as it was before anything was convolved, over the difference's box at least.
  ///   - templateExposure: the same of the template, on the scale that it was subtracted on.
  ///   - subtractedExposure: the difference or, with `preConvMode`, the score.
  ///   - psfMatchingKernel: not normalised.
  ///   - spatiallyVarying: whether kernel and noise are followed; if not, the work is ``DecorrelateALKernelTask``'s.
  ///   - preConvKernel: what the science exposure was pre-convolved with; its PSF when left out.
  ///   - templateMatched: whether the template was the one that was convolved.
  ///   - preConvMode: whether `subtractedExposure` is a score.
  /// - Returns: the corrected exposure; the mask is as it was, but for `reducer.badMaskPlanes` on pixels without a value. Without any pixel that says what the noise is,
  ///   `subtractedExposure` as it is, with a warning.
  /// - Throws: ``Imaging/ImagingError``, ``SubtractionError``.
  package func run(
    scienceExposure: Exposure, templateExposure: Exposure, subtractedExposure: Exposure, psfMatchingKernel: Kernel,
    spatiallyVarying: Bool = true, preConvKernel: Image<Double>? = nil, templateMatched: Bool = true,
    preConvMode: Bool = false
  ) throws -> Exposure {
    try timer("run") { () throws in
      // A score's correction has no compact kernel (differencing B3.2), and its filters would follow the PSF rather than the noise.
      guard spatiallyVarying, !preConvMode, config.method != .wholeImage else {
        let task = try DecorrelateALKernelTask(config: config.decorrelateConfig)
        let result = try task.run(
          scienceExposure: scienceExposure, templateExposure: templateExposure, subtractedExposure: subtractedExposure,
          psfMatchingKernel: psfMatchingKernel, preConvKernel: preConvKernel, templateMatched: templateMatched,
          preConvMode: preConvMode)
        for warning in task.warnings { warn(warning) }
        for key in ["unconvolvedVariance", "convolvedVariance"] {
          if let value = try? task.metadata.double(key) { try metadata.set(key, value) }
        }
        return result
      }
      guard preConvKernel == nil else {
        throw ImagingError.invalidParameter("preConvKernel is given, but preConvMode is off")
      }
      let inputs = try inputs(
        science: scienceExposure.maskedImage, template: templateExposure.maskedImage, box: subtractedExposure.box,
        templateMatched: templateMatched, sampled: config.method == .compact)
      let sum = templateMatched ? 1 : psfMatchingKernel.image(at: subtractedExposure.box.center).sum
      var result = subtractedExposure
      if config.method == .compact {
        _ = try correct(&result, inputs, psfMatchingKernel, scale: sum, whitens: true, makesScore: false)
        return result
      }
      guard inputs.means.areUsable else {
        warn("no pixel says what the noise is: the difference is not decorrelated")
        return subtractedExposure
      }
      try record(inputs)
      result.maskedImage = try TiledDecorrelation(
        science: scienceExposure.maskedImage, template: templateExposure.maskedImage,
        templateMatched: templateMatched, means: inputs.means, kernel: psfMatchingKernel, scale: sum,
        grid: try grid(of: subtractedExposure), config: config
      ).run(on: subtractedExposure.maskedImage)
      if config.decorrelatePsf {
        result.psf = try CompactDecorrelation(
          inputs: inputs, kernel: psfMatchingKernel, psf: subtractedExposure.psf, scale: sum, whitens: true,
          correlation: .white, tolerance: config.tolerance
        ).correctedPSF()
      }
      return result
    }
  }

  /// What has to be known of the images before one of them is convolved.
  func inputs(
    science: MaskedImage, template: MaskedImage, box: Box2I, templateMatched: Bool, sampled: Bool
  ) throws -> DifferenceInputs {
    try DifferenceInputs(
      science: science, template: template, box: box, templateMatched: templateMatched, cellSize: config.cellSize,
      ignoring: config.ignoreMaskPlanes, defectPlanes: config.defectMaskPlanes,
      sampled: sampled && config.noiseModel == .measured)
  }

  /// Corrects a difference with a small kernel in each part of it, and makes the score.
  ///
  /// - Parameters:
  ///   - scale: what the difference was divided by.
  ///   - whitens: if not, only the score is made.
  ///   - scoreNoise: what the score's variance has besides the noise of the place.
  /// - Returns: the score with the PSF of the difference; `nil` when none is wanted, or the PSF is defined nowhere. Where the noise is unknown, that of the difference as it is.
  func correct(
    _ difference: inout Exposure, _ inputs: DifferenceInputs, _ kernel: Kernel, scale: Double, whitens: Bool,
    makesScore: Bool, scoreNoise: ScoreNoise = ScoreNoise()
  ) throws -> Exposure? {
    if whitens, !inputs.means.areUsable { warn("no pixel says what the noise is: the difference is not decorrelated") }
    let whitens = whitens && inputs.means.areUsable
    guard whitens || makesScore else { return nil }
    let correlation = try whitens ? correlation(of: difference.maskedImage, inputs, kernel) : .white
    let decorrelation = CompactDecorrelation(
      inputs: inputs, kernel: kernel, psf: difference.psf, scale: scale, whitens: whitens, correlation: correlation,
      tolerance: config.tolerance, scoreNoise: scoreNoise)
    let result = try decorrelation.run(on: difference.maskedImage, makesScore: makesScore)
    if whitens {
      try record(inputs)
      try metadata.set("correctionRadius", result.radius)
    }
    difference.maskedImage = result.difference
    if config.decorrelatePsf { difference.psf = result.psf }
    if makesScore, result.score == nil { warn("the difference has no PSF anywhere: there is no score") }
    return result.score.map { image in
      var score = difference
      score.maskedImage = image
      return score
    }
  }

  /// What pixels of the two images share of their noise.
  private func correlation(
    of difference: MaskedImage, _ inputs: DifferenceInputs, _ kernel: Kernel
  ) throws -> NoiseCorrelation {
    guard config.noiseModel == .measured else { return .white }
    return try timer("measureNoise") { () throws in
      guard let fit = try NoiseCorrelationFit(difference, inputs, kernel, ignoring: config.ignoreMaskPlanes) else {
        try metadata.set("noiseModel", NoiseModel.white.rawValue)
        return .white
      }
      try metadata.set("noiseModel", NoiseModel.measured.rawValue)
      try metadata.set("noiseSampleSize", fit.pixelCount)
      try metadata.set("coloredNoisePart", fit.coloredPart)
      try metadata.set("unconvolvedNoiseFactor", fit.correlation.unconvolved[0, 0])
      try metadata.set("convolvedNoiseFactor", fit.correlation.convolved[0, 0])
      try metadata.set("residualSkyVariance", fit.sky)
      return fit.correlation
    }
  }

  private func record(_ inputs: DifferenceInputs) throws {
    try metadata.set("unconvolvedVariance", inputs.means.unconvolved)
    try metadata.set("convolvedVariance", inputs.means.convolved)
  }

  private func grid(of difference: Exposure) throws -> MapReduceGrid {
    guard let psf = difference.psf else {
      throw UnknownPSFSizeError(what: "difference", reason: "the exposure has no PSF, and cells are as large as it")
    }
    let moments = adaptiveMoments(ofPSF: try psf.kernelImage(at: psf.averagePosition))
    return try MapReduceGrid(
      over: difference.box, fwhm: fwhmPerSigma * moments.determinantRadius, config.decorrelateMapReduceConfig)
  }
}
