// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel that matches two images, and how it came about.

internal import Imaging
internal import SkyGeometry

/// The kernel that matches two images, and how it came about.
package struct KernelSolution: Sendable {
  /// What the stars' kernels are made of.
  package enum Functions: Sendable, Equatable {
    /// Widths are standard deviations in pixels.
    case alardLupton(sigmas: [Double], degrees: [Int], mode: AlardLuptonBasis.Mode)
    case deltaFunctions
  }

  package let fit: SpatialKernelFit
  package let functions: Functions
  /// Of the kernel, pixels.
  package let kernelSide: Int
  /// What became of each candidate, in their order.
  package let states: [KernelSearch.State]
  /// Stars in the last fit of the image's kernel.
  package let usedCount: Int
  package let rejectedCount: Int
  /// Of the image's equations.
  package let spatialConditionNum: Double
  /// Σ of the kernel at the middle of the region.
  package let spatialKernelSum: Double
  /// What a user should know about the kernel.
  package let warnings: [String]

  /// The median of what the kernel leaves of its stars, standard deviations a pixel; `nil` without any.
  var medianResidual: Double? {
    let left = states.filter { $0.status == .good }.compactMap { $0.residual?.rms }.filter(\.isFinite).sorted()
    return left.isEmpty ? nil : left[left.count / 2]
  }

  init(_ fit: SpatialKernelFit, _ functions: Functions, _ search: KernelSearch) {
    self.fit = fit
    self.functions = functions
    kernelSide = fit.basis.side
    states = search.states
    usedCount = fit.candidateCount
    rejectedCount = search.rejectedCount
    spatialConditionNum = fit.conditionNumber
    spatialKernelSum = fit.kernelSum(at: Box2D(search.region).center)
    warnings = search.diagnostics(fit)
  }
}

extension KernelSearch {
  /// What is to be said about a kernel that was found (differencing A8.5).
  func diagnostics(_ fit: SpatialKernelFit) -> [String] {
    var messages: [String] = []
    let used = fit.candidateCount
    if fit.conditionNumber < 0 || !(fit.conditionNumber <= config.maxSpatialConditionNumber) {
      messages.append(
        fit.conditionNumber > 0
          ? "the equations of the varying kernel have a condition number of \(Float(fit.conditionNumber)); it should be at most \(config.maxSpatialConditionNumber)"
          : "the equations of the varying kernel, less their noise, do not determine all of it; crossValidate finds a kernel that stars determine"
      )
    }
    if rejectedCount > 2 * used { messages.append("\(rejectedCount) stars were rejected, only \(used) were used") }
    let backgroundBasis = fit.background?.basis
    for (name, order, wanted, terms) in [
      ("kernel", fit.kernelBasis.order, config.spatialKernelOrder, fit.kernelBasis.termCount),
      (
        "background", backgroundBasis?.order ?? 0, backgroundBasis == nil ? 0 : config.spatialBgOrder,
        backgroundBasis?.termCount ?? 0
      ),
    ] {
      // A lower one than the stars allow was chosen, by cross-validation.
      let allowed = Self.order(
        wanted, count: used, perTerm: config.minStampsPerSpatialTerm * (name == "kernel" ? 1 : 0.5))
      if order < wanted, order >= allowed {
        messages.append("the order of the \(name) was lowered from \(wanted) to \(order); stars: \(used)")
      }
      if used < terms {
        messages.append("the \(name) is not determined; stars: \(used), terms: \(terms)")
      } else if used <= 2 * terms, terms > 1 {
        messages.append("the \(name) is poorly determined; stars: \(used), terms: \(terms)")
      }
    }
    return messages
  }
}
