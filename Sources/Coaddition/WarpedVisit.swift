// SPDX-License-Identifier: GPL-3.0-or-later
// What coadds are made of.

package import Imaging

/// A visit's warp, of which a coadd reads some rows at a time.
package struct WarpedVisit {
  package let visit: Int64
  package var psf: CoaddPSF?
  /// Mean variance of a pixel, nJy²: the weight is its inverse.
  package var meanVariance: Double
  package var planes: MaskPlanes
  /// Added to the pixels; of the whole tract, or of the warp's box at least.
  package var background: BackgroundModel?
  /// Reads rows, in the tract's pixels.
  package var rows: (Range<Int>) throws -> MaskedImage

  package init(
    visit: Int64, psf: CoaddPSF?, meanVariance: Double, planes: MaskPlanes, background: BackgroundModel? = nil,
    rows: @escaping (Range<Int>) throws -> MaskedImage
  ) {
    self.visit = visit
    self.psf = psf
    self.meanVariance = meanVariance
    self.planes = planes
    self.background = background
    self.rows = rows
  }
}
