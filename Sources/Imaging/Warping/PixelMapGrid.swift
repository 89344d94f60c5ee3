// SPDX-License-Identifier: GPL-3.0-or-later
// A pixel map, known at nodes and interpolated between them.

internal import SkyGeometry

/// A pixel map over a box, computed at nodes of a square grid and interpolated bilinearly.
///
/// The grid is the coarsest of 64, 32, … 1 pixels whose error at the middles of every cell and its edges stays within a tolerance;
/// a spacing of 1 is exact. Where the map ends, up to 8 pixels of what is still defined may be lost.
struct PixelMapGrid {
  let box: Box2I
  let spacing: Int
  /// Nodes along x and y, one more than the box needs on each side.
  private let columns: Int
  private let rows: Int
  private let positions: [Point2D]
  /// Area of a destination pixel in source pixels, at each node.
  private let areas: [Double]

  init(_ map: some PixelMap, over box: Box2I, tolerance: Double) {
    var grid = PixelMapGrid(map, over: box, spacing: 64)
    while grid.spacing > 1, grid.needsRefinement(map, tolerance: tolerance) {
      grid = PixelMapGrid(map, over: box, spacing: grid.spacing / 2)
    }
    self = grid
  }

  private init(_ map: some PixelMap, over box: Box2I, spacing: Int) {
    self.box = box
    self.spacing = spacing
    columns = (box.width - 1 + spacing - 1) / spacing + 3
    rows = (box.height - 1 + spacing - 1) / spacing + 3
    let (columns, rows) = (columns, rows)
    let nodes = (0..<rows).flatMap { j in
      (0..<columns).map { i in
        Point2D(x: Double(box.minX + (i - 1) * spacing), y: Double(box.minY + (j - 1) * spacing))
      }
    }
    let mapped = map.toSource(nodes)
    positions = mapped
    areas = (0..<rows).flatMap { j in
      (0..<columns).map { i in
        // Differences between the neighbours on both sides, where both are defined.
        func derivative(_ a: Int, _ b: Int, _ own: Int) -> Point2D {
          let (before, after) = (mapped[a].isFinite ? a : own, mapped[b].isFinite ? b : own)
          let steps = Double(spacing * ((before == own ? 0 : 1) + (after == own ? 0 : 1)))
          let d = mapped[after] - mapped[before]
          return Point2D(x: d.x / steps, y: d.y / steps)
        }
        let own = j * columns + i
        let dx = derivative(i > 0 ? own - 1 : own, i + 1 < columns ? own + 1 : own, own)
        let dy = derivative(j > 0 ? own - columns : own, j + 1 < rows ? own + columns : own, own)
        return abs(dx.x * dy.y - dx.y * dy.x)
      }
    }
  }

  /// Whether the middle of any cell, or of its lower or left edge, is farther from its interpolated place than the tolerance.
  ///
  /// The middle alone would miss a map whose second derivatives cancel there, as those of a conformal one do.
  private func needsRefinement(_ map: some PixelMap, tolerance: Double) -> Bool {
    var probes: [Point2D] = []
    var interpolated: [Point2D] = []
    func probe(_ i: Int, _ j: Int, _ dx: Double, _ dy: Double, _ corners: [Int]) {
      let sum = corners.reduce(Point2D(x: 0, y: 0)) { $0 + positions[$1] }
      interpolated.append(Point2D(x: sum.x / Double(corners.count), y: sum.y / Double(corners.count)))
      probes.append(
        Point2D(
          x: Double(box.minX + (i - 1) * spacing) + dx * Double(spacing),
          y: Double(box.minY + (j - 1) * spacing) + dy * Double(spacing)))
    }
    for j in 1..<rows - 1 {
      for i in 1..<columns - 1 {
        let own = j * columns + i
        probe(i, j, 0.5, 0.5, [own, own + 1, own + columns, own + columns + 1])
        probe(i, j, 0.5, 0, [own, own + 1])
        probe(i, j, 0, 0.5, [own, own + columns])
      }
    }
    return zip(map.toSource(probes), interpolated).contains { exact, guess in
      // A cell at the limit of what is defined is worth refining, but not to the last pixel.
      guard exact.isFinite, guess.isFinite else { return exact.isFinite != guess.isFinite && spacing > 8 }
      return !(exact.distance(to: guess) <= tolerance)
    }
  }

  /// Source positions and areas of the pixels of a row, written to three arrays of the box's width.
  func row(
    _ y: Int, x sourceX: UnsafeMutablePointer<Double>, y sourceY: UnsafeMutablePointer<Double>,
    area: UnsafeMutablePointer<Float>
  ) {
    let distance = y - box.minY
    let j = distance / spacing + 1
    let t = Double(distance % spacing) / Double(spacing)
    func node(_ i: Int) -> (Point2D, Double) {
      let (a, b) = (j * columns + i, (j + 1) * columns + i)
      // With t = 0 the next row of nodes has no say, also when it is undefined.
      guard t > 0 else { return (positions[a], areas[a]) }
      let d = positions[b] - positions[a]
      return (
        Point2D(x: positions[a].x + t * d.x, y: positions[a].y + t * d.y), areas[a] + t * (areas[b] - areas[a])
      )
    }
    var (left, leftArea) = node(1)
    var start = 0
    var i = 1
    while start < box.width {
      let (right, rightArea) = node(i + 1)
      let step = 1 / Double(spacing)
      let slope = Point2D(x: (right.x - left.x) * step, y: (right.y - left.y) * step)
      let areaSlope = (rightArea - leftArea) * step
      sourceX[start] = left.x
      sourceY[start] = left.y
      area[start] = Float(leftArea)
      for k in 1..<max(1, min(spacing, box.width - start)) {
        sourceX[start + k] = left.x + Double(k) * slope.x
        sourceY[start + k] = left.y + Double(k) * slope.y
        area[start + k] = Float(leftArea + Double(k) * areaSlope)
      }
      (left, leftArea) = (right, rightArea)
      start += spacing
      i += 1
    }
  }
}
