// SPDX-License-Identifier: GPL-3.0-or-later
// Points by where they are.

internal import SkyGeometry

/// Points sorted into square cells, so that those near a position are found without looking at the others.
struct PointGrid {
  let points: [Point2D]
  /// Of a cell.
  private let side: Double
  private let origin: Point2D
  private let columns: Int
  private let rows: Int
  /// The points of all cells, cell by cell, and where each cell's begin.
  private let members: [Int]
  private let starts: [Int]
  /// What all points lie in.
  let bounds: Box2D

  /// Few cells may do for many points, but never many more than points.
  private static let cellsPerPoint = 4

  /// - Parameters:
  ///   - points: within the limits of pixel coordinates.
  ///   - reach: how far is going to be looked; cells are of this side unless there would be too many.
  init(_ points: [Point2D], reach: Double) {
    self.points = points
    let bounds = Box2D(around: points) ?? Box2D(minX: 0, minY: 0, maxX: 0, maxY: 0)
    self.bounds = bounds
    let mostCells = Double(max(1, points.count) * Self.cellsPerPoint)
    var side = max(reach, 1)
    // Twice as wide until there are few enough, also along one axis.
    while (bounds.width / side + 1) * (bounds.height / side + 1) > mostCells { side *= 2 }
    func count(_ extent: Double) -> Int { Int(exactly: (extent / side).rounded(.down)).map { $0 + 1 } ?? 1 }
    let (columns, rows) = (count(bounds.width), count(bounds.height))
    let origin = Point2D(x: bounds.minX, y: bounds.minY)
    let cells = points.map { point in
      Self.index(point.y - origin.y, side, rows) * columns + Self.index(point.x - origin.x, side, columns)
    }
    var starts = [Int](repeating: 0, count: columns * rows + 1)
    for cell in cells { starts[cell + 1] += 1 }
    for i in 1..<starts.count { starts[i] += starts[i - 1] }
    var (members, next) = ([Int](repeating: 0, count: points.count), starts)
    for (i, cell) in cells.enumerated() {
      members[next[cell]] = i
      next[cell] += 1
    }
    (self.side, self.origin, self.columns, self.rows) = (side, origin, columns, rows)
    (self.members, self.starts) = (members, starts)
  }

  /// Which of `count` cells an offset from the first one's edge is in; beyond the ends the outermost one.
  private static func index(_ offset: Double, _ side: Double, _ count: Int) -> Int {
    min(max(Int(exactly: (offset / side).rounded(.down)) ?? (offset > 0 ? count - 1 : 0), 0), count - 1)
  }

  /// The points within a distance of a position, cell by cell.
  func forEach(within radius: Double, of center: Point2D, _ body: (Int) -> Void) {
    let (left, right) = (
      Self.index(center.x - radius - origin.x, side, columns), Self.index(center.x + radius - origin.x, side, columns)
    )
    let (bottom, top) = (
      Self.index(center.y - radius - origin.y, side, rows), Self.index(center.y + radius - origin.y, side, rows)
    )
    for row in bottom...max(bottom, top) {
      for k in starts[row * columns + left]..<starts[row * columns + max(left, right) + 1] {
        let i = members[k]
        let (dx, dy) = (points[i].x - center.x, points[i].y - center.y)
        if dx * dx + dy * dy <= radius * radius { body(i) }
      }
    }
  }
}
