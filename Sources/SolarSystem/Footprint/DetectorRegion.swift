// SPDX-License-Identifier: GPL-3.0-or-later
// Which objects are on a detector.

package import SkyGeometry

/// The part of the sky where an object may be for its source to be on a detector (framework B.5).
///
/// A position is in it when it is in the polygon that the detector's corners have on the sky, and on its pixels. The polygon is there because the inverse of a distorted WCS can bring what is far away
/// onto the pixels. Both have a margin: a predicted position may be off the detector while the object is on it.
package struct DetectorRegion: Sendable {
  private let wcs: SkyWCS
  /// Of the padded detector, where pixels have their centres at whole numbers.
  private let pixels: Box2D
  /// Unit vectors, each at right angles to an edge and pointing in; and how far beyond its great circle a bent edge reaches, below 0 or 0.
  private let edges: [(normal: SIMD3<Double>, reach: Double)]

  /// The margin in pixels: the positions' error, up to a limit.
  package let padding: Int

  /// - Parameters:
  ///   - margin: how far a prediction may be off.
  ///   - limit: the largest margin in pixels.
  ///   - padsPixels: whether the margin counts on pixels, too, and not for the polygon alone, as in the reference.
  /// - Throws: ``SkyGeometry/WCSError`` when a part of the detector has no place on the sky.
  package init(
    box: Box2I, wcs: SkyWCS, margin: Angle, limit: Int, padsPixels: Bool = true
  ) throws(WCSError) {
    self.wcs = wcs
    let scale = try wcs.pixelScale(at: Box2D(box).center)
    let wanted = (margin.arcseconds / scale.arcseconds).rounded(.up)
    // Also for a margin that is no number.
    padding = wanted >= 0 && wanted < Double(limit) ? Int(wanted) : limit
    let padded = Box2D(box).grown(by: Double(padding))
    pixels = padsPixels ? padded : Box2D(box)
    let corners = try padded.corners.map { pixel throws(WCSError) in try wcs.pixelToSky(pixel).unitVector }
    let inside = corners.reduce(.zero, +)
    // Distortion bends edges.
    let outline = try SkyPolygon(pixels: padded, wcs: wcs).boundary.map(\.unitVector)
    edges = corners.indices.map { i in
      let product = crossProduct(corners[i], corners[(i + 1) % corners.count])
      let normal = (product * inside).sum() < 0 ? -product : product
      return (normal, outline.reduce(0) { min($0, (normal * $1).sum()) })
    }
  }

  /// The places of the positions that are in the region, in order; never one that is not finite.
  package func indices(of positions: [SpherePoint]) -> [Int] {
    let near = positions.indices.filter { i in
      guard positions[i].isFinite else { return false }
      let direction = positions[i].unitVector
      return edges.allSatisfy { ($0.normal * direction).sum() >= $0.reach }
    }
    let projected = wcs.skyToPixel(near.map { positions[$0] })
    return zip(near, projected).filter { pixels.contains($0.1) }.map(\.0)
  }
}
