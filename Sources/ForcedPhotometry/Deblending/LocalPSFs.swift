// SPDX-License-Identifier: GPL-3.0-or-later
// The PSFs at the peaks of a family.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry

/// The PSFs at the peaks of a family.
struct LocalPSFs {
  /// By peak, the source at pixel (0, 0); `nil` where the exposure has no PSF.
  let kernels: [Image<Double>?]
  /// By peak.
  let positions: [Point2D]
  /// Full width at half maximum, px; `nil` without any PSF, or with one that has no width.
  let fwhm: Double?

  init(_ psf: (any PSF)?, at peaks: [Peak]) {
    let positions = peaks.map(\.start)
    let kernels = positions.map { position -> Image<Double>? in
      guard let kernel = try? psf?.kernelImage(at: position), kernel.box.contains(x: 0, y: 0),
        kernel.pixels.allSatisfy(\.isFinite)
      else { return nil }
      return kernel
    }
    (self.positions, self.kernels) = (positions, kernels)
    let moments = kernels.lazy.compactMap { $0 }.first.map { adaptiveMoments(ofPSF: $0) }
    let width = moments.map { $0.isBad ? .nan : $0.fwhm }
    fwhm = width.flatMap { (0.1...100).contains($0) ? $0 : nil }
  }

  /// The image of a source of flux 1 near a peak, by that peak's PSF.
  func stamp(_ peak: Int, at position: Point2D) -> Image<Double>? {
    guard let kernel = kernels[peak], let pixel = position.pixel else { return nil }
    let (dx, dy) = (position.x - Double(pixel.x), position.y - Double(pixel.y))
    let moved = dx == 0 && dy == 0 ? kernel : kernel.shifted(x: dx, y: dy)
    return moved.moved(toX: pixel.x + kernel.box.minX, y: pixel.y + kernel.box.minY)
  }

  /// The peak itself, or the nearest one that has a PSF.
  func nearestWithPSF(to peak: Int) -> Int? {
    if kernels[peak] != nil { return peak }
    return kernels.indices.filter { kernels[$0] != nil }.min {
      positions[$0].distance(to: positions[peak]) < positions[$1].distance(to: positions[peak])
    }
  }
}

extension Peak {
  /// The position where it is in its pixel or next to it, else the middle of the pixel.
  fileprivate var start: Point2D {
    let middle = Point2D(pixel)
    let isNear = abs(position.x - middle.x) <= 1 && abs(position.y - middle.y) <= 1
    return isNear ? position : middle
  }
}
