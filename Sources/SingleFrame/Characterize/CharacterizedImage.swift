// SPDX-License-Identifier: GPL-3.0-or-later
// An image that is ready to be subtracted.

package import Catalogs
package import Imaging

/// An image that is ready to be subtracted, with what was found on the way.
///
/// Its masked pixels still hold what they held: ``Imaging/MaskedImage/fillMaskedPixels(_:)`` is a step of its own.
package struct CharacterizedImage: Sendable {
  /// Without sky, with PSF and variance; DETECTED on the sources, EDGE where none could be looked for.
  package var exposure: Exposure
  /// What was subtracted; `nil` when the sky was to be kept.
  package let sky: SkyModel?
  /// What the variance was made from; `nil` when the exposure had one.
  package let noise: NoiseModel?
  /// By how much the variance plane would have to be multiplied to fit the grain of the pixels (``PixelNoise``); `nil` when that cannot be told.
  package let varianceScale: Double?
  /// The PSF and the stars that it is from; `nil` when the exposure had one.
  package let psfFit: PSFFit?
  /// The brightest sources, the brightest first: the columns of Measurement's plugins, `detect_isIsolated`, `calib_psf_used`.
  ///
  /// One row a peak; the footprint of a source that is not isolated is the part of the common one near its peak.
  package let sources: Catalog
  /// All that were detected, measured or not.
  package let peaks: [Peak]
}
