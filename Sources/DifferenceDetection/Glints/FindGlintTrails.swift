// SPDX-License-Identifier: GPL-3.0-or-later
// Finding trails of glints.

package import SkyGeometry

/// Finds points that lie on a line, as the glints of a tumbling satellite do (detection-measurement A.14.3).
///
/// **Model.** For each point the direction is sought in which most of its neighbours within `radius` lie; the line is fitted to the points on it by
/// their distances from it, so that a vertical trail is like any other. It is a trail when it has `min_points` points within `threshold` of it and
/// chance would make fewer than `false_trails` lines as good in the whole image: among 500 points strewn over 4096² pixels there are
/// some fifty lines of five within 15 px, so that their number alone says nothing. Points closer together than `threshold` count once. The most
/// significant line is taken first, with the points that continue it within `radius` of its ends; no point is in two. (The reference draws
/// random pairs instead of trying all directions, and does not ask for significance.)
///
/// **Guarantees.** The result does not depend on the order of the points. Time goes with the number of points times that of their neighbours.
///
/// - Parameter points: px; those that are not finite, or further away than pixels can be, are in no trail.
package func findGlintTrails(among points: [Point2D], _ config: GlintConfig = .init()) -> GlintTrails {
  // An order of their own, so that sums are the same whatever row a point comes from.
  let order = points.indices.filter { points[$0].pixel != nil }
    .sorted { (points[$0].y, points[$0].x, $0) < (points[$1].y, points[$1].x, $1) }
  var search = TrailSearch(order.map { points[$0] }, config)
  // The best last, so that it can be taken off.
  var waiting = order.indices.compactMap { search.candidate(from: $0) }.sorted { isBetter($1, $0) }
  var trails: [GlintTrail] = []
  var isInTrail = [Bool](repeating: false, count: points.count)
  while let candidate = waiting.popLast() {
    if candidate.members.contains(where: { search.isTaken[$0] }) {
      // Without the points that another trail has it may still be one, though never a better one.
      guard let again = search.candidate(from: candidate.origin) else { continue }
      waiting.insert(again, at: waiting.firstIndex { isBetter($0, again) } ?? waiting.count)
      continue
    }
    let members = search.take(candidate).map { order[$0] }
    guard let trail = GlintTrail(members, of: points) else { continue }
    for i in members { isInTrail[i] = true }
    trails.append(trail)
  }
  return GlintTrails(trails: trails, isInTrail: isInTrail)
}

private func isBetter(_ a: TrailSearch.Candidate, _ b: TrailSearch.Candidate) -> Bool {
  (a.logFalse, a.origin) < (b.logFalse, b.origin)
}

extension GlintTrail {
  /// The line through some points; `nil` when they are all at one position.
  ///
  /// - Parameter members: in an order that does not depend on where they come from.
  fileprivate init?(_ members: [Int], of points: [Point2D]) {
    guard let line = PointLine(through: members.map { points[$0] }) else { return nil }
    let places = members.map { line.position(of: points[$0]) }
    let (first, last) = (places.min() ?? 0, places.max() ?? 0)
    let squares = places.reduce(0) { $0 + $1 * $1 }
    let scatter = members.reduce(0) { $0 + line.distance(of: points[$1]) * line.distance(of: points[$1]) }
    let angleError = (scatter / Double(max(members.count - 2, 1)) / squares).squareRoot()
    slope = line.direction.x == 0 ? .infinity : line.direction.y / line.direction.x
    intercept = line.center.y - slope * line.center.x
    stderr = slope.isFinite ? angleError * (1 + slope * slope) : .infinity
    length = last - first
    angle = line.angle
    self.members = members.sorted()
    center = line.center
  }
}
