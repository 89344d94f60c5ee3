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
/// outliers go; one varying kernel is fitted to all; stars that it does not match go, and the search goes on with the next of their cells, a
/// few times.
///
/// **Source.** differencing A8.
package struct KernelSearch {
  package enum Status: Hashable, Sendable { case unknown, good, bad }

  /// What became of a candidate.
  package struct State: Sendable {
    package fileprivate(set) var status = Status.unknown
    /// `nil` as long as nobody needed it, or when it failed.
    package fileprivate(set) var fit: SingleKernelFit?
    /// Of the last kernel that was tried on it.
    package fileprivate(set) var residual: StampResidual?
  }

  package let basis: KernelBasis
  package let region: Box2I
  package let config: KernelSearchConfig
  private let candidates: [KernelCandidate]
  private let cells: SpatialCells
  /// In the order of the candidates.
  package private(set) var states: [State]
  /// How many were rejected in all.
  package private(set) var rejectedCount = 0

  package init(
    _ candidates: [KernelCandidate], _ basis: KernelBasis, region: Box2I, _ config: KernelSearchConfig = .init()
  ) {
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
      repeat { fitNewcomers() } while rejectBySum(try sums())
      let fit = try spatialFit()
      guard rejectByResidual(fit) else { return fit }
      round += 1
      // One more from what is left, which nobody judges any more.
      guard round < config.maxSpatialIterations else { return try spatialFit() }
    }
  }

  /// The stars that count now: of each cell the brightest that are not rejected.
  private var visited: [Int] {
    cells.cells.flatMap { members -> [Int] in
      let left = members.filter { states[$0].status != .bad }
      return config.nStarPerCell > 0 ? Array(left.prefix(config.nStarPerCell)) : left
    }
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
    let candidate = candidates[index]
    guard let fit = try? SingleKernelFit(candidate, basis, fitForBackground: config.fitForBackground),
      !config.checkConditionNumber || (fit.conditionNumber > 0 && fit.conditionNumber <= config.maxConditionNumber),
      let residual = try? candidate.residual(
        fit.kernel(basis), background: fit.background, bad: badMask(candidate), coreRadius: coreRadius)
    else {
      reject(index)
      return false
    }
    states[index].fit = fit
    states[index].residual = residual
    guard !isMismatch(residual, clips: config.singleKernelClipping) else {
      reject(index)
      return false
    }
    states[index].status = .good
    return true
  }

  /// Kernel sums of the stars that count.
  private func sums() throws -> (count: Int, mean: Double, scatter: Double) {
    let values = visited.compactMap { states[$0].fit.map { Float($0.kernelSum) } }
    guard !values.isEmpty else {
      throw NoKernelCandidatesError(
        description:
          "none of \(candidates.count) stars can be used for a kernel: all cells are empty, or all were rejected")
    }
    guard values.count > 1 else { return (1, Double(values[0]), 0) }
    let statistics = try PixelStatistics(of: values, .clipped)
    guard statistics.clippedMean.isFinite else {
      throw NoKernelCandidatesError(description: "the kernel sums of \(values.count) stars have no mean")
    }
    return (values.count, statistics.clippedMean, statistics.clippedStandardDeviation)
  }

  /// - Returns: whether any star was rejected.
  private mutating func rejectBySum(_ sums: (count: Int, mean: Double, scatter: Double)) -> Bool {
    // One star alone has no scatter, and is no outlier; where all agree, as without noise, rounding is none either.
    guard config.kernelSumClipping, sums.count > 1 else { return false }
    let limit = max(config.maxKsumSigma * sums.scatter, 1e-5 * abs(sums.mean))
    var isAny = false
    for index in visited {
      guard let fit = states[index].fit, abs(fit.kernelSum - sums.mean) > limit else { continue }
      reject(index)
      isAny = true
    }
    return isAny
  }

  private func spatialFit() throws -> SpatialKernelFit {
    let fits = visited.compactMap { index in states[index].fit.map { (candidates[index].position, $0) } }
    guard !fits.isEmpty else {
      throw NoKernelCandidatesError(
        description: "no star is left after \(rejectedCount) of \(candidates.count) were rejected")
    }
    return try SpatialKernelFit(
      fits, basis, kernelBasis: config.basis(over: region, order: config.spatialKernelOrder),
      backgroundBasis: config.fitForBackground ? config.basis(over: region, order: config.spatialBgOrder) : nil)
  }

  /// - Returns: whether any star was rejected.
  private mutating func rejectByResidual(_ fit: SpatialKernelFit) -> Bool {
    var isAny = false
    for index in visited {
      let candidate = candidates[index]
      let position = candidate.position
      let residual = try? candidate.residual(
        fit.image(at: position), background: fit.background?(position) ?? 0, bad: badMask(candidate),
        coreRadius: coreRadius)
      states[index].residual = residual
      if let residual, !isMismatch(residual, clips: config.spatialKernelClipping) {
        states[index].status = .good
      } else {
        reject(index)
        isAny = true
      }
    }
    return isAny
  }
}
