// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussians times polynomials.

internal import Foundation
package import Imaging

/// Alard & Lupton's functions for two PSFs.
///
/// **Model.** Gaussians of several widths times polynomials, exp(−(u² + v²) / 2σ²) (u/h)^p (v/h)^q with h half the kernel's side, by
/// increasing degree and then power of v. The widths follow from what a Gaussian PSF would have to be convolved with.
///
/// **Source.** Alard & Lupton 1998 (ApJ 503, 325); Alard 2000 (A&AS 144, 363); differencing A6.
package struct AlardLuptonBasis: Sendable, Equatable {
  /// How the widths were found.
  package enum Mode: String, Sendable {
    /// As configured.
    case config
    /// The PSF gets wider.
    case convolution
    /// The PSF gets narrower.
    case deconvolution
  }

  package let basis: KernelBasis
  package let mode: Mode
  /// Pixels.
  package let sigmas: [Double]
  package let degrees: [Int]

  /// - Parameters:
  ///   - targetFwhm: of the image to convolve, pixels; `nil` when unknown.
  ///   - referenceFwhm: of the image to match, pixels; `nil` when unknown.
  /// - Throws: ``Imaging/ImagingError/invalidParameter(_:)`` for widths that are no widths.
  package init(
    targetFwhm: Double?, referenceFwhm: Double?, _ config: AlardLuptonBasisConfig = .init()
  ) throws(ImagingError) {
    for fwhm in [targetFwhm, referenceFwhm].compactMap({ $0 }) where !(fwhm > 0 && fwhm.isFinite) {
      throw .invalidParameter("a PSF has a FWHM of \(fwhm) pixels")
    }
    degrees = config.alardDegGauss
    var side = config.kernelSize
    if config.scaleByFwhm, let targetFwhm, let referenceFwhm {
      (mode, sigmas) = Self.sigmas(target: targetFwhm, reference: referenceFwhm, config)
      let wanted = config.kernelSizeFwhmScaling * (sigmas.last ?? 0)
      let whole = Int(min(wanted, Double(config.kernelSizeMax)))
      side = min(max(whole + (whole % 2 == 0 ? 1 : 0), config.kernelSizeMin), config.kernelSizeMax)
      // Limits may be even; a kernel has a middle.
      if side % 2 == 0 { side -= 1 }
    } else {
      (mode, sigmas) = (.config, config.alardSigGauss)
    }
    basis = try KernelBasis(try Self.products(sigmas: sigmas, degrees: degrees, side: side))
  }

  private static func sigmas(
    target: Double, reference: Double, _ config: AlardLuptonBasisConfig
  ) -> (Mode, [Double]) {
    guard target != reference else { return (.config, config.alardSigGauss) }
    let isWidened = reference > target
    let least = isWidened ? config.alardMinSig : config.alardMinSigDeconv
    let (a, b) = (target / fwhmPerSigma, reference / fwhmPerSigma)
    let core = max(abs(b * b - a * a).squareRoot(), least)
    var sigmas = [config.alardNGauss == 1 ? core : max(least, core / config.alardGaussBeta)]
    while sigmas.count < config.alardNGauss { sigmas.append(sigmas[sigmas.count - 1] * config.alardGaussBeta) }
    return (isWidened ? .convolution : .deconvolution, sigmas)
  }

  private static func products(
    sigmas: [Double], degrees: [Int], side: Int
  ) throws(ImagingError) -> ProductKernels {
    let half = side / 2
    var functions: [[Double]] = []
    var products: [ProductKernels.Product] = []
    for (sigma, degree) in zip(sigmas, degrees) {
      let start = functions.count
      let positions = (0..<side).map { Double($0 - half) }
      let gaussian = positions.map { exp(-$0 * $0 / (2 * sigma * sigma)) }
      let sum = gaussian.reduce(0, +)
      for power in 0..<degree + 1 {
        functions.append(zip(positions, gaussian).map { $1 / sum * pow($0 / Double(half), Double(power)) })
      }
      for total in 0..<degree + 1 {
        for power in 0..<total + 1 {
          products.append(ProductKernels.Product(column: start + power, row: start + total - power))
        }
      }
    }
    return try ProductKernels(functions: functions, products: products)
  }
}
