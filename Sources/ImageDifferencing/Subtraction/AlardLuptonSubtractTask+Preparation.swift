// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to a pair before its kernel is sought.

internal import Imaging
internal import SingleFrame
internal import SkyGeometry
internal import TaskFramework

extension AlardLuptonSubtractTask {
  /// - Returns: the part of the science exposure in which both have data.
  func checkPair(template: Exposure, science: Exposure) throws -> Double {
    guard template.box.contains(science.box), !science.box.isEmpty else {
      throw SubtractionError.templateTooSmall(template: template.box, science: science.box)
    }
    if let own = science.filter?.band, let other = template.filter?.band, own != other {
      throw SubtractionError.differentBands(science: own, template: other)
    }
    if let own = science.wcs, let other = template.wcs, own != other { throw SubtractionError.differentWCS }
    let coverage = try templateCoverage(template.maskedImage, science.maskedImage, in: science.box)
    try metadata.set("templateCoveragePercent", 100 * coverage)
    guard coverage >= config.requiredTemplateFraction else {
      throw NoWorkFound(
        "the template covers only \(percent(coverage)) of the exposure "
          + "(requiredTemplateFraction: \(percent(config.requiredTemplateFraction)))")
    }
    return coverage
  }

  /// The exposure with what the visit summary says of it, or as it is when that is not all there.
  func calibrated(_ exposure: Exposure, _ calibration: ExternalCalibration?) -> Exposure {
    guard let result = calibration?.applied(to: exposure) else {
      warn("the visit summary has no PSF or no aperture corrections for this detector: the exposure's own are used")
      return exposure
    }
    return result
  }

  func scaleVariances(template: inout Exposure, science: inout Exposure) throws {
    guard config.doScaleVariance else { return }
    try scaleVariance(of: &template, "template", as: "scaleTemplateVarianceFactor")
    try scaleVariance(of: &science, "science exposure", as: "scaleScienceVarianceFactor")
  }

  /// Fills what the convolution would spread, as long as masks still say what it is, and prepares the masks.
  func prepare(
    _ convolved: MatchingKernel.Convolved, template: inout Exposure, science: inout Exposure
  ) throws {
    if config.doFillMaskedPixels {
      let count =
        switch convolved {
        case .template: try template.maskedImage.fillMaskedPixels(config.fillMaskPlanes)
        case .science: try science.maskedImage.fillMaskedPixels(config.fillMaskPlanes)
        }
      try metadata.set("nInterpolated", count)
    }
    let masks = config.masks
    try science.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in mask = try masks.prepare(science: mask) }
    try template.maskedImage.updateInPlace { _, mask, _ throws(ImagingError) in
      // From here on a bit means the same in both.
      mask = try masks.prepare(template: mask).conformed(to: science.maskedImage.mask.planes)
    }
  }

  private func scaleVariance(of exposure: inout Exposure, _ what: String, as key: String) throws {
    let scale = try exposure.maskedImage.varianceScale(config.scaleVariance)
    let factor = scale.factor
    switch scale.evidence {
    case .pixels: break
    case .image:
      warn("the variance of the \(what) is scaled by what its pixels scatter, \(factor): it does not fit them")
    case .grain:
      warn(
        "the \(what) is too crowded to tell noise by its scatter; by the grain of the pixels its variance is scaled by \(factor)"
      )
    case .none: warn("the noise of the \(what) cannot be told from its pixels: its variance stays as it is")
    }
    try metadata.set(key, factor)
    guard factor != 1 else { return }
    let multiplier = Float(factor)
    try exposure.maskedImage.updateInPlace { _, _, variance in variance.scale(by: multiplier) }
  }

  /// The widths of the PSFs, and the depths that follow from them.
  func measureSizes(template: Exposure, science: Exposure) throws -> PSFSizes {
    let grid = PSFSizeGrid(count: makeKernel.config.fwhmExposureGrid, buffer: makeKernel.config.fwhmExposureBuffer)
    let sizes = try PSFSizes(science: science, template: template, grid)
    try metadata.set("sciencePsfSize", sizes.science.fwhm)
    try metadata.set("templatePsfSize", sizes.template.fwhm)
    let own = LimitingMagnitude(sizes.science, science.photoCalib)
    let other = LimitingMagnitude(sizes.template, template.photoCalib)
    try metadata.set("scienceLimitingMagnitude", own?.magnitude ?? .nan)
    try metadata.set("templateLimitingMagnitude", other?.magnitude ?? .nan)
    try metadata.set("diffimLimitingMagnitude", own?.combined(with: other).magnitude ?? .nan)
    return sizes
  }

  func percent(_ fraction: Double) -> String { "\((fraction * 1000).rounded() / 10) %" }
}
