// SPDX-License-Identifier: GPL-3.0-or-later
// Decorrelation with one filter for the whole image.

package import Imaging
package import SkyGeometry
package import TaskFramework

/// Makes the noise of a difference white with one filter for the whole image, that of the matching kernel in its middle.
///
/// **Model.** The difference, and its PSF, are multiplied by ĉ = √((a + b k²) / (a + b |κ̂|²)) in Fourier space, a and b the mean variances of the image that was not
/// convolved and of the other; the variance plane becomes w₁ V_a + w₂ V_b with the sums of the squares of c and κ ⋆ c, or with `completeVarPlanePropagation` c² ⋆ V_a + (κ ⋆ c)² ⋆ V_b. Fluxes stay. With
/// `preConvMode` the difference is a score, P ⋆ S − κ ⋆ T, and ĉ = (a + b k²) / (a + b |κ̂|² / |P̂|²).
///
/// **Invalid pixels.** What is not finite is the mean for the filter, and as it was in the result. Beyond the image there is 0.
///
/// ``DecorrelateALKernelSpatialTask`` follows kernels and noise that vary, and needs less memory and time.
///
/// **Source.** differencing B1 to B6.
package final class DecorrelateALKernelTask: Task {
  package static let defaultName: String? = "decorrelate"
  package let node: TaskNode
  package let config: DecorrelateALKernelConfig

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
  /// **Metadata.** `unconvolvedVariance`, `convolvedVariance`: the mean variances of the two images.
  ///
  /// - Parameters:
  ///   - scienceExposure: as it was before anything was convolved, over the difference's box at least.
  ///   - templateExposure: the same of the template, on the scale that it was subtracted on.
  ///   - subtractedExposure: the difference or, with `preConvMode`, the score.
  ///   - psfMatchingKernel: not normalised.
  ///   - preConvKernel: P; the science exposure's PSF when left out.
  ///   - center: where the kernel is taken; the middle of the image when left out.
  ///   - scienceVariance: of a pixel; ``computeVarianceMean(_:)`` when left out. So is `templateVariance`.
  ///   - templateMatched: whether the template was the one that was convolved.
  ///   - preConvMode: whether `subtractedExposure` is a score.
  /// - Returns: the corrected exposure; the mask is as it was. Without any pixel that says what the noise is, `subtractedExposure` as it is, with a warning.
  /// - Throws: ``Imaging/ImagingError``, also for a `preConvKernel` without `preConvMode`, and ``SubtractionError``.
  package func run(
    scienceExposure: Exposure, templateExposure: Exposure, subtractedExposure: Exposure, psfMatchingKernel: Kernel,
    preConvKernel: Image<Double>? = nil, center: Point2D? = nil, scienceVariance: Double? = nil,
    templateVariance: Double? = nil, templateMatched: Bool = true, preConvMode: Bool = false
  ) throws -> Exposure {
    try timer("run") { () throws in
      let box = subtractedExposure.box
      let request = try WholeImageDecorrelation.Request(
        kernel: psfMatchingKernel.image(at: center ?? box.center),
        scale: templateMatched ? 1 : psfMatchingKernel.image(at: box.center).sum,
        preConvolution: preConvolution(preConvKernel, scienceExposure, templateMatched, preConvMode))
      let inputs = try DifferenceInputs(
        science: scienceExposure.maskedImage, template: templateExposure.maskedImage, box: box,
        templateMatched: templateMatched, cellSize: .max, ignoring: config.ignoreMaskPlanes, defectPlanes: [])
      let (own, other) =
        templateMatched ? (scienceVariance, templateVariance) : (templateVariance, scienceVariance)
      let means = DifferenceInputs.Means(
        unconvolved: own ?? inputs.means.unconvolved, convolved: other ?? inputs.means.convolved)
      guard means.areUsable else {
        warn("no pixel says what the noise is: the difference is not decorrelated")
        return subtractedExposure
      }
      try metadata.set("unconvolvedVariance", means.unconvolved)
      try metadata.set("convolvedVariance", means.convolved)
      let psf = config.decorrelatePsf && !preConvMode ? subtractedExposure.psf : nil
      let decorrelation = try WholeImageDecorrelation(
        request, means, imageWidth: box.width, imageHeight: box.height,
        psf: psf?.kernelImage(at: center ?? box.center))
      var result = subtractedExposure
      result.maskedImage = try MaskedImage(
        image: try decorrelation.correctedImage(subtractedExposure.maskedImage.image),
        mask: subtractedExposure.maskedImage.mask,
        variance: try decorrelation.variance(inputs, isComplete: config.completeVarPlanePropagation))
      if let image = decorrelation.correctedPSF {
        result.psf = try KernelPSF(image, averagePosition: psf?.averagePosition ?? box.center)
      }
      return result
    }
  }

  private func preConvolution(
    _ given: Image<Double>?, _ science: Exposure, _ templateMatched: Bool, _ preConvMode: Bool
  ) throws(ImagingError) -> Image<Double>? {
    guard preConvMode else {
      guard given == nil else { throw .invalidParameter("preConvKernel is given, but preConvMode is off") }
      return nil
    }
    guard templateMatched else {
      throw .invalidParameter("a score is made of a convolved template; templateMatched is off")
    }
    if let given { return try KernelPSF(given, averagePosition: science.box.center).kernel }
    guard let psf = science.psf else {
      throw .invalidParameter("the science exposure has no PSF, and no preConvKernel is given")
    }
    return try psf.kernelImage(at: psf.averagePosition)
  }
}
