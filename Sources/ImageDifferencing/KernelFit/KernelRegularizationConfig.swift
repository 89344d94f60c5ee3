// SPDX-License-Identifier: GPL-3.0-or-later
// How smooth kernels of delta functions have to be.

internal import Foundation
package import TaskFramework

/// How smooth kernels of delta functions have to be; names and defaults are those of LSST (differencing A15.2, A19).
package struct KernelRegularizationConfig: Config {
  package enum RegularizationType: String, ConfigChoice {
    case centralDifference
    case forwardDifference
  }
  package enum LambdaType: String, ConfigChoice {
    case absolute
    case relative
    case minimizeBiasedRisk
    case minimizeUnbiasedRisk
  }
  package enum LambdaStepType: String, ConfigChoice {
    case linear
    case log
  }

  package var useRegularization = true
  package var regularizationType = RegularizationType.centralDifference
  package var centralRegularizationStencil = 9
  package var forwardRegularizationOrders = [1, 2]
  package var regularizationBorderPenalty = 3.0
  package var lambdaType = LambdaType.absolute
  package var lambdaValue = 0.2
  package var lambdaScaling = 1e-4
  package var lambdaStepType = LambdaStepType.log
  package var lambdaMin = -1.0
  package var lambdaMax = 2.0
  package var lambdaStep = 0.1

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("useRegularization", \.useRegularization, doc: "penalise kernels that are not smooth"),
    .field("regularizationType", \.regularizationType, doc: "which differences of neighbouring pixels are penalised"),
    .field(
      "centralRegularizationStencil", \.centralRegularizationStencil, doc: "points of the Laplacian",
      requirement: "5 or 9", where: { $0 == 5 || $0 == 9 }),
    .field(
      "forwardRegularizationOrders", \.forwardRegularizationOrders, count: 1...3, doc: "orders of forward differences",
      requirement: "from 1 to 3", eachItem: { (1...3).contains($0) }),
    .field(
      "regularizationBorderPenalty", \.regularizationBorderPenalty, in: 0...1e6,
      doc: "factor of the kernel's border pixels"),
    .field("lambdaType", \.lambdaType, doc: "how the strength of the penalty is found"),
    .field("lambdaValue", \.lambdaValue, in: 0...1e300, doc: "the strength, when it is absolute"),
    .field(
      "lambdaScaling", \.lambdaScaling, in: 0...1e300, doc: "the strength in units of tr M / tr H, when it is relative"),
    .field(
      "lambdaStepType", \.lambdaStepType,
      doc: "whether strengths to try, or their logarithms to base 10, are evenly spaced"),
    .field("lambdaMin", \.lambdaMin, in: -300...1e300, doc: "the first strength to try, or its logarithm"),
    .field("lambdaMax", \.lambdaMax, in: -300...1e300, doc: "the last strength to try, or its logarithm"),
    .field(positive: "lambdaStep", \.lambdaStep, doc: "step between strengths, or between their logarithms"),
  ]

  package func validate() throws(ConfigProblem) {
    guard lambdaMin <= lambdaMax else {
      throw ConfigProblem(path: "lambdaMin", reason: "it is above lambdaMax (\(lambdaMax))")
    }
    guard lambdaStepType == .log || lambdaMin >= 0 else {
      throw ConfigProblem(
        path: "lambdaMin", reason: "a strength of \(lambdaMin); with linear steps it must not be negative")
    }
    guard lambdaStepType == .linear || lambdaMax <= 300 else {
      throw ConfigProblem(path: "lambdaMax", reason: "a strength of 10 to the power of \(lambdaMax); at most 300")
    }
    guard (lambdaMax - lambdaMin) / lambdaStep <= 1000 else {
      throw ConfigProblem(path: "lambdaStep", reason: "there are more than 1000 steps from lambdaMin to lambdaMax")
    }
  }

  /// The strengths to try, from the smallest on.
  package var lambdas: [Double] {
    // A last step that rounding has moved beyond the end counts.
    guard let steps = Int(exactly: ((lambdaMax - lambdaMin) / lambdaStep + 1e-9).rounded(.down)), steps >= 0 else {
      return [lambdaMin]
    }
    return (0..<steps + 1).map { step in
      let value = lambdaMin + Double(step) * lambdaStep
      return lambdaStepType == .log ? pow(10, value) : value
    }
  }
}
