// SPDX-License-Identifier: GPL-3.0-or-later
// How faint a source an image can show, by its PSF alone.

internal import Foundation
internal import Imaging
internal import SkyGeometry

/// The depth of an image as subtraction reports it: the magnitude of 5 counts times the root of the PSF's area.
///
/// The noise of the pixels does not enter: the reference system's definition, kept under the reference system's name
/// (differencing A17).
struct LimitingMagnitude: Hashable, Sendable {
  /// nJy.
  let flux: Double

  /// - Returns: `nil` without a calibration.
  init?(_ size: PSFSize, _ photoCalib: PhotoCalib?) {
    guard let photoCalib else { return nil }
    let area = size.area ?? .pi * (size.fwhm / 2) * (size.fwhm / 2)
    flux = 5 * area.squareRoot() * photoCalib.mean
  }

  private init(flux: Double) { self.flux = flux }

  var magnitude: Double { -2.5 * log10(flux / PhotoCalib.zeroMagnitudeNanojansky) }

  /// Of the difference of two images: fluxes add in quadrature; without a template's it is the science image's.
  func combined(with template: LimitingMagnitude?) -> LimitingMagnitude {
    guard let template else { return self }
    return LimitingMagnitude(flux: (flux * flux + template.flux * template.flux).squareRoot())
  }
}
