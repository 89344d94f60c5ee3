// SPDX-License-Identifier: GPL-3.0-or-later
// Which stars make a kernel, and how it varies.

internal import Imaging
internal import SkyGeometry
package import TaskFramework

/// Which stars make a kernel, and how it varies; names and defaults as the subtraction tasks of LSST set them (differencing A19).
package struct KernelSearchConfig: Config {
  /// The functions of the position.
  package enum SpatialModelType: String, ConfigChoice {
    case chebyshev1
    case polynomial
  }
  package enum ConditionNumberType: String, ConfigChoice {
    case eigenvalue = "EIGENVALUE"
    case svd = "SVD"
  }

  package var fitForBackground = true
  package var spatialModelType = SpatialModelType.chebyshev1
  package var spatialKernelOrder = 1
  package var spatialBgOrder = 2
  package var minStampsPerSpatialTerm = 3.0
  package var sizeCellX = 128
  package var sizeCellY = 128
  package var nStarPerCell = 5
  package var nStarPerImage = 0
  package var maxSpatialIterations = 3
  package var usePcaForSpatialKernel = false
  package var subtractMeanForPca = true
  package var numPrincipalComponents = 5
  package var robustIterations = 0
  package var doSubtractNoiseBias = false
  package var coefficientPrior = 0.03
  package var crossValidate = false
  package var singleKernelClipping = true
  package var kernelSumClipping = true
  package var spatialKernelClipping = true
  package var badMaskPlanes = ["NO_DATA", "EDGE", "SAT"]
  package var stampMaskSigma = 0.0
  package var candidateResidualMeanMax = 0.25
  package var candidateResidualStdMax = 1.5
  package var useCoreStats = false
  package var candidateCoreRadius = 3
  package var maxKsumSigma = 3.0
  package var checkConditionNumber = false
  package var maxConditionNumber = 5e7
  package var conditionNumberType = ConditionNumberType.eigenvalue
  package var maxSpatialConditionNumber = 1e10
  package var iterateSingleKernel = false
  package var constantVarianceWeighting = true

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("fitForBackground", \.fitForBackground, doc: "fit a background with the kernel"),
    .field("spatialModelType", \.spatialModelType, doc: "functions of the position"),
    .field("spatialKernelOrder", \.spatialKernelOrder, in: 0...8, doc: "order of the kernel over the image"),
    .field("spatialBgOrder", \.spatialBgOrder, in: 0...8, doc: "order of the background over the image"),
    .field(
      "minStampsPerSpatialTerm", \.minStampsPerSpatialTerm, in: 0...1000,
      doc:
        "orders fall until there are so many stars for each term of the kernel, and half as many for each of the background; 0 to keep them"
    ),
    .field("sizeCellX", \.sizeCellX, in: 32...100_000, doc: "width of a cell of stars, pixels"),
    .field("sizeCellY", \.sizeCellY, in: 32...100_000, doc: "height of a cell of stars, pixels"),
    .field("nStarPerCell", \.nStarPerCell, in: 0...100_000, doc: "how many stars of a cell are used; 0 for all"),
    .field(
      "nStarPerImage", \.nStarPerImage, in: 0...1_000_000,
      doc: "where cells are so few that nStarPerCell makes fewer stars than these, a cell has its share of them"),
    .field("maxSpatialIterations", \.maxSpatialIterations, in: 1...5, doc: "rounds of fitting and rejecting"),
    .field(
      "usePcaForSpatialKernel", \.usePcaForSpatialKernel,
      doc: "make the image's kernel of principal components of the stars' kernels"),
    .field(
      "subtractMeanForPca", \.subtractMeanForPca, doc: "subtract the mean kernel first, and use it as a component"),
    .field(
      "numPrincipalComponents", \.numPrincipalComponents, in: 3...1000,
      doc: "how many components are used at most, the mean included"),
    .field(
      "robustIterations", \.robustIterations, in: 0...100,
      doc: "rounds in which stars that ask for another kernel than the others lose weight; 0 for least squares"),
    .field(
      "doSubtractNoiseBias", \.doSubtractNoiseBias,
      doc:
        "take the noise of the image to convolve off the equations of the varying kernel; not for delta functions or components"
    ),
    .field(
      "coefficientPrior", \.coefficientPrior, in: 0...1000,
      doc: "with doSubtractNoiseBias: expected size of the coefficients but the kernel's sum; 0 for any"),
    .field(
      "crossValidate", \.crossValidate,
      doc:
        "with doSubtractNoiseBias: choose that size, and an order up to spatialKernelOrder, by how well kernels do for stars that they were not fitted to"
    ),
    .field("singleKernelClipping", \.singleKernelClipping, doc: "reject stars that their own kernel does not match"),
    .field("kernelSumClipping", \.kernelSumClipping, doc: "reject stars whose kernel has another sum"),
    .field(
      "spatialKernelClipping", \.spatialKernelClipping, doc: "reject stars that the image's kernel does not match"),
    .field("badMaskPlanes", \.badMaskPlanes, count: 0...32, doc: "pixels that do not count in residuals"),
    .field(
      "stampMaskSigma", \.stampMaskSigma, in: 0...1e6,
      doc:
        "pixels of a stamp that the kernel of all stars leaves so many standard deviations of, beyond 5 % of the light, do not count; 0 for none"
    ),
    .field(
      "candidateResidualMeanMax", \.candidateResidualMeanMax, in: 0...1000,
      doc: "largest mean residual of a star, standard deviations"),
    .field(
      "candidateResidualStdMax", \.candidateResidualStdMax, in: 0...1000,
      doc: "largest scatter of the residuals of a star, standard deviations"),
    .field("useCoreStats", \.useCoreStats, doc: "judge stars by their cores alone"),
    .field("candidateCoreRadius", \.candidateCoreRadius, in: 1...1000, doc: "half the side of the core, pixels"),
    .field(
      "maxKsumSigma", \.maxKsumSigma, in: 0...1000, doc: "largest deviation of a star's kernel sum, standard deviations"
    ),
    .field("checkConditionNumber", \.checkConditionNumber, doc: "reject stars whose kernel is badly determined"),
    .field(
      "maxConditionNumber", \.maxConditionNumber, in: 1...1e300, doc: "largest condition number of a star's equations"),
    .field("conditionNumberType", \.conditionNumberType, doc: "whether eigenvalues or singular values are divided"),
    .field(
      "maxSpatialConditionNumber", \.maxSpatialConditionNumber, in: 1...1e300,
      doc: "condition number of the image's equations beyond which there is a warning"),
    .field(
      "iterateSingleKernel", \.iterateSingleKernel,
      doc: "fit a star again with the variance of its difference; only without constantVarianceWeighting"),
    .field("constantVarianceWeighting", \.constantVarianceWeighting, doc: "give all pixels of a star one weight"),
  ]

  /// The functions of an order over a region.
  func basis(over region: Box2I, order: Int) -> SpatialBasis {
    switch spatialModelType {
    case .chebyshev1: SpatialBasis(.chebyshev(Box2D(region)), order: order)
    case .polynomial: SpatialBasis(.polynomial, order: order)
    }
  }
}
