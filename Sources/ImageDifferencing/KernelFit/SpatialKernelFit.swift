// SPDX-License-Identifier: GPL-3.0-or-later
// One varying kernel for all stars.

package import Imaging
package import SkyGeometry

/// The matching kernel and background as functions of the position, from the normal equations of many stars.
///
/// **Model.** K(x, y) = a₀ B₀ + Σₘ (Σᵢ aₘᵢ φᵢ(x, y)) Bₘ and a background Σⱼ cⱼ ψⱼ(x, y), with positions held constant over a stamp.
/// The first function does not vary, so neither does the photometric ratio.
///
/// **Source.** differencing A9.
package struct SpatialKernelFit: Sendable {
  package let basis: KernelBasis
  package let kernelBasis: SpatialBasis
  /// a₀, then for each further function its coefficients.
  package let coefficients: [[Double]]
  package let background: SpatialFunction?
  package let conditionNumber: Double
  package var kernelSum: Double { coefficients[0][0] }

  /// - Parameters:
  ///   - fits: of the stars, with their positions; all with the same functions, and with a background exactly when `backgroundBasis` is given.
  /// - Throws: ``Imaging/ImagingError/noResult(_:)`` for no stars, or a system that has no solution.
  package init(
    _ fits: [(position: Point2D, fit: SingleKernelFit)], _ basis: KernelBasis, kernelBasis: SpatialBasis,
    backgroundBasis: SpatialBasis?
  ) throws(ImagingError) {
    guard !fits.isEmpty else { throw .noResult("no star is left to fit a kernel to") }
    let (functions, terms) = (basis.count, kernelBasis.termCount)
    let backgroundTerms = backgroundBasis?.termCount ?? 0
    let kernelUnknowns = 1 + (functions - 1) * terms
    var system = SymmetricSystem(size: kernelUnknowns + backgroundTerms)
    for (position, fit) in fits {
      let local = functions + (backgroundBasis == nil ? 0 : 1)
      guard fit.system.size == local else {
        throw .sizeMismatch(what: "the unknowns of a star", found: "\(fit.system.size)", expected: "\(local)")
      }
      let phi = kernelBasis.terms(at: position)
      let psi = backgroundBasis?.terms(at: position) ?? []
      /// The unknowns that a local parameter is made of.
      func parts(_ m: Int) -> [(unknown: Int, factor: Double)] {
        if m == 0 { return [(0, 1)] }
        if m < functions { return phi.enumerated().map { (1 + (m - 1) * terms + $0, $1) } }
        return psi.enumerated().map { (kernelUnknowns + $0, $1) }
      }
      let all = (0..<local).map(parts)
      for m in 0..<local {
        for (i, a) in all[m] { system.addRight(a * fit.system.right[m], row: i) }
        for n in 0..<local {
          let value = fit.system.matrix[m * local + n]
          for (i, a) in all[m] { for (j, b) in all[n] where j >= i { system.add(a * b * value, row: i, column: j) } }
        }
      }
    }
    let solution = try system.solve()
    self.basis = basis
    self.kernelBasis = kernelBasis
    coefficients =
      [[solution.values[0]] + [Double](repeating: 0, count: terms - 1)]
      + (1..<functions).map { Array(solution.values[1 + ($0 - 1) * terms..<1 + $0 * terms]) }
    background = try backgroundBasis.map { basis throws(ImagingError) in
      try SpatialFunction(basis, coefficients: Array(solution.values[kernelUnknowns...]))
    }
    conditionNumber = solution.conditionNumber
  }

  /// The kernel at a position, with its centre at (0, 0).
  package func image(at position: Point2D) -> Image<Double> {
    let terms = kernelBasis.terms(at: position)
    return basis.image(coefficients.map { zip($0, terms).reduce(0) { $0 + $1.0 * $1.1 } }[...])
  }

  /// The kernel as one image a term of the position, which is exact (differencing A11.3).
  ///
  /// - Throws: ``Imaging/ImagingError``.
  package func kernel() throws(ImagingError) -> Kernel {
    try Kernel(images: basis.images, coefficients: coefficients, basis: kernelBasis)
  }

  /// The kernel and the background as what makes one image like the other.
  ///
  /// - Throws: ``Imaging/ImagingError``.
  package func matching(_ convolved: MatchingKernel.Convolved) throws(ImagingError) -> MatchingKernel {
    MatchingKernel(try kernel(), background: background, convolved: convolved)
  }
}
