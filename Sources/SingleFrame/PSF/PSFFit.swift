// SPDX-License-Identifier: GPL-3.0-or-later
// A PSF model from an image's own stars.

package import Catalogs
package import Imaging
internal import Measurement
package import SkyGeometry

/// A PSF model that was fitted to the stars of an image.
///
/// **Model.** An elliptical profile between a Gaussian and a Moffat, whose ln FWHM and ellipticities are polynomials of the position, plus what it leaves, on
/// the pixel grid, by polynomials of the position, shrunk to what the stars show beyond noise (``PSFResiduals``). The profile is fitted to all
/// pixels of all stars at once (Gauss–Newton); each star has its own position, height and remaining sky (prior: 0 ± a fifth of a pixel's noise). Weights are inverse
/// variances with `modelError` of the profile added.
///
/// **Orders.** The largest up to `spatialOrder` with `starsPerTerm` stars a term; residuals vary only from 60 stars on and are fitted from 5 on.
///
/// **Rejection.** Three times stars are left out whose mean square residual in the core is beyond the median by five of its widths (and by half of it), or whose own width
/// is off the field's by 3.5, 2.5 and 2 of its errors (1 % added) or of the widths that such differences have: galaxies, blends. Once, stars whose whole stamp is.
///
/// **Grid.** Half pixels where the FWHM is below `undersampledFwhm`, else pixels.
///
/// **Fewer than `minStars` stars.** A Gaussian of their median width.
package struct PSFFit: Sendable {
  package let psf: any PSF
  /// Indices of the stars that it is from.
  package let usedStars: [Int]
  /// Positions of those, fitted, in parent coordinates.
  package let positions: [Point2D]
  /// Fluxes of those, counts.
  package let fluxes: [Double]
  /// Mean square residual of those in standard deviations, over the pixels of their stamps.
  package let reducedChi2: [Double]
  /// Of the polynomial in position; `nil` for the Gaussian.
  package let order: Int?
  /// By the adaptive moments of the PSF at its average position, pixels.
  package let fwhm: Double

  /// - Parameters:
  ///   - stars: the highest signal to noise first, as ``StarSelection`` gives them.
  ///   - peaks: all peaks of the image: pixels of neighbours are left out.
  /// - Throws: ``Imaging/ImagingError/noResult(_:)`` without stars.
  package init(
    to stars: [StarMeasurement], on image: MaskedImage, peaks: [Peak] = [], _ config: PSFFitConfig = .init()
  ) throws(ImagingError) {
    let sizes = stars.map(\.size).filter { $0.isFinite && $0 > 0 }
    guard !sizes.isEmpty else { throw .noResult("there is no star to measure the PSF with") }
    let guess = min(max(fwhmPerSigma * StarSelection.median(sizes), 1), 100)
    let half = min(max(Int(exactly: (config.kernelSizeFwhm * guess).rounded(.up)) ?? 5, 5), 60)
    let bad = image.mask.planes.bitMask(ofExisting: Self.badMaskPlanes)
    let search = NeighbourSearch(peaks, over: image.box)
    var stamps: [(star: Int, stamp: StarStamp)] = []
    for (i, star) in stars.enumerated() {
      guard let pixel = star.position.pixel else { continue }
      let own = search.others(near: pixel, within: 1, but: -1).first?.id ?? -1
      let others = search.others(near: pixel, within: half + Int(2 * guess), but: own)
      if let stamp = StarStamp(star, on: image, half: half, bad: bad, neighbours: others, fwhm: guess) {
        stamps.append((i, stamp))
      }
    }
    if stamps.count >= config.minStars, let fit = try? ProfileFit(stamps, guess: guess, over: image.box, config) {
      (psf, order) = (fit.psf, fit.order)
      usedStars = fit.stars.map(\.star)
      positions = fit.stars.map(\.stamp.position)
      fluxes = fit.stars.map(\.stamp.amplitude)
      reducedChi2 = fit.reducedChi2
      let moments = try adaptiveMoments(ofPSF: fit.psf.kernelImage(at: fit.psf.averagePosition))
      fwhm = moments.isBad ? guess : moments.fwhm
      return
    }
    // Sampling at pixel centres leaves out what the pixel adds to the width; the size that was measured has it.
    psf = try KernelPSF(gaussianFwhm: guess, averagePosition: image.box.center)
    usedStars = Array(stars.indices)
    positions = stars.map(\.position)
    fluxes = stars.map { $0.height * 2 * .pi * $0.size * $0.size }
    reducedChi2 = []
    order = nil
    fwhm = guess
  }

  /// Pixels that no star is fitted with.
  package static let badMaskPlanes = ["BAD", "SAT", "CR", "NO_DATA", "INTRP"]
}
