// SPDX-License-Identifier: GPL-3.0-or-later
// The search for a kernel that matches all good stars.

internal import Imaging
package import SkyGeometry
internal import TaskFramework

/// Why there is no kernel (category NoKernelCandidatesError).
package struct NoKernelCandidatesError: CategorizedError, Hashable, CustomStringConvertible {
  package var category: String { "NoKernelCandidatesError" }
  package let description: String
}

/// The search for a kernel that matches all good stars: fits, and stars that are rejected and replaced by others of their cells.
///
/// **Steps.** Every star of a cell's brightest gets its own kernel, and is rejected when that does not match it; those whose kernel sums are
/// outliers go; one varying kernel is fitted to all, of principal components of theirs if that is wanted; stars that it does not match go, and
/// the search goes on with the next of their cells, a few times. With few stars the orders of the varying kernel and background fall.
///
/// **Source.** differencing A8, A15.3, D3.4.
package struct KernelSearch {
  package enum Status: Hashable, Sendable { case unknown, good, bad }

  /// What became of a candidate.
  package struct State: Sendable {
    package fileprivate(set) var status = Status.unknown
    /// With the functions that the search began with; `nil` as long as nobody needed it, or when it failed.
    package fileprivate(set) var fit: SingleKernelFit?
    /// With the principal components; `nil` without them.
    package fileprivate(set) var componentFit: SingleKernelFit?
    /// Pixels of its stamp that show something else, row by row of the part that is fitted; none when empty.
    package fileprivate(set) var ignored: [Bool] = []
    /// Of the last kernel that was tried on it.
    package fileprivate(set) var residual: StampResidual?
  }

  /// Of the single kernels; the kernel of the image has principal components of them when the configuration says so.
  package let basis: KernelBasis
  package let region: Box2I
  package let config: KernelSearchConfig
  private let regularization: KernelRegularization?
  private var components: KernelBasis?
  private let candidates: [KernelCandidate]
  private let cells: SpatialCells
  /// In the order of the candidates.
  package private(set) var states: [State]
  /// How many were rejected in all.
  package private(set) var rejectedCount = 0

  package init(
    _ candidates: [KernelCandidate], _ basis: KernelBasis, region: Box2I, _ config: KernelSearchConfig = .init(),
    regularization: KernelRegularization? = nil
  ) {
    self.regularization = regularization
    self.candidates = candidates
    self.basis = basis
    self.region = region
    self.config = config
    cells = SpatialCells(region, sizeX: config.sizeCellX, sizeY: config.sizeCellY, candidates)
    states = Array(repeating: State(), count: candidates.count)
  }

  /// Finds the kernel.
  ///
  /// - Throws: ``NoKernelCandidatesError``, ``Imaging/ImagingError`` for a system without a solution.
  package mutating func run() throws -> SpatialKernelFit {
    var round = 0
    while true {
      try fitSingles()
      var fit = try spatialFit()
      if round == 0, maskOutliers(fit) {
        try fitSingles()
        fit = try spatialFit()
      }
      guard rejectByResidual(fit) else { return fit }
      round += 1
      // One more from what is left, which nobody judges any more.
      guard round < config.maxSpatialIterations else { return try spatialFit() }
    }
  }

  /// Gives every star that counts its own kernel, until none is rejected for it.
  private mutating func fitSingles() throws {
    repeat { fitNewcomers() } while try rejectBySum() || rejectByComponents()
  }

  /// The stars that count now: of each cell the brightest that are not rejected.
  private var visited: [Int] {
    let most = starsPerCell
    return cells.cells.flatMap { members in members.filter { states[$0].status != .bad }.prefix(most) }
  }

  private var starsPerCell: Int {
    guard config.nStarPerCell > 0 else { return .max }
    let share = (config.nStarPerImage + cells.cells.count - 1) / max(1, cells.cells.count)
    return max(config.nStarPerCell, share)
  }

  private func badMask(_ candidate: KernelCandidate) -> UInt32 {
    candidate.science.mask.planes.bitMask(ofExisting: config.badMaskPlanes)
  }

  private var coreRadius: Int? { config.useCoreStats ? config.candidateCoreRadius : nil }

  private mutating func reject(_ index: Int) {
    states[index].status = .bad
    rejectedCount += 1
  }

  /// Whether a star is not matched by what it was subtracted with.
  private func isMismatch(_ residual: StampResidual, clips: Bool) -> Bool {
    guard residual.mean.isFinite, residual.rms.isFinite else { return true }
    return clips
      && (abs(residual.mean) > config.candidateResidualMeanMax || residual.rms > config.candidateResidualStdMax)
  }

  // MARK: - Steps

  /// Gives every star that counts its own kernel, until none of them is rejected for it.
  private mutating func fitNewcomers() {
    var isDone = false
    while !isDone {
      isDone = true
      for index in visited where states[index].fit == nil {
        if !fitSingle(index) { isDone = false }
      }
    }
  }

  /// - Returns: whether the star stays.
  private mutating func fitSingle(_ index: Int) -> Bool {
    guard let result = try? fitted(candidates[index], basis, regularization, ignoring: states[index].ignored) else {
      reject(index)
      return false
    }
    var fit = result.fit
    // Only the equations of the components are needed later, and those of delta functions are large.
    if config.usePcaForSpatialKernel { fit.forgetSystem() }
    states[index].fit = fit
    return judge(index, result.residual, clips: config.singleKernelClipping)
  }

  /// A star's own kernel and what it leaves; an error when it is badly determined.
  private func fitted(
    _ candidate: KernelCandidate, _ basis: KernelBasis, _ regularization: KernelRegularization?,
    ignoring ignored: [Bool] = []
  ) throws -> (fit: SingleKernelFit, residual: StampResidual) {
    let isConstant = config.constantVarianceWeighting
    func fit(_ weighting: SingleKernelFit.Weighting) throws -> SingleKernelFit {
      try SingleKernelFit(
        candidate, basis, fitForBackground: config.fitForBackground, weighting: weighting,
        regularization: regularization, ignoring: ignored)
    }
    var result = try fit(isConstant ? .constant : .pixels)
    if config.iterateSingleKernel, !isConstant {
      let difference = try candidate.difference(
        result.kernel(basis), background: result.background, matched: result.matched)
      result = try fit(.variance(difference.variance))
    }
    if config.checkConditionNumber {
      let condition = try result.system.conditionNumber(
        config.conditionNumberType == .eigenvalue ? .eigenvalue : .singularValue)
      guard condition > 0, condition <= config.maxConditionNumber else {
        throw ImagingError.noResult("the kernel of candidate \(candidate.id) has a condition number of \(condition)")
      }
    }
    let residual = try candidate.residual(
      result.kernel(basis), background: result.background, bad: badMask(candidate), coreRadius: coreRadius,
      matched: result.matched, ignoring: ignored)
    result.forgetMatched()
    return (result, residual)
  }

  /// - Returns: whether the star stays.
  private mutating func judge(_ index: Int, _ residual: StampResidual?, clips: Bool) -> Bool {
    states[index].residual = residual
    guard let residual, !isMismatch(residual, clips: clips) else {
      reject(index)
      return false
    }
    states[index].status = .good
    return true
  }

  /// - Returns: whether any star was rejected.
  private mutating func rejectBySum() throws -> Bool {
    let fitted = visited.compactMap { index in states[index].fit.map { (index, $0.kernelSum) } }
    let sums = try KernelSums(fitted.map(\.1))
    guard config.kernelSumClipping else { return false }
    let outliers = fitted.filter { sums.isOutlier($0.1, beyond: config.maxKsumSigma) }
    for (index, _) in outliers { reject(index) }
    return !outliers.isEmpty
  }

  /// Finds the principal components of the stars' kernels and fits them to every star, without regularisation.
  ///
  /// - Returns: whether any star was rejected.
  private mutating func rejectByComponents() throws -> Bool {
    guard config.usePcaForSpatialKernel else { return false }
    let kernels = visited.compactMap { states[$0].fit }.map { (image: $0.kernel(basis), sum: $0.kernelSum) }
    let components = try KernelBasis(
      principalComponentsOf: kernels, count: config.numPrincipalComponents, subtractsMean: config.subtractMeanForPca)
    self.components = components
    var isAny = false
    for index in visited where states[index].fit != nil {
      let result = try? fitted(candidates[index], components, nil)
      states[index].componentFit = result?.fit
      if !judge(index, result?.residual, clips: config.singleKernelClipping) { isAny = true }
    }
    return isAny
  }

  private func spatialFit() throws -> SpatialKernelFit {
    let fits = visited.compactMap { index in
      (components == nil ? states[index].fit : states[index].componentFit).map { (candidates[index].position, $0) }
    }
    guard !fits.isEmpty else {
      throw NoKernelCandidatesError(
        description: "no star is left after \(rejectedCount) of \(candidates.count) were rejected")
    }
    let perTerm = config.minStampsPerSpatialTerm
    // Hundreds of pixels determine the background of a stamp; of a kernel each of its coefficients is less certain.
    let order = Self.order(config.spatialKernelOrder, count: fits.count, perTerm: perTerm)
    let backgroundOrder = Self.order(config.spatialBgOrder, count: fits.count, perTerm: perTerm / 2)
    var kernelBasis = config.basis(over: region, order: order)
    let backgroundBasis = config.fitForBackground ? config.basis(over: region, order: backgroundOrder) : nil
    let isDebiased = config.doSubtractNoiseBias && basis.hasConstantSum && components == nil
    var prior = isDebiased ? config.coefficientPrior : 0
    func solve(_ weights: [Double]?) throws -> SpatialKernelFit {
      try SpatialKernelFit(
        fits, components ?? basis, kernelBasis: kernelBasis, backgroundBasis: backgroundBasis, weights: weights,
        subtractsNoise: isDebiased, prior: prior)
    }
    var (fit, weights) = (try solve(nil), [Double]?.none)
    for _ in 0..<config.robustIterations {
      weights = fits.map { Self.weight(excess: fit.excess(of: $0.1, at: $0.0), unknowns: $0.1.system.size) }
      fit = try solve(weights)
    }
    guard isDebiased, config.crossValidate,
      let choice = try KernelFreedom.best(
        fits, basis, (0...order).map { config.basis(over: region, order: $0) }, backgroundBasis, weights: weights)
    else { return fit }
    (kernelBasis, prior) = (choice.basis, choice.prior)
    return try solve(weights)
  }

  /// What a star still counts for that asks for another kernel than the others: a variable one, one beside a variable one, one too bright for the model.
  ///
  /// The weight falls with the square of its deviation, so that what it pulls with falls too.
  private static func weight(excess: Double, unknowns: Int) -> Double {
    let deviation = excess / Double(unknowns)
    return deviation.isFinite ? 1 / max(1, deviation / 2) : 0
  }

  /// The highest order up to one that is wanted for which there are enough stars.
  static func order(_ wanted: Int, count: Int, perTerm: Double) -> Int {
    var order = wanted
    while order > 0, Double(count) < perTerm * Double(SpatialBasis.termCount(order: order)) { order -= 1 }
    return order
  }

  /// Leaves out pixels of the stamps that show something else than what the first kernel of all stars matches.
  ///
  /// Those stars are fitted again. Stars that take the place of others later are as they are.
  ///
  /// - Returns: whether there were any.
  private mutating func maskOutliers(_ fit: SpatialKernelFit) -> Bool {
    guard config.stampMaskSigma > 0, components == nil else { return false }
    var isAny = false
    for index in visited where states[index].ignored.isEmpty {
      let (candidate, position) = (candidates[index], candidates[index].position)
      guard
        let outliers = try? candidate.outliers(
          fit.image(at: position), background: fit.background?(position) ?? 0, beyond: config.stampMaskSigma)
      else { continue }
      states[index].ignored = outliers
      _ = fitSingle(index)
      isAny = true
    }
    return isAny
  }

  /// - Returns: whether any star was rejected.
  private mutating func rejectByResidual(_ fit: SpatialKernelFit) -> Bool {
    var isAny = false
    for index in visited {
      let candidate = candidates[index]
      let position = candidate.position
      let residual = try? candidate.residual(
        fit.image(at: position), background: fit.background?(position) ?? 0, bad: badMask(candidate),
        coreRadius: coreRadius, ignoring: states[index].ignored)
      if !judge(index, residual, clips: config.spatialKernelClipping) { isAny = true }
    }
    return isAny
  }
}
