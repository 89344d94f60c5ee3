// SPDX-License-Identifier: GPL-3.0-or-later
// The detections of an image.

package import Catalogs
package import SkyGeometry

/// The detections of an image, in the order of their first pixels (detection-measurement D.3.4).
package struct FootprintSet: Hashable, Sendable {
  package let footprints: [Footprint]
  /// The pixels of the image.
  package let region: Box2I

  package init(_ footprints: [Footprint], region: Box2I) {
    self.footprints = footprints
    self.region = region
  }

  package var count: Int { footprints.count }
  package var peakCount: Int { footprints.reduce(0) { $0 + $1.peaks.count } }

  /// All footprints grown by a stencil; those that then overlap or touch become one, with the peaks of all, the strongest first.
  ///
  /// What grows beyond the region is cut off. The cost goes with the pixels of the rows that are reached, not with how much the
  /// footprints overlap.
  ///
  /// - Precondition: the radius is 0 to 10,000.
  package func grown(by radius: Int, _ stencil: Stencil = .disk) -> FootprintSet {
    FootprintSet(combined(footprints, grownBy: radius, stencil, region: region), region: region)
  }

  /// Peaks numbered from `first` on, footprint by footprint.
  func numberingPeaks(from first: Int64) -> FootprintSet {
    var next = first
    let numbered = footprints.map { footprint in
      var result = footprint
      for i in result.peaks.indices {
        result.peaks[i].id = next
        next += 1
      }
      return result
    }
    return FootprintSet(numbered, region: region)
  }
}

extension Footprint {
  /// The brightest of the peaks that come from positive sources.
  package var strongestPositivePeak: Peak? { peaks.filter(\.isFromPositive).max { $0.value < $1.value } }
  /// The deepest of the peaks that come from negative sources.
  package var strongestNegativePeak: Peak? { peaks.filter(\.isFromNegative).min { $0.value < $1.value } }
}

/// Footprints grown and joined where they meet, in the order of their first pixels.
private func combined(
  _ footprints: [Footprint], grownBy radius: Int, _ stencil: Stencil, region: Box2I
) -> [Footprint] {
  let spans = SpanSet(grownRuns(of: footprints.map(\.spans), by: radius, stencil, in: region))
  let parts = spans.connectedParts()
  // Which part each run belongs to, in the order of the runs.
  var owners: [(run: Span, part: Int)] = []
  owners.reserveCapacity(spans.spans.count)
  for (number, part) in parts.enumerated() { owners += part.spans.map { ($0, number) } }
  owners.sort { ($0.run.y, $0.run.x0) < ($1.run.y, $1.run.x0) }
  var peaks = [[Peak]](repeating: [], count: parts.count)
  for footprint in footprints {
    guard let seed = footprint.spans.clipped(to: region).spans.first else { continue }
    // The last run that begins at or before the footprint's first pixel holds it.
    var (low, high) = (0, owners.count)
    while low < high {
      let middle = low + (high - low) / 2
      if (owners[middle].run.y, owners[middle].run.x0) <= (seed.y, seed.x0) { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { continue }
    peaks[owners[low - 1].part] += footprint.peaks
  }
  return zip(parts, peaks).map { part, peaks in Footprint(part, peaks: peaks.sorted(by: isBefore), region: region) }
}

/// The runs of all pixels that the stencil reaches from any of some regions, within a box.
///
/// Row by row: each run of a row in reach adds one to a count where it begins and takes it away behind its end, so that a sweep
/// finds the runs of their union whatever their number.
private func grownRuns(of regions: [SpanSet], by radius: Int, _ stencil: Stencil, in box: Box2I) -> [Span] {
  guard !box.isEmpty else { return [] }
  var rows: [Int: [Span]] = [:]
  for region in regions { for span in region.spans { rows[span.y, default: []].append(span) } }
  let offsets = (-radius...radius).compactMap { dy in
    stencil.halfWidth(atRow: dy, radius: Double(radius)).map { (dy: dy, half: $0) }
  }
  var changes = [Int32](repeating: 0, count: box.width + 1)
  var result: [Span] = []
  for y in box.minY..<box.endY {
    var isReached = false
    for (dy, half) in offsets {
      guard let runs = rows[y - dy] else { continue }
      for run in runs {
        let (first, last) = (max(run.x0 - half, box.minX), min(run.x1 + half, box.maxX))
        guard first <= last else { continue }
        isReached = true
        changes[first - box.minX] += 1
        changes[last + 1 - box.minX] -= 1
      }
    }
    guard isReached else { continue }
    var (depth, start) = (Int32(0), 0)
    for i in changes.indices {
      let next = depth + changes[i]
      changes[i] = 0
      if depth == 0, next > 0 { start = i }
      if depth > 0, next == 0 { result.append(Span(y: y, x0: start + box.minX, x1: i - 1 + box.minX)) }
      depth = next
    }
  }
  return result
}
