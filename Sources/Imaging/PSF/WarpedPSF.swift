// SPDX-License-Identifier: GPL-3.0-or-later
// The PSF of an image, on the pixels of another.

package import SkyGeometry

extension CoaddPSF.Component {
  /// The PSF of an image on the pixels of its warp.
  ///
  /// **Model.** At each of some positions the PSF's image is resampled along the local linear part of the map, with the warp's own
  /// interpolation, so that it is blurred as the stars are; a polynomial of the position goes through the results.
  ///
  /// - Parameters:
  ///   - psf: on the source's pixels.
  ///   - source: the pixels of the image.
  ///   - destination: the pixels of the warp.
  ///   - map: as the warp's.
  ///   - order: of the polynomial; a lower one is taken for an overlap that is too small for it.
  /// - Returns: `nil` when the source does not reach the destination.
  /// - Throws: ``ImagingError``, also where the PSF is not defined.
  package init?(
    warping psf: any PSF, of source: Box2I, to destination: Box2I, along map: some PixelMap, control: WarpControl,
    order: Int = 2, weight: Double = 1
  ) throws(ImagingError) {
    // A pixel of the warp exists where all pixels of its interpolation do.
    let margin = Double(control.kernel.tapCount / 2) - 0.5
    let pixels = Box2D(source)
    let inner = Box2D(
      minX: pixels.minX + margin, minY: pixels.minY + margin, maxX: pixels.maxX - margin, maxY: pixels.maxY - margin)
    guard !inner.isEmpty else { return nil }
    let corners = inner.corners
    let outline = map.toDestination(
      corners.indices.flatMap { i in
        (0..<8).map { step in corners[i] + (corners[(i + 1) % 4] - corners[i]) * (Double(step) / 8) }
      })
    guard outline.allSatisfy(\.isFinite), let hull = Box2D(around: outline) else { return nil }
    guard let region = Box2D(destination).intersection(hull) else { return nil }

    let side = order + 2
    let candidates = (0..<side).flatMap { j in
      (0..<side).map { i in
        Point2D(
          x: region.minX + region.width * (Double(i) + 0.5) / Double(side),
          y: region.minY + region.height * (Double(j) + 0.5) / Double(side))
      }
    }
    // Beyond the source's edge a PSF model extrapolates, so positions there are taken to the edge's inside.
    let sources = map.toSource(candidates).map { position in
      Point2D(
        x: min(max(position.x, inner.minX), inner.maxX), y: min(max(position.y, inner.minY), inner.maxY))
    }
    let positions = map.toDestination(sources.filter(\.isFinite)).filter(\.isFinite)
    guard !positions.isEmpty else { return nil }
    let images = Array(zip(positions, try WarpedKernels(psf, map, at: positions, control).images))
    for tried in stride(from: order, to: 0, by: -1) {
      let basis = SpatialBasis(.chebyshev(region), order: tried)
      guard let kernel = try? Kernel(fitting: images, basis: basis) else { continue }
      try self.init(kernel: kernel, outline: outline, weight: weight)
      return
    }
    try self.init(
      kernel: try Kernel(fitting: images, basis: SpatialBasis(.polynomial, order: 0)), outline: outline, weight: weight)
  }
}

/// Images of a PSF at positions of a warp, all of one size.
private struct WarpedKernels {
  let images: [Image<Double>]

  init(_ psf: any PSF, _ map: some PixelMap, at positions: [Point2D], _ control: WarpControl) throws(ImagingError) {
    let step = 1.0
    let mapped = map.toSource(
      positions.flatMap { p in
        [
          p, Point2D(x: p.x - step, y: p.y), Point2D(x: p.x + step, y: p.y), Point2D(x: p.x, y: p.y - step),
          Point2D(x: p.x, y: p.y + step),
        ]
      })
    var kernels: [(image: Image<Double>, toSource: AffineTransform)] = []
    var half = 1
    for i in positions.indices {
      let own = mapped[5 * i..<5 * i + 5].map { $0 }
      let (dx, dy) = ((own[2] - own[1]) * 0.5, (own[4] - own[3]) * 0.5)
      let linear = AffineTransform(xx: dx.x, xy: dy.x, yx: dx.y, yy: dy.y)
      guard let inverse = linear.inverse else { throw .invalidParameter("the pixel map has no inverse at a position") }
      let image = try psf.kernelImage(at: own[0])
      // The corners of a stamp that is turned may be cut: a PSF is round enough.
      half = max(
        half, Self.half(Double(max(image.width, image.height) / 2) * abs(inverse.determinant).squareRoot() + 1))
      kernels.append((image, linear))
    }
    let box = Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)
    images = try kernels.map { kernel throws(ImagingError) in
      try Self.warp(kernel.image, to: box, along: kernel.toSource, control)
    }
  }

  /// Half the side of a stamp, kept to what a PSF can be.
  private static func half(_ reach: Double) -> Int {
    reach.isFinite ? Int(min(max(reach.rounded(.up), 1), 512)) : 1
  }

  private static func warp(
    _ kernel: Image<Double>, to box: Box2I, along toSource: AffineTransform, _ control: WarpControl
  ) throws(ImagingError) -> Image<Double> {
    // With a frame of zeros wide enough that no pixel of the result lacks input.
    let corners = Box2D(box).corners.map { toSource($0) }
    let reach = corners.map { max(abs($0.x), abs($0.y)) }.max() ?? 0
    let half = max(Self.half(reach), max(kernel.width, kernel.height) / 2) + control.kernel.tapCount
    let frame = Box2I(minX: -half, minY: -half, width: 2 * half + 1, height: 2 * half + 1)
    var image = Image<Float>(box: frame, fill: 0)
    image.paste(kernel.map { Float($0) })
    let input = try MaskedImage(
      image: image, mask: Mask(box: frame), variance: Image(box: frame, fill: 1))
    let warped = try Imaging.warp(input, to: box, along: try AffinePixelMap(toSource: toSource), control: control)
    return warped.image.map { $0.isFinite ? Double($0) : 0 }
  }
}
