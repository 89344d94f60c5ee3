// SPDX-License-Identifier: GPL-3.0-or-later
// Calibrations that a visit as a whole was given.

package import Imaging

/// What a visit summary says of a detector (differencing A2.2).
package struct ExternalCalibration: Sendable {
  package var psf: (any PSF)?
  package var apCorrMap: ApCorrMap?

  package init(psf: (any PSF)?, apCorrMap: ApCorrMap?) {
    self.psf = psf
    self.apCorrMap = apCorrMap
  }

  /// The exposure with both calibrations; `nil` unless both are there: one without the other would not fit.
  func applied(to exposure: Exposure) -> Exposure? {
    guard let psf, let apCorrMap else { return nil }
    var result = exposure
    result.psf = psf
    result.apCorrMap = apCorrMap
    return result
  }
}
