// SPDX-License-Identifier: GPL-3.0-or-later
// One varying kernel for all stars.

package import Imaging
package import SkyGeometry

/// The matching kernel and background as functions of the position, from the normal equations of many stars.
///
/// **Model.** K(x, y) = a₀ B₀ + Σₘ (Σᵢ aₘᵢ φᵢ(x, y)) Bₘ and a background Σⱼ cⱼ ψⱼ(x, y), with positions held constant over a stamp.
/// The first of normalised functions does not vary, so neither does the photometric ratio; delta functions all vary.
///
/// **Cost.** A star adds its equations once for each pair of terms; the system of all unknowns is put together from these sums at the end.
///
/// **Source.** differencing A9, D2.4.
package struct SpatialKernelFit: Sendable {
  package let basis: KernelBasis
  package let kernelBasis: SpatialBasis
  /// For each function its coefficients, one a term.
  package let coefficients: [[Double]]
  package let background: SpatialFunction?
  package private(set) var conditionNumber = Double.nan
  /// How many stars it is made from.
  package private(set) var candidateCount = 0
  /// The size that coefficients were expected to have; 0 for any.
  private(set) var prior = 0.0
  /// Σ of the kernel; of delta functions, whose sum varies, its constant term.
  package var kernelSum: Double { basis.sum(coefficients.map { $0[0] }) }

  /// - Parameters:
  ///   - fits: of the stars, with their positions; all with the same functions, and with a background exactly when `backgroundBasis` is given.
  ///   - weights: of the stars, beside those that their noise gives them; 1 each when left out.
  ///   - subtractsNoise: takes off the equations what the noise of the image to convolve adds to them on average: N V_T⟨Bₘ, Bₙ⟩ a star, N pixels of
  ///     variance V_T (differencing D3.1). Left in, it makes the kernel too small and too smooth.
  ///   - prior: the standard deviation that coefficients but the first are expected to have; 0 for none. Without it the equations less their noise may
  ///     determine nothing.
  /// - Throws: ``Imaging/ImagingError/noResult(_:)`` for no stars, or a system that has no solution.
  package init(
    _ fits: [(position: Point2D, fit: SingleKernelFit)], _ basis: KernelBasis, kernelBasis: SpatialBasis,
    backgroundBasis: SpatialBasis?, weights: [Double]? = nil, subtractsNoise: Bool = false,
    prior: Double = 0
  ) throws(ImagingError) {
    guard !fits.isEmpty else { throw .noResult("no star is left to fit a kernel to") }
    var sums = SpatialSums(
      functionCount: basis.count, hasConstantSum: basis.hasConstantSum, kernelBasis, backgroundBasis)
    let noise = subtractsNoise ? try basis.noiseSystem(withBackground: backgroundBasis != nil) : nil
    for (k, (position, fit)) in fits.enumerated() {
      try sums.add(fit, at: position, weight: weights?[k] ?? 1, less: noise)
    }
    let system = try sums.system(prior: prior)
    try self.init(try system.solve().values, sums, basis, kernelBasis, backgroundBasis)
    conditionNumber = try system.conditionNumber()
    candidateCount = fits.count
    self.prior = prior
  }

  /// - Parameter values: of the unknowns, as ``SpatialSums`` has them.
  init(
    _ values: [Double], _ sums: SpatialSums, _ basis: KernelBasis, _ kernelBasis: SpatialBasis,
    _ backgroundBasis: SpatialBasis?
  ) throws(ImagingError) {
    self.basis = basis
    self.kernelBasis = kernelBasis
    coefficients = (0..<basis.count).map { m in
      (0..<kernelBasis.termCount).map { i in sums.unknown(m, i).map { values[$0] } ?? 0 }
    }
    background = try backgroundBasis.map { basis throws(ImagingError) in
      try SpatialFunction(basis, coefficients: Array(values[sums.kernelUnknowns...]))
    }
  }

  /// χ² of a star under this kernel and background, less what its pixels have without any.
  func misfit(of fit: SingleKernelFit, at position: Point2D) -> Double {
    let values = coefficients(at: position) + (background.map { [$0(position)] } ?? [])
    let size = fit.system.size
    guard values.count == size else { return 0 }
    var sum = 0.0
    for i in 0..<size {
      var row = 0.0
      for j in 0..<size { row += fit.system.matrix[i * size + j] * values[j] }
      sum += values[i] * (row - 2 * fit.system.right[i])
    }
    return sum
  }

  /// By how much a star's χ² is larger under this kernel and background than under its own: what noise alone makes as large as the number of unknowns.
  ///
  /// **Model.** (x − y)ᵀ M (x − y) with M the star's equations, y their solution and x the coefficients at its position.
  func excess(of fit: SingleKernelFit, at position: Point2D) -> Double {
    var shift = zip(coefficients(at: position), fit.coefficients).map { $0 - $1 }
    if let background { shift.append(background(position) - fit.background) }
    let size = fit.system.size
    guard shift.count == size else { return 0 }
    var sum = 0.0
    for i in 0..<size {
      var row = 0.0
      for j in 0..<size { row += fit.system.matrix[i * size + j] * shift[j] }
      sum += shift[i] * row
    }
    return sum
  }

  private func coefficients(at position: Point2D) -> [Double] {
    let terms = kernelBasis.terms(at: position)
    return coefficients.map { zip($0, terms).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// The kernel at a position, with its centre at (0, 0).
  package func image(at position: Point2D) -> Image<Double> { basis.image(coefficients(at: position)[...]) }

  /// Σ of the kernel at a position.
  package func kernelSum(at position: Point2D) -> Double { basis.sum(coefficients(at: position)) }

  /// The kernel as one image a term of the position, which is exact (differencing A11.3).
  ///
  /// - Throws: ``Imaging/ImagingError``.
  package func kernel() throws(ImagingError) -> Kernel {
    try Kernel(
      planes: (0..<kernelBasis.termCount).map { term in basis.image(coefficients.map { $0[term] }[...]) },
      basis: kernelBasis)
  }

  /// The kernel and the background as what makes one image like the other.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  package func matching(_ convolved: MatchingKernel.Convolved) throws(ImagingError) -> MatchingKernel {
    MatchingKernel(try kernel(), background: background, convolved: convolved)
  }
}
