// SPDX-License-Identifier: GPL-3.0-or-later
// Detections of several bands that are one source, or one blend.

internal import Catalogs
internal import SkyGeometry

/// Footprints of all bands that share pixels, directly or by others between them.
struct DetectionFamily {
  /// A peak, as the first band that has it saw it.
  struct MergedPeak {
    var peak: Peak
    /// By band, in the order of their priority: whether it is one of that band's.
    var isOfBand: [Bool]
  }

  /// A footprint and the place of its band in the order of priority.
  typealias Member = (band: Int, footprint: Footprint)

  /// The pixels of all members.
  let spans: SpanSet
  /// By band: whether it has a member.
  let isOfBand: [Bool]
  private(set) var peaks: [MergedPeak] = []
  /// Peaks that are neither new nor the same as one.
  private(set) var droppedPeakCount = 0

  /// Merges some footprints' pixels and peaks.
  ///
  /// **Peaks.** Bands are walked in the order of their priority, in each the strongest peak first (equal ones by column, then row). A peak at most `maxSamePeak` from one that is there is the same, and
  /// marks the nearest; one farther than `minNewPeak` from all of the bands before is new; others are dropped. Peaks of one band that are farther apart than `maxSamePeak` are never taken for one:
  /// the band told them apart. This is also the order of the result, which so does not depend on that of the members.
  ///
  /// - Parameters:
  ///   - members: at least one.
  ///   - maxSamePeak, minNewPeak: pixels.
  init(_ members: [Member], bandCount: Int, maxSamePeak: Double, minNewPeak: Double) {
    spans = members.count == 1 ? members[0].footprint.spans : SpanSet(members.flatMap(\.footprint.spans.spans))
    isOfBand = (0..<bandCount).map { band in members.contains { $0.band == band } }
    for band in 0..<bandCount where isOfBand[band] {
      let ofBefore = peaks.count
      let own = members.filter { $0.band == band }.flatMap(\.footprint.peaks).sorted(by: isStronger)
      for peak in own {
        let distances = peaks.map { $0.peak.position.distance(to: peak.position) }
        let nearest = distances.indices.min { distances[$0] < distances[$1] }
        if let nearest, distances[nearest] <= maxSamePeak {
          peaks[nearest].isOfBand[band] = true
        } else if distances[..<ofBefore].allSatisfy({ $0 > minNewPeak }) {
          peaks.append(MergedPeak(peak: peak, isOfBand: (0..<bandCount).map { $0 == band }))
        } else {
          droppedPeakCount += 1
        }
      }
    }
  }

  /// The footprint with peaks that are numbered from `first` on.
  func footprint(numberingFrom first: Int64, region: Box2I) -> Footprint {
    var result = peaks.map(\.peak)
    for i in result.indices { result[i].id = first + Int64(i) }
    return Footprint(spans, peaks: result, region: region)
  }
}

/// The order of a band's peaks: the strongest first, equal ones by column, then row; those without a value last.
private func isStronger(_ a: Peak, _ b: Peak) -> Bool {
  let (first, second) = (a.value.isNaN ? -1 : abs(a.value), b.value.isNaN ? -1 : abs(b.value))
  guard first == second else { return first > second }
  return (a.pixel.x, a.pixel.y) < (b.pixel.x, b.pixel.y)
}

/// Which regions belong together: those that share pixels, directly or by others between them.
///
/// The cost goes with the runs, sorted once; it does not matter how many regions there are.
///
/// - Returns: numbers of regions, ascending, in the order of the first pixel of each group; empty regions are in none.
func groupsOfOverlapping(_ regions: [SpanSet]) -> [[Int]] {
  var runs: [(span: Span, owner: Int)] = []
  runs.reserveCapacity(regions.reduce(0) { $0 + $1.spans.count })
  for (owner, region) in regions.enumerated() { for span in region.spans { runs.append((span, owner)) } }
  runs.sort { ($0.span.y, $0.span.x0, $0.span.x1, $0.owner) < ($1.span.y, $1.span.x0, $1.span.x1, $1.owner) }
  var parents = Array(regions.indices)
  func root(_ i: Int) -> Int {
    var i = i
    while parents[i] != i {
      parents[i] = parents[parents[i]]
      i = parents[i]
    }
    return i
  }
  // Of the runs of a row so far, the one that reaches farthest meets whatever any of them meets.
  var farthest: (span: Span, owner: Int)?
  for run in runs {
    if let last = farthest, last.span.y == run.span.y, last.span.x1 >= run.span.x0 {
      let (a, b) = (root(last.owner), root(run.owner))
      parents[max(a, b)] = min(a, b)
      if run.span.x1 > last.span.x1 { farthest = run }
    } else {
      farthest = run
    }
  }
  var places: [Int: Int] = [:]
  var groups: [[Int]] = []
  for run in runs {
    let first = root(run.owner)
    if places[first] == nil {
      places[first] = groups.count
      groups.append([])
    }
  }
  for (owner, region) in regions.enumerated() where !region.isEmpty {
    if let place = places[root(owner)] { groups[place].append(owner) }
  }
  return groups
}
