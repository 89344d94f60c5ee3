// SPDX-License-Identifier: GPL-3.0-or-later
// The recipe for kernels: its configuration and what it records.

import Foundation
import ImageDifferencing
import Imaging
import SkyGeometry
import TaskFramework
import TestSupport
import Testing

@Suite struct MakeKernelTests {
  /// Every name of differencing A19 can be set to its default.
  @Test func namesOfTheConfiguration() throws {
    var config = MakeKernelConfig()
    let common: [(String, ConfigValue)] = [
      ("useAfwBackground", .boolean(false)), ("fitForBackground", .boolean(true)), ("kernelSize", .integer(21)),
      ("scaleByFwhm", .boolean(true)), ("kernelSizeFwhmScaling", .number(6)), ("kernelSizeMin", .integer(21)),
      ("kernelSizeMax", .integer(35)), ("spatialModelType", .string("chebyshev1")), ("spatialKernelOrder", .integer(1)),
      ("spatialBgOrder", .integer(2)), ("sizeCellX", .integer(128)), ("sizeCellY", .integer(128)),
      ("nStarPerCell", .integer(5)), ("maxSpatialIterations", .integer(3)), ("subtractMeanForPca", .boolean(true)),
      ("numPrincipalComponents", .integer(5)), ("singleKernelClipping", .boolean(true)),
      ("kernelSumClipping", .boolean(true)), ("spatialKernelClipping", .boolean(true)),
      ("checkConditionNumber", .boolean(false)),
      ("badMaskPlanes", .list([.string("NO_DATA"), .string("EDGE"), .string("SAT")])),
      ("candidateResidualMeanMax", .number(0.25)), ("candidateResidualStdMax", .number(1.5)),
      ("useCoreStats", .boolean(false)), ("candidateCoreRadius", .integer(3)), ("maxKsumSigma", .number(3)),
      ("conditionNumberType", .string("EIGENVALUE")), ("maxSpatialConditionNumber", .number(1e10)),
      ("iterateSingleKernel", .boolean(false)), ("constantVarianceWeighting", .boolean(true)),
      ("calculateKernelUncertainty", .boolean(false)), ("useBicForKernelBasis", .boolean(false)),
    ]
    let own: [String: [(String, ConfigValue)]] = [
      "AL": [
        ("kernelBasisSet", .string("alard-lupton")), ("usePcaForSpatialKernel", .boolean(false)),
        ("maxConditionNumber", .number(5e7)), ("alardNGauss", .integer(3)),
        ("alardDegGauss", .list([.integer(4), .integer(2), .integer(2)])),
        ("alardSigGauss", .list([.number(0.7), .number(1.5), .number(3)])), ("alardGaussBeta", .number(2)),
        ("alardMinSig", .number(0.7)), ("alardMinSigDeconv", .number(0.4)), ("alardDegGaussDeconv", .integer(3)),
        ("alardNGaussDeconv", .integer(3)),
      ],
      "DF": [
        ("kernelBasisSet", .string("delta-function")), ("usePcaForSpatialKernel", .boolean(true)),
        ("maxConditionNumber", .number(5e6)), ("useRegularization", .boolean(true)),
        ("regularizationType", .string("centralDifference")), ("centralRegularizationStencil", .integer(9)),
        ("forwardRegularizationOrders", .list([.integer(1), .integer(2)])),
        ("regularizationBorderPenalty", .number(3)), ("lambdaType", .string("absolute")), ("lambdaValue", .number(0.2)),
        ("lambdaScaling", .number(1e-4)), ("lambdaStepType", .string("log")), ("lambdaMin", .number(-1)),
        ("lambdaMax", .number(2)), ("lambdaStep", .number(0.1)),
      ],
    ]
    for name in ["AL", "DF"] {
      for (field, value) in common + (own[name] ?? []) { try config.set("kernel.\(name).\(field)", to: value) }
    }
    try config.set("fwhmExposureGrid", to: .integer(10))
    try config.set("fwhmExposureBuffer", to: .number(0.05))
    // All of these are the defaults.
    #expect(config.differences(from: MakeKernelConfig()).isEmpty)
    #expect(config.kernel.name == "AL")
    try config.validateAll()
    try config.kernel.select(["DF"])
    try config.validateAll()
    let names = MakeKernelConfig().names
    #expect(Set(names).count == names.count)
  }

