// SPDX-License-Identifier: GPL-3.0-or-later
// How wide an exposure's PSF is.

internal import Foundation
package import Imaging
internal import Measurement
package import SkyGeometry
internal import TaskFramework

/// An exposure whose PSF has no size anywhere (category ValueError).
package struct UnknownPSFSizeError: CategorizedError, Hashable, CustomStringConvertible {
  package let what: String
  package let reason: String

  package var category: String { "ValueError" }
  package var description: String { "the size of the \(what)'s PSF cannot be measured: \(reason)" }
}

/// Where a PSF is looked at when it is undefined in the middle of the image (differencing A3.2).
package struct PSFSizeGrid: Hashable, Sendable {
  /// Positions along each side.
  package var count: Int
  /// The part of the box left out at each side.
  package var buffer: Double

  package init(count: Int = 10, buffer: Double = 0.05) {
    self.count = count
    self.buffer = buffer
  }

  /// Row by row.
  func positions(in box: Box2I) -> [Point2D] {
    let (width, height) = (Double(box.width - 1), Double(box.height - 1))
    func place(_ low: Int, _ extent: Double, _ index: Int) -> Double {
      let step = count > 1 ? Double(index) / Double(count - 1) : 0.5
      return Double(low) + extent * (buffer + (1 - 2 * buffer) * step)
    }
    return (0..<count).flatMap { j in
      (0..<count).map { i in Point2D(x: place(box.minX, width, i), y: place(box.minY, height, j)) }
    }
  }
}

/// The sizes of a PSF, pixels.
package struct PSFSize: Hashable, Sendable {
  /// 2.3548 times the root of the mean of the two variances of its adaptive moments.
  package let fwhm: Double
  /// The same along each axis; `nil` for a mean over many positions.
  package let axes: Point2D?
  /// √(xx · yy): what limiting magnitudes use, pixels²; `nil` for a mean over many positions.
  package let area: Double?

  /// At the PSF's average position.
  ///
  /// - Returns: `nil` where it is undefined or has no moments.
  package init?(atAveragePositionOf psf: any PSF) {
    guard let moments = Self.moments(of: psf, at: psf.averagePosition) else { return nil }
    fwhm = moments.fwhm
    axes = Point2D(
      x: fwhmPerSigma * moments.moments.xx.squareRoot(), y: fwhmPerSigma * moments.moments.yy.squareRoot())
    area = .pi * (moments.moments.xx * moments.moments.yy).squareRoot()
  }

  /// The mean over a grid; positions at which the PSF is undefined are left out.
  ///
  /// - Returns: `nil` when it is undefined at all of them.
  package init?(meanOf psf: any PSF, over box: Box2I, _ grid: PSFSizeGrid = .init()) {
    let widths = grid.positions(in: box).compactMap { Self.moments(of: psf, at: $0)?.fwhm }
    guard !widths.isEmpty else { return nil }
    fwhm = widths.reduce(0, +) / Double(widths.count)
    axes = nil
    area = nil
  }

  private static func moments(of psf: any PSF, at position: Point2D) -> AdaptiveMoments? {
    guard let kernel = try? psf.kernelImage(at: position) else { return nil }
    let moments = adaptiveMoments(ofPSF: kernel)
    return moments.isBad || !moments.fwhm.isFinite || moments.fwhm <= 0 ? nil : moments
  }
}

/// The sizes of both PSFs, measured in the same way.
package struct PSFSizes: Hashable, Sendable {
  package let science: PSFSize
  package let template: PSFSize

  /// At the average positions or, when one of them has no PSF there, both as means over a grid (differencing A3).
  ///
  /// - Throws: ``UnknownPSFSizeError``.
  package init(
    science: Exposure, template: Exposure, _ grid: PSFSizeGrid = .init()
  ) throws(UnknownPSFSizeError) {
    func psf(_ exposure: Exposure, _ what: String) throws(UnknownPSFSizeError) -> any PSF {
      guard let psf = exposure.psf else { throw UnknownPSFSizeError(what: what, reason: "the exposure has no PSF") }
      return psf
    }
    let (own, other) = (try psf(science, "science exposure"), try psf(template, "template"))
    if let first = PSFSize(atAveragePositionOf: own), let second = PSFSize(atAveragePositionOf: other) {
      (self.science, self.template) = (first, second)
      return
    }
    func mean(_ psf: any PSF, _ box: Box2I, _ what: String) throws(UnknownPSFSizeError) -> PSFSize {
      guard let size = PSFSize(meanOf: psf, over: box, grid) else {
        throw UnknownPSFSizeError(
          what: what,
          reason: "it is undefined, or has no moments, at all \(grid.count)² positions of a grid over \(box)")
      }
      return size
    }
    self.science = try mean(own, science.box, "science exposure")
    self.template = try mean(other, template.box, "template")
  }

  /// Whether the template is at least as sharp along one axis, so that it is the one to convolve (differencing A4).
  package var isTemplateSharper: Bool {
    guard let a = template.axes, let b = science.axes else { return template.fwhm <= science.fwhm }
    return a.x <= b.x || a.y <= b.y
  }
}
