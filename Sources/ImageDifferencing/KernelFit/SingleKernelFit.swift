// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel that one star asks for.

package import Imaging
internal import SkyGeometry

/// The matching kernel and background that one star asks for, by least squares over its stamp.
///
/// **Model.** science = Σ aₘ (Bₘ ⋆ template) + background on the pixels that have the whole kernel within the stamp, all with one
/// weight, the inverse of the median of both variances: it cancels here, and weighs the star among others in the spatial fit.
///
/// **Source.** differencing A7.
package struct SingleKernelFit: Sendable {
  /// The star's normal equations: coefficients of the basis, then the background, if it is fitted.
  package let system: SymmetricSystem
  package let coefficients: [Double]
  package let background: Double
  package let conditionNumber: Double
  package var kernelSum: Double { coefficients[0] }

  /// - Throws: ``Imaging/ImagingError`` for a stamp that is too small, has NaN, or a variance that is not positive.
  package init(
    _ candidate: KernelCandidate, _ basis: KernelBasis, fitForBackground: Bool = true
  ) throws(ImagingError) {
    let (columns, inner) = try basis.convolve(candidate.template.image)
    let target = candidate.science.image.cropped(to: inner).pixels.map { Double($0) }
    let weight = 1 / (try Self.variance(candidate))
    let design = fitForBackground ? columns + [Double](repeating: 1, count: inner.area) : columns
    system = try SymmetricSystem(columns: design, rowCount: inner.area, target: target, weight: weight)
    let solution = try system.solve()
    coefficients = Array(solution.values[0..<basis.count])
    background = fitForBackground ? solution.values[basis.count] : 0
    conditionNumber = solution.conditionNumber
  }

  /// The kernel, with its centre at (0, 0).
  package func kernel(_ basis: KernelBasis) -> Image<Double> { basis.image(coefficients[...]) }

  /// The median variance of a pixel of the difference.
  private static func variance(_ candidate: KernelCandidate) throws(ImagingError) -> Double {
    let sum = zip(candidate.science.variance.pixels, candidate.template.variance.pixels).map { $0 + $1 }
    guard let least = sum.min(), least > 0 else {
      throw .invalidParameter("the stamp of candidate \(candidate.id) has a variance that is not positive")
    }
    let median = try PixelStatistics(of: sum, .quartiles).median
    guard median.isFinite, median > 0 else {
      throw .invalidParameter("the stamp of candidate \(candidate.id) has no finite variance")
    }
    return median
  }
}
