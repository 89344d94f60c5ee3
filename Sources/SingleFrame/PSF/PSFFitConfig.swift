// SPDX-License-Identifier: GPL-3.0-or-later
// How a PSF model is fitted.

package import TaskFramework

/// How a PSF model is fitted to stars.
package struct PSFFitConfig: Config {
  package var spatialOrder = 2
  package var kernelSizeFwhm = 4.0
  package var minStars = 3
  package var starsPerTerm = 4
  package var undersampledFwhm = 3.0
  package var doFitResiduals = true
  package var modelError = 0.01

  package init() {}

  package static let fields: [ConfigField<Self>] = [
    .field("spatialOrder", \.spatialOrder, in: 0...2, doc: "highest order of the polynomial in position"),
    .field("kernelSizeFwhm", \.kernelSizeFwhm, in: 2...10, doc: "half the side of the PSF's image in FWHM"),
    .field("minStars", \.minStars, in: 1...1000, doc: "with fewer stars the PSF is a Gaussian of their width"),
    .field("starsPerTerm", \.starsPerTerm, in: 1...100, doc: "the order falls until there are so many stars a term"),
    .field(
      "undersampledFwhm", \.undersampledFwhm, in: 0...100,
      doc: "FWHM below which the PSF is modelled on a grid of half pixels, pixels"),
    .field("doFitResiduals", \.doFitResiduals, doc: "add what the analytic profile leaves, on the pixel grid"),
    .field(
      "modelError", \.modelError, in: 0...1,
      doc: "error of the analytic profile as a part of it, which keeps bright stars from deciding alone"),
  ]
}
