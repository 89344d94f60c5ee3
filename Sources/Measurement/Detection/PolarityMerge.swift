// SPDX-License-Identifier: GPL-3.0-or-later
// Which detections above and below zero belong together.

package import Catalogs
package import SkyGeometry

/// Detections of both polarities, united where one of each is near the other: what may be a dipole (detection-measurement A.9.3).
///
/// Two of one polarity are united only by one of the other that is near both, so that blends stay deblended. None is lost and none is there twice
/// (the reference's merge does both; G-19).
package struct PolarityMerge: Sendable {
  /// What was united: numbers of positive and of negative footprints, ascending.
  package struct Group: Hashable, Sendable {
    package var positive: [Int]
    package var negative: [Int]

    package init(positive: [Int], negative: [Int]) { (self.positive, self.negative) = (positive, negative) }
  }

  /// In the order of their first members: positive ones first, then those that are negative alone.
  package let groups: [Group]

  /// - Parameters:
  ///   - reach: how many pixels may lie between two that are united; 0 for those that share or touch a pixel, by corners too.
  ///   - separation: how far apart their nearest peaks may be, pixels: bright sources have wide footprints, and two of them that only touch are no dipole.
  package init(
    _ positive: [Footprint], _ negative: [Footprint], reach: Int, separation: Double = .infinity
  ) {
    var parents = Array(0..<positive.count + negative.count)
    func root(_ i: Int) -> Int {
      var i = i
      while parents[i] != i {
        parents[i] = parents[parents[i]]
        i = parents[i]
      }
      return i
    }
    let rows = Self.rows(of: positive)
    let reach = max(0, min(reach, 10_000)) + 1
    for (number, footprint) in negative.enumerated() {
      var tooFar: Set<Int> = []
      for span in footprint.spans.spans {
        for y in span.y - reach...span.y + reach {
          rows[y]?.forEach(overlapping: span.x0 - reach, span.x1 + reach) { other in
            let (a, b) = (root(other), root(positive.count + number))
            guard a != b, !tooFar.contains(other) else { return }
            guard Self.areNear(positive[other], footprint, separation) else {
              tooFar.insert(other)
              return
            }
            parents[max(a, b)] = min(a, b)
          }
        }
      }
    }
    var places: [Int: Int] = [:]
    var groups: [Group] = []
    for i in parents.indices {
      let first = root(i)
      let place = places[first] ?? groups.count
      if place == groups.count {
        places[first] = place
        groups.append(Group(positive: [], negative: []))
      }
      if i < positive.count {
        groups[place].positive.append(i)
      } else {
        groups[place].negative.append(i - positive.count)
      }
    }
    self.groups = groups
  }

  /// The footprint of a group: all pixels and peaks of its members.
  ///
  /// Peaks are ordered by their significance, by their size where that is unknown; the strongest comes first, and no position has two.
  package static func footprint(of members: [Footprint], region: Box2I) -> Footprint {
    var peaks: [Peak] = []
    var taken: Set<Point2I> = []
    for peak in members.flatMap(\.peaks).sorted(by: isMoreSignificant) where taken.insert(peak.pixel).inserted {
      peaks.append(peak)
    }
    if members.count == 1 {
      var result = members[0]
      result.peaks = peaks
      return result
    }
    return Footprint(SpanSet(members.flatMap(\.spans.spans)), peaks: peaks, region: region)
  }

  /// Whether a peak of one is near a peak of the other; true for footprints without peaks.
  private static func areNear(_ a: Footprint, _ b: Footprint, _ separation: Double) -> Bool {
    guard separation < .infinity, !a.peaks.isEmpty, !b.peaks.isEmpty else { return true }
    return a.peaks.contains { one in b.peaks.contains { one.position.distance(to: $0.position) <= separation } }
  }

  private static func isMoreSignificant(_ a: Peak, _ b: Peak) -> Bool {
    guard a.significance != b.significance, a.significance.isFinite, b.significance.isFinite else {
      return isBefore(a, b)
    }
    return a.significance > b.significance
  }

  /// The runs of a row, each with the footprint that it is of.
  private struct Row {
    private var runs: [(x0: Int, x1: Int, owner: Int)] = []
    /// The farthest end of the runs up to each.
    private var ends: [Int] = []

    mutating func append(_ x0: Int, _ x1: Int, _ owner: Int) { runs.append((x0, x1, owner)) }

    mutating func sort() {
      runs.sort { ($0.x0, $0.x1, $0.owner) < ($1.x0, $1.x1, $1.owner) }
      var end = Int.min
      ends = runs.map { run in
        end = max(end, run.x1)
        return end
      }
    }

    func forEach(overlapping first: Int, _ last: Int, _ body: (Int) -> Void) {
      // The first run that can reach so far: those before it all end earlier.
      var (low, high) = (0, ends.count)
      while low < high {
        let middle = (low + high) / 2
        if ends[middle] < first { low = middle + 1 } else { high = middle }
      }
      while low < runs.count, runs[low].x0 <= last {
        if runs[low].x1 >= first { body(runs[low].owner) }
        low += 1
      }
    }
  }

  private static func rows(of footprints: [Footprint]) -> [Int: Row] {
    var rows: [Int: Row] = [:]
    for (number, footprint) in footprints.enumerated() {
      for span in footprint.spans.spans { rows[span.y, default: Row()].append(span.x0, span.x1, number) }
    }
    for y in rows.keys { rows[y]?.sort() }
    return rows
  }
}

extension FootprintSet {
  /// This set and one of negative detections, united where one of each is near the other.
  ///
  /// - Parameter reach: as for ``PolarityMerge/init(_:_:reach:)``.
  package func merged(withNegative other: FootprintSet, reach: Int) -> FootprintSet {
    let merge = PolarityMerge(footprints, other.footprints, reach: reach)
    let united = merge.groups.map { group in
      PolarityMerge.footprint(
        of: group.positive.map { footprints[$0] } + group.negative.map { other.footprints[$0] }, region: region)
    }
    return FootprintSet(united, region: region)
  }
}
