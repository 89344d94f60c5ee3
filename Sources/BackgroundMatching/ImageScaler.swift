// SPDX-License-Identifier: GPL-3.0-or-later
// Bringing exposures to one flux scale.

package import Imaging

/// Brings an exposure to the flux scale of others before they are compared (framework A.11).
package protocol ExposureScaler: Sendable {
  /// Multiplies the pixels, the variances by the square, and divides the photometric calibration where there is one.
  ///
  /// - Throws: ``MatchBackgroundsError/cannotScale(_:)``; the exposure is then unchanged.
  func scale(_ exposure: inout Exposure) throws(MatchBackgroundsError)
}

/// Multiplies by one number.
package struct ImageScaler: ExposureScaler, Hashable {
  package let scale: Double

  package init(scale: Double = 1) { self.scale = scale }

  package func scale(_ exposure: inout Exposure) throws(MatchBackgroundsError) {
    guard scale > 0, scale.isFinite else { throw .cannotScale("the image's scale is \(scale); it must be positive") }
    guard scale != 1 else { return }
    exposure.photoCalib = try withImagingErrors(
      as: { .cannotScale("the photometric calibration by \(scale): \($0)") }
    ) { () throws(ImagingError) in try exposure.photoCalib?.divided(by: scale) }
    exposure.maskedImage.scale(by: scale)
  }
}

/// Multiplies so that a source of magnitude ``zeroPoint`` has one count, by the exposure's own photometric calibration.
package struct ScaleZeroPoint: ExposureScaler, Hashable {
  /// AB magnitude.
  package let zeroPoint: Double

  package init(zeroPoint: Double = 27) { self.zeroPoint = zeroPoint }

  package func scale(_ exposure: inout Exposure) throws(MatchBackgroundsError) {
    guard let calibration = exposure.photoCalib else {
      throw .cannotScale("the exposure has no photometric calibration to scale it to zero point \(zeroPoint) by")
    }
    let target = try withImagingErrors(as: { .cannotScale("zero point \(zeroPoint): \($0)") }) {
      () throws(ImagingError) in try PhotoCalib(zeroPoint: zeroPoint)
    }
    try ImageScaler(scale: calibration.mean / target.mean).scale(&exposure)
  }
}

extension PhotoCalib {
  /// The calibration of pixels that were multiplied by a number.
  ///
  /// - Throws: ``Imaging/ImagingError`` when what is left of it is no calibration.
  fileprivate func divided(by factor: Double) throws(ImagingError) -> PhotoCalib {
    var scaled = field
    if let field {
      scaled = try SpatialFunction(field.basis, coefficients: field.coefficients.map { $0 / factor })
    }
    return try PhotoCalib(mean: mean / factor, error: error / factor, field: scaled)
  }
}
