// SPDX-License-Identifier: GPL-3.0-or-later
// Resampling an image onto another pixel grid.

package import SkyGeometry

/// Resamples a masked image onto another pixel grid.
///
/// **Model.** A value is the sum of the pixels about its source position with the kernel's weights, scaled to sum 1 along each
/// axis, times the ratio of areas; its variance the sum of their variances with the weights' squares; its mask the OR of the
/// pixels whose weight is not exactly zero. Neighbouring values share pixels, so their noise is correlated: the variance is that
/// of a single pixel.
///
/// **Invalid pixels.** Where any pixel of the kernel's footprint is outside the source: NaN, infinite variance, NO_DATA. NaN
/// spreads over the pixels whose weight is not exactly zero.
///
/// **Guarantees.** Positions follow the map to ``WarpControl/positionTolerance``. Equal input gives equal bits. Twin:
/// ``obviousWarp(_:to:along:control:)``.
///
/// - Throws: ``ImagingError/tooManyMaskPlanes(name:)`` when NO_DATA cannot be added, ``ImagingError/invalidParameter(_:)`` for a
///   control that says what cannot be.
package func warp(
  _ input: MaskedImage, to box: Box2I, along map: some PixelMap, control: WarpControl = .init()
) throws(ImagingError) -> MaskedImage {
  try control.validate()
  var result = try MaskedImage(withoutDataOver: box, planes: input.mask.planes)
  let region = reachableRegion(of: input.box, in: box, map)
  guard !region.isEmpty else { return result }
  let grid = PixelMapGrid(map, over: region, tolerance: control.positionTolerance)
  let noData = try result.mask.planes.bitMask("NO_DATA")
  try result.update { image, mask, variance in
    let target = WarpTarget(grid: grid, conservesFlux: control.conservesFlux, noData: noData, box: box)
    if control.kernel.tapCount <= 8 {
      target.fill(&image, &mask.bits, &variance, from: input, WarpTables.eight(control.kernel))
    } else {
      target.fill(&image, &mask.bits, &variance, from: input, WarpTables.sixteen(control.kernel))
    }
  }
  return result
}

/// Resamples pixel by pixel in float64 with the map's exact positions: what ``warp(_:to:along:control:)`` is compared with.
///
/// - Throws: as ``warp(_:to:along:control:)``.
package func obviousWarp(
  _ input: MaskedImage, to box: Box2I, along map: some PixelMap, control: WarpControl = .init()
) throws(ImagingError) -> MaskedImage {
  try control.validate()
  var result = try MaskedImage(withoutDataOver: box, planes: input.mask.planes)
  try result.update { image, mask, variance in
    for y in box.minY..<box.endY {
      for x in box.minX..<box.endX {
        let (cx, cy) = (Double(x), Double(y))
        let step = 0.01
        let mapped = map.toSource([
          Point2D(x: cx, y: cy), Point2D(x: cx - step, y: cy), Point2D(x: cx + step, y: cy),
          Point2D(x: cx, y: cy - step), Point2D(x: cx, y: cy + step),
        ])
        let (dx, dy) = (mapped[2] - mapped[1], mapped[4] - mapped[3])
        let area = abs(dx.x * dy.y - dx.y * dy.x) / (4 * step * step)
        guard
          let value = obviousValue(
            input, at: mapped[0], control.kernel, scale: control.conservesFlux ? area : 1)
        else { continue }
        (image[x, y], mask[x, y], variance[x, y]) = value
      }
    }
  }
  return result
}

/// A value of a warp by its formula; `nil` where a pixel with weight is missing.
func obviousValue(
  _ input: MaskedImage, at position: Point2D, _ kernel: WarpingKernel, scale: Double
) -> (Float, UInt32, Float)? {
  let half = kernel.tapCount / 2
  guard position.isFinite, let column = Box2I.pixelIndex(position.x.rounded(.down)),
    let row = Box2I.pixelIndex(position.y.rounded(.down))
  else { return nil }
  let footprint = Box2I(minX: column - half + 1, minY: row - half + 1, width: 2 * half, height: 2 * half)
  guard input.box.contains(footprint) else { return nil }
  let (along, across) = (
    kernel.taps(at: position.x - Double(column)), kernel.taps(at: position.y - Double(row))
  )
  var (value, spread, bits) = (0.0, 0.0, UInt32(0))
  for (j, weightY) in across.enumerated() where weightY != 0 {
    for (i, weightX) in along.enumerated() where weightX != 0 {
      let (x, y, weight) = (footprint.minX + i, footprint.minY + j, weightX * weightY)
      value += weight * Double(input.image[x, y])
      spread += weight * weight * Double(input.variance[x, y])
      bits |= input.mask[x, y]
    }
  }
  return (Float(value * scale), bits, Float(spread * scale * scale))
}

/// The part of the destination that the source can reach; beyond it a map may be undefined or slow to find that out.
private func reachableRegion(of source: Box2I, in box: Box2I, _ map: some PixelMap) -> Box2I {
  guard !box.isEmpty, !source.isEmpty else { return Box2I(width: 0, height: 0) }
  let corners = Box2D(source).grown(by: 1).corners
  let outline = corners.indices.flatMap { i -> [Point2D] in
    let (a, b) = (corners[i], corners[(i + 1) % 4])
    return (0..<16).map { step in
      let t = Double(step) / 16
      return Point2D(x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y))
    }
  }
  let mapped = map.toDestination(outline)
  // Between the outline's positions its image may bulge; a sixteenth of an edge bounds that for any map worth the name.
  guard mapped.allSatisfy(\.isFinite), let hull = Box2D(around: mapped),
    let reachable = try? Box2I(covering: hull.grown(by: 2 + max(hull.width, hull.height) / 16))
  else { return box }
  return reachable.intersection(box)
}
