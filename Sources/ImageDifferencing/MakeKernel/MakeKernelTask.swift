// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel that matches two images: the recipe.

internal import Imaging
internal import Measurement
package import SkyGeometry
package import TaskFramework

/// Finds the kernel that matches two images, from stars that are cut out of both (differencing A6 to A10).
package final class MakeKernelTask: Task {
  package static let defaultName: String? = "makeKernel"

  package let node: TaskNode
  package let config: MakeKernelConfig
  let selectDetection: SourceDetectionTask
  let selectMeasurement: SingleFrameMeasurementTask

  package init(_ node: TaskNode) throws {
    self.node = node
    config = try node.config()
    selectDetection = try node.makeSubtask("selectDetection")
    selectMeasurement = try node.makeSubtask("selectMeasurement")
  }

  /// The functions that kernels are made of, and what is done with them.
  private struct Setup {
    let basis: KernelBasis
    let functions: KernelSolution.Functions
    let search: KernelSearchConfig
    let regularization: KernelRegularization?
  }

  /// The side of the kernel for two PSFs, pixels.
  ///
  /// - Parameters:
  ///   - targetFwhm: of the image to convolve, pixels; `nil` when unknown.
  ///   - referenceFwhm: of the image to match, pixels; `nil` when unknown.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for widths that are no widths.
  package func kernelSide(targetFwhm: Double?, referenceFwhm: Double?) throws -> Int {
    try setup(targetFwhm, referenceFwhm).basis.side
  }

  /// Finds the kernel, and records how: items `AL…` and `spatial…` of the metadata, and warnings.
  ///
  /// - Parameters:
  ///   - candidates: their `template` is of the image to convolve.
  ///   - region: of the image, which cells and polynomials are laid over; stars outside of it are not used.
  /// - Throws: ``NoKernelCandidatesError``, ``Imaging/ImagingError``.
  package func solve(
    _ candidates: [KernelCandidate], targetFwhm: Double?, referenceFwhm: Double?, region: Box2I
  ) throws -> KernelSolution {
    try timer("solve") {
      let setup = try setup(targetFwhm, referenceFwhm)
      var search = KernelSearch(
        candidates, setup.basis, region: region, setup.search, regularization: setup.regularization)
      let fit = try search.run()
      let solution = KernelSolution(fit, setup.functions, search)
      try record(solution)
      return solution
    }
  }

  private func setup(_ targetFwhm: Double?, _ referenceFwhm: Double?) throws -> Setup {
    switch config.kernel.active {
    case let config as PsfMatchConfigDF:
      let basis = try KernelBasis(deltaFunctionsOfSide: config.basis.kernelSize)
      let regularization =
        config.regularization.useRegularization
        ? try KernelRegularization(
          side: basis.side, fitForBackground: config.search.fitForBackground,
          maxConditionNumber: config.search.maxConditionNumber, config.regularization) : nil
      return Setup(basis: basis, functions: .deltaFunctions, search: config.search, regularization: regularization)
    case let config as PsfMatchConfigAL:
      let basis = try AlardLuptonBasis(targetFwhm: targetFwhm, referenceFwhm: referenceFwhm, config.basis)
      return Setup(
        basis: basis.basis,
        functions: .alardLupton(sigmas: basis.sigmas, degrees: basis.degrees, mode: basis.mode), search: config.search,
        regularization: nil)
    default:
      throw ConfigProblem(path: "kernel.name", reason: "\(config.kernel.name) is no kind of kernel")
    }
  }

  private func record(_ solution: KernelSolution) throws {
    if case .alardLupton(let sigmas, let degrees, let mode) = solution.functions {
      try metadata.set("ALBasisNGauss", sigmas.count)
      try metadata.set("ALBasisDegGauss", degrees.map { .integer(Int64($0)) })
      try metadata.set("ALBasisSigGauss", sigmas.map { .float($0) })
      try metadata.set("ALKernelSize", solution.kernelSide)
      try metadata.set("ALBasisMode", mode.rawValue)
    }
    try metadata.set("usedCount", solution.usedCount)
    try metadata.set("rejectedCount", solution.rejectedCount)
    try metadata.set("spatialKernelOrder", solution.fit.kernelBasis.order)
    try metadata.set("coefficientPrior", solution.fit.prior)
    try metadata.set("spatialConditionNum", solution.spatialConditionNum)
    try metadata.set("spatialKernelSum", solution.spatialKernelSum)
    for warning in solution.warnings { warn(warning) }
  }
}
