// SPDX-License-Identifier: GPL-3.0-or-later
// How a template is subtracted.

package import SingleFrame
package import TaskFramework

/// Which image is convolved (differencing A4).
package enum SubtractionMode: String, ConfigChoice {
  case convolveTemplate
  case convolveScience
  /// The sharper one.
  case auto
  /// The one with which the kernel leaves less of the stars: both are tried.
  case trial
}

/// How a template is subtracted; names and defaults are those of the LSST task (differencing A19), where it has them.
package struct AlardLuptonSubtractConfig: Config {
  package var mode = SubtractionMode.convolveTemplate
  package var requiredTemplateFraction = 0.1
  package var minTemplateFractionForExpectedSuccess = 0.2
  package var doScaleVariance = true
  package var scaleVariance = ScaleVarianceConfig()
  package var doSubtractBackground = false
  package var doSubtractResidualBackground = false
  package var residualBackground = SkyModelConfig()
  package var doDecorrelation = true
  package var decorrelate = DecorrelateALKernelSpatialTask.makeField("makes the noise of the difference white")
  package var doScore = true
  package var doScoreSourceNoise = false
  package var scoreRegistrationError = 0.0
  package var doConvolvePsf = true
  package var softMaskFraction = 0.0
  package var doApplyExternalCalibrations = false
  package var makeKernel = MakeKernelTask.makeField("the kernel that makes the images alike")
  package var sourceSelector = SourceSelectorConfig()
  package var candidates = CandidateSelection()
  package var allowKernelSourceDetection = false
  package var fallbackSourceSelector = SourceSelectorConfig.fallback
  package var doFillMaskedPixels = true
  package var fillMaskPlanes = ["NO_DATA", "BAD", "CR"]
  package var masks = MaskPreparation()
  package var preserveMaskPlanes = ["INJECTED", "INJECTED_CORE", "INJECTED_TEMPLATE", "INJECTED_CORE_TEMPLATE"]
  package var connections = ConnectionNames()

  package init() {}

  package static let fields: [ConfigField<Self>] =
    [
      .field("mode", \.mode, doc: "which image is convolved"),
      .field(
        "requiredTemplateFraction", \.requiredTemplateFraction, in: 0...1,
        doc: "the part of the exposure that the template must cover for there to be work"),
      .field(
        "minTemplateFractionForExpectedSuccess", \.minTemplateFractionForExpectedSuccess, in: 0...1,
        doc: "the part below which a kernel that cannot be found is no failure"),
      .field("doScaleVariance", \.doScaleVariance, doc: "bring variances in line with the scatter of the sky first"),
      .config("scaleVariance", \.scaleVariance, doc: "how that is done"),
      .field(
        "doSubtractBackground", \.doSubtractBackground, doc: "subtract the background that is fitted with the kernel"),
      .field(
        "doSubtractResidualBackground", \.doSubtractResidualBackground,
        doc: "subtract what is left of the sky in the difference, too"),
      .config("residualBackground", \.residualBackground, doc: "how that is found"),
      .field("doDecorrelation", \.doDecorrelation, doc: "make the noise of the difference white"),
      .subtask("decorrelate", \.decorrelate),
      .field(
        "doScore", \.doScore, doc: "make a score image, too: the difference under its own PSF as a matched filter"),
      .field(
        "doScoreSourceNoise", \.doScoreSourceNoise,
        doc: "let the light of sources raise the score's variance as far as its filter reaches"),
      .field(
        "scoreRegistrationError", \.scoreRegistrationError, in: 0...10,
        doc: "by how much the images may be displaced either way, pixels; raises the score's variance on steep light"),
      .field(
        "doConvolvePsf", \.doConvolvePsf,
        doc: "where the science exposure is convolved, the difference has its convolved PSF, and not the template's"),
      .field(
        "softMaskFraction", \.softMaskFraction, in: 0...0.5,
        doc: "part of the sum of its absolute values that a kernel may have on masked pixels before their mask spreads"),
      .field(
        "doApplyExternalCalibrations", \.doApplyExternalCalibrations,
        doc: "take the PSF and the aperture corrections of the visit summary"),
      .subtask("makeKernel", \.makeKernel),
      .config("sourceSelector", \.sourceSelector, doc: "which sources are good enough for a kernel"),
    ] + ConfigField.lifted(\Self.candidates) + [
      .field(
        "allowKernelSourceDetection", \.allowKernelSourceDetection,
        doc: "find stars on the science image where the catalog has too few"),
      .config(
        "fallbackSourceSelector", \.fallbackSourceSelector, doc: "which of those are good enough for a kernel"),
      .field(
        "doFillMaskedPixels", \.doFillMaskedPixels,
        doc: "fill bad pixels from their surroundings before a convolution can spread them"),
      .field(
        "fillMaskPlanes", \.fillMaskPlanes, count: 0...32,
        doc: "which pixels are filled, besides those without a value; planes that an image does not have are ignored"),
    ] + ConfigField.lifted(\Self.masks) + [
      .field(
        "preserveMaskPlanes", \.preserveMaskPlanes, count: 0...32,
        doc: "planes that stay on their pixels when the kernel spreads the others"),
      .connections("connections", \.connections),
    ]

  package func validate() throws(ConfigProblem) {
    guard requiredTemplateFraction <= minTemplateFractionForExpectedSuccess else {
      throw ConfigProblem(
        path: "requiredTemplateFraction",
        reason: "it is above minTemplateFractionForExpectedSuccess (\(minTemplateFractionForExpectedSuccess))")
    }
  }
}
