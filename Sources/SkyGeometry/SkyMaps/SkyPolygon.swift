// SPDX-License-Identifier: GPL-3.0-or-later
// A region of the sky with edges, and what of it falls into a box of pixels.

/// A region of the sky with edges: a detector's outline.
package struct SkyPolygon: Hashable, Sendable {
  /// Positions along the outline, in order.
  package let boundary: [SpherePoint]

  package init(boundary: [SpherePoint]) {
    self.boundary = boundary
  }

  /// The outline of a detector: its corners and, as distortion bends its edges, positions between them.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)`` when a part of the box has no place on the sky.
  package init(box: Box2I, wcs: SkyWCS, positionsPerEdge: Int = 8) throws(WCSError) {
    try self.init(pixels: Box2D(box), wcs: wcs, positionsPerEdge: positionsPerEdge)
  }

  /// The outline of a part of a detector's plane.
  ///
  /// - Throws: ``WCSError/undefinedPosition(x:y:)`` when a part of it has no place on the sky.
  package init(pixels box: Box2D, wcs: SkyWCS, positionsPerEdge: Int = 8) throws(WCSError) {
    let corners = box.corners
    let pixels = corners.indices.flatMap { i -> [Point2D] in
      let (a, b) = (corners[i], corners[(i + 1) % corners.count])
      return (0..<max(1, positionsPerEdge)).map { step in
        let t = Double(step) / Double(max(1, positionsPerEdge))
        return Point2D(x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y))
      }
    }
    let sky = wcs.pixelToSky(pixels)
    for (position, pixel) in zip(sky, pixels) where !position.isFinite {
      throw .undefinedPosition(x: pixel.x, y: pixel.y)
    }
    boundary = sky
  }
}

/// A circle on the sky.
struct SkyCircle {
  let center: SpherePoint
  let radius: Angle

  /// A circle about the mean direction of some positions that holds all of them; `nil` when none is finite.
  init?(around positions: [SpherePoint]) {
    let finite = positions.filter(\.isFinite)
    let sum = finite.reduce(SIMD3<Double>.zero) { $0 + $1.unitVector }
    let center = SpherePoint(sum)
    guard center.isFinite else { return nil }
    self.center = center
    radius = Angle(radians: finite.map { $0.separation(from: center).radians }.max() ?? 0)
  }
}

/// The part of a polygon that is in a box (Sutherland–Hodgman clipping); empty when there is none.
///
/// A polygon with dents that leaves the box and comes back stays one piece, joined along the box's edge.
package func clipped(_ polygon: [Point2D], to box: Box2D) -> [Point2D] {
  // One edge after the other: how far inside the edge a point is.
  let edges: [(Point2D) -> Double] = [
    { $0.x - box.minX }, { box.maxX - $0.x }, { $0.y - box.minY }, { box.maxY - $0.y },
  ]
  var points = polygon
  for inside in edges where !points.isEmpty {
    var kept: [Point2D] = []
    var previous = points[points.count - 1]
    for point in points {
      let (a, b) = (inside(previous), inside(point))
      if (a < 0) != (b < 0) {
        let t = a / (a - b)
        kept.append(Point2D(x: previous.x + t * (point.x - previous.x), y: previous.y + t * (point.y - previous.y)))
      }
      if b >= 0 { kept.append(point) }
      previous = point
    }
    points = kept
  }
  return points
}

/// The area that a polygon and a box share, in square pixels.
func clippedArea(of polygon: [Point2D], to box: Box2D) -> Double {
  let points = clipped(polygon, to: box)
  guard var previous = points.last else { return 0 }
  var twice = 0.0
  for point in points {
    twice += previous.x * point.y - point.x * previous.y
    previous = point
  }
  return abs(twice) / 2
}
