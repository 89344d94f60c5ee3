// SPDX-License-Identifier: GPL-3.0-or-later
// How an image is resampled.

/// The interpolation that a warp uses.
package enum WarpingKernel: Hashable, Sendable {
  case bilinear
  /// Windowed sinc of an order from 2 to 8.
  case lanczos(Int)

  /// The names of configuration files: `bilinear`, `lanczos3`, `lanczos4`, `lanczos5`, ….
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for another name.
  package init(named name: String) throws(ImagingError) {
    if name == "bilinear" {
      self = .bilinear
    } else if let order = (2...8).first(where: { name == "lanczos\($0)" }) {
      self = .lanczos(order)
    } else {
      throw .invalidParameter("there is no warping kernel \(name); there are bilinear and lanczos2 to lanczos8")
    }
  }

  /// Pixels along each axis that a value is made of.
  package var tapCount: Int {
    switch self {
    case .bilinear: 2
    case .lanczos(let order): 2 * order
    }
  }

  /// The weights of the pixels about a position between pixel 0 and pixel 1, from pixel `1 - tapCount / 2` on; their sum is 1.
  func taps(at fraction: Double) -> [Double] {
    switch self {
    case .bilinear: [1 - fraction, fraction]
    case .lanczos(let order): LanczosKernel(order: order).taps(at: fraction)
    }
  }
}

/// How an image is resampled.
package struct WarpControl: Hashable, Sendable {
  package var kernel: WarpingKernel
  /// Whether values are multiplied by the ratio of the pixels' areas, so that the flux of a source stays.
  package var conservesFlux: Bool
  /// How far, in source pixels, a position may be from where the map puts it.
  package var positionTolerance: Double

  package init(kernel: WarpingKernel = .lanczos(3), conservesFlux: Bool = true, positionTolerance: Double = 1e-4) {
    self.kernel = kernel
    self.conservesFlux = conservesFlux
    self.positionTolerance = positionTolerance
  }

  /// - Throws: ``ImagingError/invalidParameter(_:)``.
  func validate() throws(ImagingError) {
    if case .lanczos(let order) = kernel, !(2...8).contains(order) {
      throw .invalidParameter("warp: a Lanczos kernel of order \(order); it must be 2 to 8")
    }
    guard positionTolerance >= 0, positionTolerance < 1 else {
      throw .invalidParameter("warp: positionTolerance is \(positionTolerance); it must be at least 0 and below 1")
    }
  }
}
