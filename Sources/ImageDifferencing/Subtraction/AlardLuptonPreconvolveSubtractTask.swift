// SPDX-License-Identifier: GPL-3.0-or-later
// A score image from a pre-convolved science exposure.

package import Catalogs
package import Imaging
internal import SingleFrame
internal import SkyGeometry
package import TaskFramework

/// Makes a score image from a science exposure under its own PSF as a matched filter, less a template that a kernel makes like it.
///
/// **Model.** With the PSF P of the science exposure at its average position: S′(x) = Σ P(u) S(x + u), a correlation, so that a star's response peaks at the star. A kernel κ is sought that makes
/// the template T like S′, and the score is S′ − κ ⋆ T, less the background of the fit with `doSubtractBackground`. A star of flux F peaks at F ΣP². Decorrelation
/// (`doDecorrelation`) makes of it what the same filter would make of a difference of white noise, without ever sharpening anything: κ widens the template even where it is the worse one.
///
/// ``AlardLuptonSubtractTask`` makes a score of its difference, which serves the same purpose, has the PSF of the place and needs one kernel instead of two; this task is for who wants
/// the reference's.
///
/// **Source.** differencing A13, B3.2.
package final class AlardLuptonPreconvolveSubtractTask: Task {
  package static let defaultName: String? = "alardLuptonPreconvolveSubtract"
  package let node: TaskNode
  package let config: AlardLuptonSubtractConfig
  private let steps: AlardLuptonSubtractTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    steps = try AlardLuptonSubtractTask(node)
    guard config.mode == .convolveTemplate else {
      throw ConfigProblem(
        path: "mode",
        reason: "it is \(config.mode.rawValue); a pre-convolved science exposure is matched by a convolved template")
    }
  }

  /// What comes of it, over the science exposure's box and on its flux scale.
  package struct Result: Sendable {
    /// With the science exposure's PSF, as it was.
    package let scoreExposure: Exposure
    /// S′ and κ ⋆ T.
    package let matchedScience: Exposure
    package let matchedTemplate: Exposure
    package let psfMatchingKernel: MatchingKernel
    package let kernelSources: Catalog
    /// P, of sum 1.
    package let preConvolutionKernel: Image<Double>
  }

  /// Makes the score.
  ///
  /// **Metadata.** As ``AlardLuptonSubtractTask``, and `preconvolvedSciencePsfSize`, √2 times the science exposure's.
  ///
  /// - Parameters:
  ///   - template: on the science exposure's pixels and flux scale, with a border.
  ///   - science: with its PSF.
  ///   - sources: measured on it.
  /// - Throws: as ``AlardLuptonSubtractTask/run(template:science:sources:calibration:)``.
  package func run(
    template: Exposure, science: Exposure, sources: Catalog, calibration: ExternalCalibration? = nil
  ) throws -> Result {
    var (template, science) = (template, science)
    return try timer("run") { () throws in
      let coverage = try steps.checkPair(template: template, science: science)
      if config.doApplyExternalCalibrations { science = steps.calibrated(science, calibration) }
      try steps.scaleVariances(template: &template, science: &science)
      let sizes = try steps.measureSizes(template: template, science: science)
      let fwhm = sizes.science.fwhm * 2.squareRoot()
      try metadata.set("preconvolvedSciencePsfSize", fwhm)
      let missing = (steps.missingPixels(of: template), steps.missingPixels(of: science))
      if config.doFillMaskedPixels { _ = try science.maskedImage.fillMaskedPixels(config.fillMaskPlanes) }
      try steps.prepare(.template, template: &template, science: &science)
      let psf = try psfImage(of: science)
      var matchedScience = science
      matchedScience.maskedImage = try convolve(science.maskedImage, with: Kernel(psf))
      let inner = science.box.grown(by: -max(psf.width, psf.height) / 2)
      let (matching, rows) = try steps.tellingCoverage(coverage) { () throws in
        try findKernel(
          template: template, matchedScience.maskedImage, inner, sources, templateFwhm: sizes.template.fwhm, fwhm)
      }
      var matchedTemplate = science
      matchedTemplate.maskedImage = try convolve(
        template.maskedImage, with: matching.kernel, over: science.box)
      for mask in [missing.0, missing.1].compactMap(\.self) {
        try matchedTemplate.maskedImage.blank(where: mask)
      }
      var score = matchedScience
      try score.maskedImage.subtract(matchedTemplate.maskedImage)
      if config.doSubtractBackground, let background = matching.background {
        try score.maskedImage.add(background.image(over: score.box).map { Float($0) }, times: -1)
      }
      if config.doDecorrelation {
        score = try steps.decorrelate.run(
          scienceExposure: science, templateExposure: template, subtractedExposure: score,
          psfMatchingKernel: matching.kernel, preConvKernel: psf, preConvMode: true)
      }
      try score.maskedImage.markFrame(max(psf.width, psf.height) / 2)
      return Result(
        scoreExposure: score, matchedScience: matchedScience, matchedTemplate: matchedTemplate,
        psfMatchingKernel: matching, kernelSources: sources.selecting(rows), preConvolutionKernel: psf)
    }
  }

  private func psfImage(of science: Exposure) throws -> Image<Double> {
    guard let psf = science.psf else {
      throw UnknownPSFSizeError(what: "science exposure", reason: "the exposure has no PSF")
    }
    let image = try psf.kernelImage(at: psf.averagePosition)
    guard science.box.width > image.width, science.box.height > image.height else {
      throw ImagingError.invalidParameter(
        "the PSF's image of \(image.width)×\(image.height) pixels does not fit into the science exposure, \(science.box)"
      )
    }
    return image
  }

  private func findKernel(
    template: Exposure, _ matchedScience: MaskedImage, _ inner: Box2I, _ sources: Catalog, templateFwhm: Double,
    _ fwhm: Double
  ) throws -> (MatchingKernel, [Int]) {
    let side = try steps.makeKernel.kernelSide(targetFwhm: templateFwhm, referenceFwhm: fwhm)
    // One side for the kernel, as in a subtraction, and one more for the matched filter (differencing A13.3).
    let usable = config.candidates.restrictKernelEdgeSources ? matchedScience.box.grown(by: -side) : inner
    guard !usable.isEmpty, !usable.intersection(matchedScience.box).isEmpty else {
      throw InsufficientKernelSourcesError(nSources: 0, nRequired: config.candidates.minKernelSources)
    }
    let selected = try KernelSource.all(of: sources).filter { $0.source.isSelected(config.sourceSelector) }
    let stamps = try config.candidates.candidates(
      selected.map(\.source), convolved: template.maskedImage, reference: matchedScience.cropped(to: usable), side: side
    )
    try metadata.set("nPsfSources", stamps.count)
    try metadata.set("convolvedExposure", MatchingKernel.Convolved.template.rawValue)
    let solution = try steps.makeKernel.solve(
      stamps, targetFwhm: templateFwhm, referenceFwhm: fwhm, region: inner)
    return (try steps.matching(solution, .template), selected.rows(of: stamps))
  }
}
