// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel that one star asks for.

package import Imaging
internal import SkyGeometry

/// The matching kernel and background that one star asks for, by least squares over its stamp.
///
/// **Model.** science = Σ aₘ (Bₘ ⋆ template) + background on the pixels that have the whole kernel within the stamp. With one weight for all, the
/// inverse of the median of both variances, it cancels here and weighs the star among others in the spatial fit. A regularisation adds
/// λ aᵀHa to what is minimised.
///
/// **Source.** differencing A7.
package struct SingleKernelFit: Sendable {
  /// How the pixels of a stamp weigh.
  package enum Weighting: Sendable {
    /// All alike, by the inverse of their median variance.
    case constant
    /// Each by the inverse of its variance in both images.
    case pixels
    /// Each by the inverse of a variance that is given for the pixels that are fitted, row by row.
    case variance([Double])
  }

  /// The star's normal equations, without regularisation: coefficients of the basis, then the background, if it is fitted.
  package private(set) var system: SymmetricSystem
  package let coefficients: [Double]
  package let background: Double
  /// Σ of the kernel.
  package let kernelSum: Double
  /// The template under the star's kernel, on the pixels that are fitted, row by row; empty once it is forgotten.
  private(set) var matched: [Double]
  /// The strength of the regularisation; 0 without one.
  package let lambda: Double
  /// What the noise of the image to convolve adds to the equations, as a multiple of the functions' products: pixels times its share of the variance.
  let noiseShare: Double
  /// How many pixels were fitted.
  let pixelCount: Int

  /// - Parameter ignored: pixels of those that are fitted that do not count, row by row; none when empty.
  /// - Throws: ``Imaging/ImagingError`` for a stamp that is too small, has NaN, or a variance that is not positive.
  package init(
    _ candidate: KernelCandidate, _ basis: KernelBasis, fitForBackground: Bool = true,
    weighting: Weighting = .constant, regularization: KernelRegularization? = nil, ignoring ignored: [Bool] = []
  ) throws(ImagingError) {
    var (design, inner) = try basis.convolve(candidate.template.image)
    if fitForBackground { design.append(contentsOf: repeatElement(1, count: inner.area)) }
    let whole = ignored.count == inner.area ? design : []
    var target = candidate.science.image.cropped(to: inner).pixels.map { Double($0) }
    var count = inner.area
    if !whole.isEmpty {
      count -= ignored.count { $0 }
      for i in ignored.indices where ignored[i] {
        target[i] = 0
        for k in stride(from: i, to: design.count, by: inner.area) { design[k] = 0 }
      }
    }
    pixelCount = count
    switch weighting {
    case .constant:
      let weight = 1 / (try Self.medianVariance(candidate))
      let own = try PixelStatistics(of: candidate.template.variance.pixels, .quartiles).median
      noiseShare = own.isFinite ? Double(count) * own * weight : 0
      system = try SymmetricSystem(columns: design, rowCount: inner.area, target: target, weight: weight)
    case .pixels, .variance:
      let weights = try Self.variance(candidate, inner, weighting).map { 1 / $0 }
      noiseShare = 0
      system = try SymmetricSystem(columns: design, rowCount: inner.area, target: target, weights: weights)
    }
    let solution: SymmetricSystem.Solution
    if let regularization {
      lambda = try regularization.lambda(for: system)
      solution = try regularization.added(to: system, lambda: lambda).solve()
    } else {
      lambda = 0
      solution = try system.solve()
    }
    coefficients = Array(solution.values[0..<basis.count])
    background = fitForBackground ? solution.values[basis.count] : 0
    kernelSum = basis.sum(coefficients)
    matched = Self.combination(coefficients, whole.isEmpty ? design : whole, count: inner.area)
  }

  /// The kernel, with its centre at (0, 0).
  package func kernel(_ basis: KernelBasis) -> Image<Double> { basis.image(coefficients[...]) }

  /// Frees the memory of the equations, of which a spatial fit can then not be made.
  mutating func forgetSystem() { system = SymmetricSystem(size: 0) }

  /// Frees the memory of the matched template.
  mutating func forgetMatched() { matched = [] }

  /// Σ aₘ times column m.
  private static func combination(_ coefficients: [Double], _ columns: [Double], count: Int) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    columns.withUnsafeBufferPointer { columns in
      for (m, coefficient) in coefficients.enumerated() {
        for i in 0..<count { result[i] += coefficient * columns[m * count + i] }
      }
    }
    return result
  }

  /// The median variance of a pixel of the difference.
  private static func medianVariance(_ candidate: KernelCandidate) throws(ImagingError) -> Double {
    let sum = zip(candidate.science.variance.pixels, candidate.template.variance.pixels).map { $0 + $1 }
    // A pixel without a variance (NaN) is left out of the median, wherever it lies.
    guard !sum.isEmpty, !sum.contains(where: { $0 <= 0 }) else {
      throw .invalidParameter("the stamp of candidate \(candidate.id) has a variance that is not positive")
    }
    let median = try PixelStatistics(of: sum, .quartiles).median
    guard median.isFinite, median > 0 else {
      throw .invalidParameter("the stamp of candidate \(candidate.id) has no finite variance")
    }
    return median
  }

  /// The variance of each pixel that is fitted; infinite where a pixel has no weight.
  private static func variance(
    _ candidate: KernelCandidate, _ inner: Box2I, _ weighting: Weighting
  ) throws(ImagingError) -> [Double] {
    let result: [Double]
    if case .variance(let given) = weighting {
      result = given
    } else {
      let (own, other) = (
        candidate.science.variance.cropped(to: inner).pixels, candidate.template.variance.cropped(to: inner).pixels
      )
      result = zip(own, other).map { Double($0) + Double($1) }
    }
    guard result.count == inner.area, result.allSatisfy({ $0 > 0 }) else {
      throw .invalidParameter("the stamp of candidate \(candidate.id) has a variance that is not positive")
    }
    return result
  }
}
