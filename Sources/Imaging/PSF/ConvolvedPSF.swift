// SPDX-License-Identifier: GPL-3.0-or-later
// The PSF of an image that was convolved.

internal import Foundation
package import SkyGeometry

extension PolynomialPSF {
  /// Where a PSF has to be known for a polynomial through it: the nodes of Chebyshev polynomials, so that the error is spread evenly over the region.
  package static func samplingPositions(over region: Box2I, order: Int) -> [Point2D] {
    let (edges, side) = (Box2D(region), order + 2)
    let nodes = (0..<side).map { -cos(.pi * (Double($0) + 0.5) / Double(side)) }
    return nodes.flatMap { v in
      nodes.map { u in
        Point2D(x: edges.minX + edges.width * (u + 1) / 2, y: edges.minY + edges.height * (v + 1) / 2)
      }
    }
  }

  /// The PSF of an image of PSF `psf` that was convolved with a kernel.
  ///
  /// **Model.** At each position the PSF's image convolved with the kernel there, as ``Kernel`` has it, of sum 1. The stamp is as wide as either reaches, less a
  /// frame in which nothing to speak of is left.
  ///
  /// - Parameters:
  ///   - region: the pixels of the image.
  ///   - order: of the polynomial through samples of it; a PSF of second order under a kernel of first or second is described to 1e-4 of its peak by the default.
  /// - Throws: ``ImagingError`` where the PSF is not defined, or nothing is left of it.
  package init(convolving psf: any PSF, with kernel: Kernel, over region: Box2I, order: Int = 4) throws(ImagingError) {
    guard !region.isEmpty else { throw .invalidParameter("an image without pixels has no PSF") }
    func convolved(_ position: Point2D) throws(ImagingError) -> Image<Double> {
      try psf.kernelImage(at: position).convolvedWhole(with: kernel.image(at: position))
    }
    let center = psf.averagePosition
    let half = try convolved(center).halfSide(holding: 1 - 1e-4)
    var samples: [(Point2D, Image<Double>)] = []
    for position in Self.samplingPositions(over: region, order: order) {
      samples.append((position, try convolved(position).centralStamp(half: half)))
    }
    let basis = SpatialBasis(.chebyshev(Box2D(region)), order: order)
    try self.init(Kernel(fitting: samples, basis: basis), averagePosition: center)
  }
}

extension Image<Double> {
  /// Convolved as by ``Kernel``, with nothing beyond the frame and as far as anything reaches.
  func convolvedWhole(with kernel: Image<Double>) throws(ImagingError) -> Image<Double> {
    // Wide enough that a kernel's half is there on all sides of what it reaches.
    let frame = Box2I(
      minX: box.minX - kernel.width, minY: box.minY - kernel.height, width: width + 2 * kernel.width,
      height: height + 2 * kernel.height)
    var wide = Image<Float>(box: frame, fill: 0)
    wide.paste(map { Float($0) })
    let (values, inner) = try innerConvolution(wide, with: kernel)
    return try Image(box: inner, pixels: values)
  }

  /// Half the side of the smallest centred square that holds a part of the sum of absolute values.
  package func halfSide(holding part: Double) -> Int {
    let largest = max(1, min(width, height) / 2)
    var rings = [Double](repeating: 0, count: largest + 1)
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX { rings[Swift.min(largest, Swift.max(abs(x), abs(y)))] += abs(self[x, y]) }
    }
    let wanted = part * rings.reduce(0, +)
    var sum = 0.0
    for (half, ring) in rings.enumerated() {
      sum += ring
      if sum >= wanted { return Swift.max(1, half) }
    }
    return largest
  }

  /// The pixels about (0, 0), zero where there are none.
  package func centralStamp(half: Int) -> Image<Double> {
    Image(box: Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)) { x, y in
      box.contains(Point2I(x: x, y: y)) ? self[x, y] : 0
    }
  }
}
