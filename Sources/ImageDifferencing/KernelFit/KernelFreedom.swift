// SPDX-License-Identifier: GPL-3.0-or-later
// How free a varying kernel is to follow the stars.

internal import Imaging
internal import SkyGeometry

/// How free a varying kernel is to follow the stars: how it depends on the position, and how large its coefficients are expected to be; by what stars say that it was not fitted to.
///
/// **Model.** The stars are dealt out into at most five parts. For each freedom the kernel of all parts but one is judged by χ² of that part's stars. Of all that are worse than the best by less
/// than a hundredth of the variance of a pixel the freest is chosen, that of the highest order and then with the largest coefficients: shrinking a kernel costs most where it shows most, at bright stars. The noise of the image to
/// convolve is left in this χ²: a kernel that amplifies it is worse. The equations less their noise (``SpatialKernelFit``) may determine some coefficients badly, which shows here and nowhere else. A part's equations are the sums of all stars
/// less its own, so stars are fitted once.
///
/// **Source.** differencing D3.1, D3.4.
struct KernelFreedom {
  /// The functions of the position.
  let basis: SpatialBasis
  /// The standard deviation of the coefficients.
  let prior: Double

  private static let priors = [0.003, 0.006, 0.012, 0.025, 0.05, 0.1]
  private static let parts = 5
  /// Of the variance of a pixel.
  private static let tolerance = 0.01

  /// - Parameters:
  ///   - fits: of the stars, with their positions.
  ///   - kernelBases: to choose from.
  ///   - weights: of the stars; 1 each when left out.
  /// - Returns: `nil` where nothing can be chosen: one star, or systems without a solution.
  /// - Throws: ``Imaging/ImagingError``.
  static func best(
    _ fits: [(position: Point2D, fit: SingleKernelFit)], _ basis: KernelBasis, _ kernelBases: [SpatialBasis],
    _ backgroundBasis: SpatialBasis?, weights: [Double]?
  ) throws(ImagingError) -> KernelFreedom? {
    guard fits.count > 1 else { return nil }
    let noise = try basis.noiseSystem(withBackground: backgroundBasis != nil)
    // From the least free to the freest.
    var trials: [(freedom: KernelFreedom, misfit: Double)] = []
    for kernelBasis in kernelBases {
      let misfits = try misfits(fits, basis, kernelBasis, backgroundBasis, weights, noise)
      for (prior, own) in zip(priors, misfits) where own.isFinite {
        trials.append((KernelFreedom(basis: kernelBasis, prior: prior), own))
      }
    }
    guard let best = trials.map(\.misfit).min() else { return nil }
    let pixels = fits.enumerated().reduce(0) { $0 + Double($1.element.fit.pixelCount) * (weights?[$1.offset] ?? 1) }
    return trials.last { $0.misfit - best <= tolerance * pixels }?.freedom
  }

  /// For each prior what the kernels of the other parts leave of all stars; infinite where there is none.
  private static func misfits(
    _ fits: [(position: Point2D, fit: SingleKernelFit)], _ basis: KernelBasis, _ kernelBasis: SpatialBasis,
    _ backgroundBasis: SpatialBasis?, _ weights: [Double]?, _ noise: SymmetricSystem
  ) throws(ImagingError) -> [Double] {
    var all = SpatialSums(
      functionCount: basis.count, hasConstantSum: basis.hasConstantSum, kernelBasis, backgroundBasis)
    func weight(_ k: Int) -> Double { weights?[k] ?? 1 }
    for (k, one) in fits.enumerated() { try all.add(one.fit, at: one.position, weight: weight(k), less: noise) }
    var misfits = [Double](repeating: 0, count: priors.count)
    let count = min(parts, fits.count)
    for part in 0..<count {
      // Stars come cell by cell from the brightest on; every part has some of every rank.
      let left = fits.indices.filter { ($0 + $0 / count) % count == part }
      var sums = all
      for k in left { try sums.add(fits[k].fit, at: fits[k].position, weight: -weight(k), less: noise) }
      for (i, prior) in priors.enumerated() {
        guard let values = try? sums.system(prior: prior).solve().values else {
          misfits[i] = .infinity
          continue
        }
        let kernel = try SpatialKernelFit(values, sums, basis, kernelBasis, backgroundBasis)
        for k in left { misfits[i] += weight(k) * kernel.misfit(of: fits[k].fit, at: fits[k].position) }
      }
    }
    return misfits
  }
}
