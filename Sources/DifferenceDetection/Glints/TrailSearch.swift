// SPDX-License-Identifier: GPL-3.0-or-later
// The best line through a point and its neighbours.

internal import SkyGeometry

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The search for lines among points that are near each other.
struct TrailSearch {
  private let grid: PointGrid
  private let config: GlintConfig
  /// Points that are in a trail already.
  private(set) var isTaken: [Bool]

  /// A line of points.
  struct Candidate {
    /// The point that it was found from.
    let origin: Int
    /// In the order of the points.
    let members: [Int]
    /// How many such lines chance makes, its decimal logarithm.
    let logFalse: Double
  }

  /// Directions over half a turn that are told apart.
  private static let directionCount = 2048

  private var points: [Point2D] { grid.points }

  /// - Parameter points: finite, in an order that does not depend on where they come from.
  init(_ points: [Point2D], _ config: GlintConfig) {
    grid = PointGrid(points, reach: config.radius)
    self.config = config
    isTaken = [Bool](repeating: false, count: points.count)
  }

  /// A neighbour as seen from a point.
  private struct Neighbour {
    let index: Int
    let distance: Double
    /// Of the line through both, from 0 up to half a turn, radians.
    let angle: Double
  }

  /// The line through about a point that chance makes most seldom; `nil` when none is good enough.
  ///
  /// The directions of all neighbours are counted, each with the width that `threshold` has at its distance; narrower strips are tried,
  /// too, which in a crowded field show what is lost in the widest one.
  func candidate(from origin: Int) -> Candidate? {
    guard !isTaken[origin] else { return nil }
    let center = points[origin]
    var neighbours: [Neighbour] = []
    grid.forEach(within: config.radius, of: center) { i in
      guard !isTaken[i] else { return }
      let (dx, dy) = (points[i].x - center.x, points[i].y - center.y)
      let distance = (dx * dx + dy * dy).squareRoot()
      guard distance > 0 else { return }
      let angle = atan2(dy, dx)
      neighbours.append(Neighbour(index: i, distance: distance, angle: angle < 0 ? angle + .pi : angle))
    }
    guard neighbours.count + 1 >= config.minPoints else { return nil }
    let chance = FalseTrails(
      pointCount: points.count, neighbourCount: neighbours.count, radius: config.radius, center: center,
      bounds: grid.bounds)
    var best: Candidate?
    var counts = [Int32](repeating: 0, count: Self.directionCount + 1)
    for width in [config.threshold, config.threshold / 3, config.threshold / 9] {
      guard let angle = busiestDirection(neighbours, width: width, &counts) else { continue }
      let line = PointLine(through: center, angle: angle)
      // The direction is known to one step only.
      let slack = config.radius * .pi / Double(Self.directionCount)
      let near = neighbours.filter { abs(line.distance(of: points[$0.index])) <= width + slack }.map(\.index)
      guard let found = refined([origin] + near, from: origin, width: width, chance) else { continue }
      if found.logFalse < best?.logFalse ?? .infinity { best = found }
    }
    return best.flatMap { $0.logFalse <= log10(config.falseTrails) ? $0 : nil }
  }

  /// The direction along which most neighbours lie, radians; `nil` when there are too few.
  private func busiestDirection(_ neighbours: [Neighbour], width: Double, _ counts: inout [Int32]) -> Double? {
    let step = Double.pi / Double(Self.directionCount)
    for i in counts.indices { counts[i] = 0 }
    // Those so near that they are in the strip whatever its direction.
    var always = 0
    for neighbour in neighbours {
      guard width < neighbour.distance else {
        always += 1
        continue
      }
      let sine = width / neighbour.distance
      // Half a step is ten times what the two terms lack.
      let half = sine < 0.3 ? sine * (1 + sine * sine / 6) : asin(sine)
      let (first, last) = (place((neighbour.angle - half) / step), place((neighbour.angle + half) / step))
      counts[first] += 1
      counts[last + 1] -= 1
      // What goes on beyond half a turn begins again at 0.
      if last < first {
        counts[0] += 1
        counts[Self.directionCount] -= 1
      }
    }
    var (depth, most, first, last) = (Int32(0), Int32(0), 0, 0)
    for i in 0..<Self.directionCount {
      depth += counts[i]
      if depth > most { (most, first, last) = (depth, i, i) } else if depth == most, last == i - 1 { last = i }
    }
    guard Int(most) + always + 1 >= config.minPoints else { return nil }
    return (Double(first + last) / 2 + 0.5) * step
  }

  /// A direction's number, which repeats after half a turn.
  private func place(_ value: Double) -> Int {
    let n = Self.directionCount
    let whole = Int(exactly: value.rounded(.down)) ?? 0
    return (whole % n + n) % n
  }

  /// The line fitted to those of some points that lie on it best.
  private func refined(_ near: [Int], from origin: Int, width: Double, _ chance: FalseTrails) -> Candidate? {
    var members = near.sorted()
    var result: Candidate?
    for _ in 0..<3 {
      guard let line = PointLine(through: members.map { points[$0] }) else { return result }
      let byDistance = near.map { (index: $0, distance: abs(line.distance(of: points[$0]))) }
        .filter { $0.distance <= width }.sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }
      var best: Candidate?
      for last in byDistance.indices where last + 1 >= config.minPoints {
        // As if all were far from each other, which saves counting where it is of no use.
        let least = chance.logNumber(count: last + 1, within: byDistance[last].distance)
        guard least <= min(log10(config.falseTrails), best?.logFalse ?? .infinity) else { continue }
        let chosen = byDistance[...last].map(\.index).sorted()
        let count = separateCount(chosen, along: line)
        guard count >= config.minPoints else { continue }
        let logFalse = chance.logNumber(count: count, within: byDistance[last].distance)
        if logFalse < best?.logFalse ?? .infinity {
          best = Candidate(origin: origin, members: chosen, logFalse: logFalse)
        }
      }
      guard let best, best.members.contains(origin) else { return result }
      if best.logFalse < result?.logFalse ?? .infinity { result = best }
      if best.members == members { break }
      members = best.members
    }
    return result
  }

  /// How many points there are along a line, those closer together than `threshold` counted once: pieces of one source are no trail.
  private func separateCount(_ members: [Int], along line: PointLine) -> Int {
    var (count, end) = (0, -Double.infinity)
    for place in members.map({ line.position(of: points[$0]) }).sorted() where place - end >= config.threshold {
      count += 1
      end = place
    }
    return count
  }

  /// Takes a line's points, and those with which it goes on beyond where it was looked for: within four standard deviations of it.
  ///
  /// - Returns: all of them, in the order of the points.
  mutating func take(_ candidate: Candidate) -> [Int] {
    var members = candidate.members
    for i in members { isTaken[i] = true }
    while let line = PointLine(through: members.map { points[$0] }) {
      let squares = members.reduce(0) { $0 + line.distance(of: points[$1]) * line.distance(of: points[$1]) }
      let scatter = (squares / Double(max(members.count - 2, 1))).squareRoot()
      let width = min(max(4 * scatter, 3), config.threshold)
      let places = members.map { (line.position(of: points[$0]), $0) }
      guard let low = places.min(by: { $0 < $1 }), let high = places.max(by: { $0 < $1 }) else { break }
      var more: [Int] = []
      for end in [low.1, high.1] {
        grid.forEach(within: config.radius, of: points[end]) { i in
          if !isTaken[i], abs(line.distance(of: points[i])) <= width { more.append(i) }
        }
      }
      guard !more.isEmpty else { break }
      for i in more { isTaken[i] = true }
      members = Set(members + more).sorted()
    }
    return members
  }
}