  /// differencing A6.6, A15.2.
  @Test func whatConfigurationsMayNotSay() throws {
    func problem(_ name: String, _ settings: [(String, ConfigValue)]) -> ConfigProblem? {
      var config = MakeKernelConfig()
      do throws(ConfigProblem) {
        try config.kernel.select([name])
        for (field, value) in settings { try config.set("kernel.\(name).\(field)", to: value) }
        try config.validateAll()
        return nil
      } catch {
        return error
      }
    }
    #expect(problem("AL", [("alardNGauss", .integer(2))])?.path == "kernel.AL.alardDegGauss")
    #expect(problem("AL", [("alardSigGauss", .list([.number(1)]))])?.path == "kernel.AL.alardSigGauss")
    #expect(problem("AL", [("kernelSize", .integer(20))])?.path == "kernel.AL.kernelSize")
    #expect(problem("AL", [("kernelSize", .integer(1))]) != nil)
    #expect(problem("AL", [("kernelBasisSet", .string("delta-function"))])?.reason.contains("select DF") == true)
    #expect(problem("AL", [("kernelBasisSet", .string("wavelets"))]) != nil)
    #expect(problem("AL", [("spatialModelType", .string("spline"))]) != nil)
    #expect(problem("AL", [("maxSpatialIterations", .integer(6))]) != nil)
    #expect(problem("AL", [("numPrincipalComponents", .integer(2))]) != nil)
    #expect(problem("AL", [("alardMinSig", .number(0.2))]) != nil)
    #expect(problem("AL", [("lambdaValue", .number(1))])?.path == "kernel.AL.lambdaValue")
    #expect(problem("DF", [("kernelSize", .integer(8))]) != nil)
    #expect(problem("DF", [("lambdaMin", .number(3))])?.path == "kernel.DF.lambdaMin")
    #expect(problem("DF", [("lambdaStepType", .string("linear"))])?.path == "kernel.DF.lambdaMin")
    #expect(problem("DF", [("lambdaStep", .number(1e-9))])?.path == "kernel.DF.lambdaStep")
    #expect(problem("DF", [("lambdaStep", .number(0))]) != nil)
    #expect(problem("DF", []) == nil && problem("AL", []) == nil)
  }

  /// differencing A17.
  @Test func whatIsRecorded() throws {
    let stars = SimulatedStars(noise: 3)
    let task = try MakeKernelTask()
    #expect(task.name == "makeKernel")
    let (target, reference) = stars.fwhm
    #expect(try task.kernelSide(targetFwhm: target, referenceFwhm: reference) == 21)
    #expect(try task.kernelSide(targetFwhm: nil, referenceFwhm: nil) == 21)
    #expect(throws: ImagingError.self) { try task.kernelSide(targetFwhm: 0, referenceFwhm: 2) }
    let solution = try task.solve(
      try stars.candidates(12, side: 256, flux: 20_000, seed: 4), targetFwhm: target, referenceFwhm: reference,
      region: Box2I(width: 256, height: 256))
    #expect(try task.metadata.string("ALBasisMode") == "convolution")
    #expect(try task.metadata.integer("ALBasisNGauss") == 3 && task.metadata.integer("ALKernelSize") == 21)
    #expect(try task.metadata.array("ALBasisDegGauss") == [.integer(4), .integer(2), .integer(2)])
    #expect(try task.metadata.array("ALBasisSigGauss").count == 3)
    #expect(try task.metadata.double("spatialKernelSum") == solution.spatialKernelSum)
    #expect(try task.metadata.double("spatialConditionNum") == solution.spatialConditionNum)
    #expect(task.warnings == solution.warnings)
    #expect(
      solution.usedCount + solution.states.count { $0.status == .bad } <= 12 && solution.fit.kernelBasis.order == 1)
  }

  @Test func equalInputGivesEqualBits() throws {
    let stars = SimulatedStars(noise: 3)
    let candidates = try stars.candidates(12, side: 256, flux: 20_000, seed: 4)
    func solve(_ name: String, _ size: Int) throws -> [[Double]] {
      var config = MakeKernelConfig()
      try config.kernel.select([name])
      try config.set("kernel.\(name).kernelSize", to: .integer(size))
      return try MakeKernelTask(config: config).solve(
        candidates, targetFwhm: stars.fwhm.target, referenceFwhm: stars.fwhm.reference,
        region: Box2I(width: 256, height: 256)
      ).fit.coefficients
    }
    for (name, size) in [("AL", 21), ("DF", 9)] { #expect(try solve(name, size) == solve(name, size)) }
  }
}
