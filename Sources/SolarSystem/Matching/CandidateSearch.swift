// SPDX-License-Identifier: GPL-3.0-or-later
// Pairs of near positions.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Finds all sources within a distance of objects, in time that grows with the number of both.
///
/// Directions are projected at right angles onto the plane that the sources' mean direction stands on. Such a projection never makes a distance larger, wherever on the sphere, so no pair is lost at
/// the poles, at right ascension 0 or anywhere else; the distance that counts is then that of the directions. Cells of the plane hold the sources in order.
package struct CandidateSearch {
  private let directions: [SIMD3<Double>]
  private let axes: (SIMD3<Double>, SIMD3<Double>)
  /// Sources by cell, row after row of cells, and where each cell begins.
  private let members: [Int]
  private let starts: [Int]
  private let (columns, rows): (Int, Int)
  private let (minX, minY, cell): (Double, Double, Double)
  private let radius: Double

  /// - Parameters:
  ///   - sources: unit vectors, all finite.
  ///   - radius: the longest chord, radians, above 0; a pair must be closer.
  package init(_ sources: [SIMD3<Double>], radius: Double) {
    directions = sources
    self.radius = radius
    let sum = sources.reduce(.zero, +)
    // Sources all over the sky may have no mean direction; any plane will do.
    let mean = length(sum) > 0 ? sum / length(sum) : SIMD3(0, 0, 1)
    let other: SIMD3<Double> = abs(mean.z) < 0.9 ? SIMD3(0, 0, 1) : SIMD3(1, 0, 0)
    let first = crossProduct(other, mean)
    axes = (first / length(first), crossProduct(mean, first / length(first)))
    let (e1, e2) = axes
    let points = sources.map { (x: ($0 * e1).sum(), y: ($0 * e2).sum()) }
    let (lowX, highX) = Self.range(points.map(\.x))
    let (lowY, highY) = Self.range(points.map(\.y))
    // As many cells as sources, or fewer: none is smaller than the radius.
    let side = Double(max(1, sources.count)).squareRoot()
    cell = max(radius, max(highX - lowX, highY - lowY) / side)
    (minX, minY) = (lowX, lowY)
    (columns, rows) = (Self.cellIndex(highX - lowX, cell) + 1, Self.cellIndex(highY - lowY, cell) + 1)
    var counts = Array(repeating: 0, count: columns * rows + 1)
    let places = points.map { [columns, minX, minY, cell] point in
      Self.cellIndex(point.y - minY, cell) * columns + Self.cellIndex(point.x - minX, cell)
    }
    for place in places { counts[place + 1] += 1 }
    for i in 1..<counts.count { counts[i] += counts[i - 1] }
    starts = counts
    var (next, sorted) = (counts, Array(repeating: 0, count: sources.count))
    for (source, place) in places.enumerated() {
      sorted[next[place]] = source
      next[place] += 1
    }
    members = sorted
  }

  private static func range(_ values: [Double]) -> (Double, Double) { (values.min() ?? 0, values.max() ?? 0) }

  /// Chords are at most 2 and cells no smaller than a ten-thousandth of an arcsecond, so this is a number that fits.
  private static func cellIndex(_ distance: Double, _ cell: Double) -> Int {
    Int(exactly: (distance / cell).rounded(.down)) ?? 0
  }

  /// The sources within the radius of an object, in no order.
  ///
  /// - Parameter direction: a unit vector, finite.
  package func near(_ direction: SIMD3<Double>, _ body: (_ source: Int, _ separation: Double) -> Void) {
    guard !members.isEmpty else { return }
    let x = ((direction * axes.0).sum() - minX) / cell
    let y = ((direction * axes.1).sum() - minY) / cell
    // One cell more on each side; what is further away has no sources.
    guard x >= -1, y >= -1, x < Double(columns) + 1, y < Double(rows) + 1,
      let column = Int(exactly: x.rounded(.down)), let row = Int(exactly: y.rounded(.down))
    else { return }
    let limit = radius * radius
    for r in max(0, row - 1)..<max(max(0, row - 1), min(rows, row + 2)) {
      let (first, last) = (max(0, column - 1), min(columns - 1, column + 1))
      guard first <= last else { return }
      for i in starts[r * columns + first]..<starts[r * columns + last + 1] {
        let offset = directions[members[i]] - direction
        let squared = (offset * offset).sum()
        if squared < limit { body(members[i], squared.squareRoot()) }
      }
    }
  }
}
