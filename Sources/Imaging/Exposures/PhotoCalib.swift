// SPDX-License-Identifier: GPL-3.0-or-later
// From counts to fluxes.

package import SkyGeometry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The photometric calibration of an image: nanojansky a count, constant or a smooth function of the position.
///
/// Magnitudes are AB. The calibration's own error is carried along but not added to a flux's: it is common to all fluxes of the
/// image (detection-measurement D.5.6).
package struct PhotoCalib: Hashable, Sendable {
  /// AB magnitude 0 in nJy.
  package static let zeroMagnitudeNanojansky = 3631e9

  /// nJy a count, averaged over the image.
  package let mean: Double
  /// Standard error of ``mean``.
  package let error: Double
  /// nJy a count at each position; constant when `nil`.
  package let field: SpatialFunction?

  /// - Throws: ``ImagingError/invalidParameter(_:)`` unless the mean is positive and finite and the error not negative.
  package init(mean: Double, error: Double = 0, field: SpatialFunction? = nil) throws(ImagingError) {
    guard mean > 0, mean.isFinite else {
      throw .invalidParameter("photometric calibration: the mean is \(mean) nJy a count")
    }
    guard error >= 0 else { throw .invalidParameter("photometric calibration: the error is \(error) nJy a count") }
    self.mean = mean
    self.error = error
    self.field = field
  }

  /// The calibration under which a source of `magnitude` (AB) has one count.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a magnitude that is not finite or absurd.
  package init(zeroPoint magnitude: Double) throws(ImagingError) {
    try self.init(mean: Self.zeroMagnitudeNanojansky * pow(10, -0.4 * magnitude))
  }

  /// The AB magnitude of a source of one count, from ``mean``.
  package var zeroPoint: Double { -2.5 * log10(mean / Self.zeroMagnitudeNanojansky) }

  /// nJy a count at a position.
  package func calibration(at position: Point2D) -> Double { field?(position) ?? mean }

  package func nanojansky(instFlux: Double, at position: Point2D) -> Double { instFlux * calibration(at: position) }

  package func nanojanskyError(instFluxErr: Double, at position: Point2D) -> Double {
    instFluxErr * calibration(at: position)
  }

  /// AB magnitude; NaN for a flux that is not positive.
  package func magnitude(instFlux: Double, at position: Point2D) -> Double {
    let flux = nanojansky(instFlux: instFlux, at: position)
    return flux > 0 ? -2.5 * log10(flux / Self.zeroMagnitudeNanojansky) : .nan
  }

  /// First-order error of a magnitude.
  package func magnitudeError(instFlux: Double, instFluxErr: Double) -> Double {
    2.5 / log(10) * instFluxErr / instFlux
  }

  /// The counts of a source of an AB magnitude.
  package func instFlux(magnitude: Double, at position: Point2D) -> Double {
    Self.zeroMagnitudeNanojansky * pow(10, -0.4 * magnitude) / calibration(at: position)
  }
}
