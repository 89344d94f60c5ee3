// SPDX-License-Identifier: GPL-3.0-or-later
// The PSF of which only the width is known.

package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Full width at half maximum of a Gaussian of standard deviation 1.
package let fwhmPerSigma = (8 * log(2.0)).squareRoot()

extension KernelPSF {
  /// A Gaussian, sampled at pixel centres, that reaches to five standard deviations.
  ///
  /// - Parameter fwhm: full width at half maximum, 0.1 to 200 pixels.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for another width.
  package init(gaussianFwhm fwhm: Double, averagePosition: Point2D) throws(ImagingError) {
    guard fwhm >= 0.1, fwhm <= 200 else {
      throw .invalidParameter("a FWHM of \(fwhm) pixels is given; it must be 0.1 to 200")
    }
    let sigma = fwhm / fwhmPerSigma
    let half = max(1, Int((5 * sigma).rounded(.up)))
    let box = Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)
    let image = Image<Double>(box: box) { x, y in exp(-Double(x * x + y * y) / (2 * sigma * sigma)) }
    try self.init(image, averagePosition: averagePosition)
  }
}
