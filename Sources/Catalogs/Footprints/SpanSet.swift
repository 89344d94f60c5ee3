// SPDX-License-Identifier: GPL-3.0-or-later
// A region of pixels.

package import SkyGeometry

/// A run of pixels in a row, both ends included.
package struct Span: Hashable, Sendable {
  package let y: Int
  package let x0: Int
  package let x1: Int

  /// - Precondition: `x0 <= x1`.
  package init(y: Int, x0: Int, x1: Int) {
    precondition(x0 <= x1)
    self.y = y
    self.x0 = x0
    self.x1 = x1
  }

  package var count: Int { x1 - x0 + 1 }
}

/// A region of pixels of any form, as runs in rows (detection-measurement D.3.1).
///
/// The runs are sorted by row, then column, and none touches another of its row: equal regions have equal runs.
package struct SpanSet: Hashable, Sendable {
  package let spans: [Span]

  package static let empty = SpanSet(normalized: [])

  /// A region from runs in any order, which may overlap.
  ///
  /// - Precondition: they lie within ``SkyGeometry/Box2I/coordinateLimits``; runs from data go through ``init(checking:)``.
  package init(_ spans: some Sequence<Span>) {
    var merged: [Span] = []
    for span in spans.sorted(by: { ($0.y, $0.x0, $0.x1) < ($1.y, $1.x0, $1.x1) }) {
      if let last = merged.last, last.y == span.y, span.x0 <= last.x1 + 1 {
        merged[merged.count - 1] = Span(y: last.y, x0: last.x0, x1: max(last.x1, span.x1))
      } else {
        merged.append(span)
      }
    }
    self.spans = merged
  }

  /// A region from runs that came from a file: row, first and last column.
  ///
  /// - Throws: ``CatalogError/invalidSpans(_:)`` unless they are as a region has them, and where an image can be.
  package init(checking runs: some Sequence<(y: Int, x0: Int, x1: Int)>) throws(CatalogError) {
    var spans: [Span] = []
    let limits = Box2I.dataLimits
    for (y, x0, x1) in runs {
      guard limits.contains(y), limits.contains(x0), limits.contains(x1), x0 <= x1 else {
        throw .invalidSpans("columns \(x0) to \(x1) of row \(y) are no run of pixels")
      }
      if let last = spans.last, (last.y, last.x1 + 1) >= (y, x0) {
        throw .invalidSpans("the runs of a footprint are out of order, overlap or touch in row \(y)")
      }
      spans.append(Span(y: y, x0: x0, x1: x1))
    }
    self.spans = spans
  }

  /// For runs that are sorted, apart and not empty.
  init(normalized spans: [Span]) { self.spans = spans }

  package init(_ box: Box2I) {
    spans = box.isEmpty ? [] : (box.minY..<box.endY).map { Span(y: $0, x0: box.minX, x1: box.maxX) }
  }

  /// The pixels of a box for which a condition holds, such as that their mask has a bit.
  package init(of box: Box2I, where isInside: (_ x: Int, _ y: Int) -> Bool) {
    var spans: [Span] = []
    for y in box.minY..<box.endY {
      var start: Int?
      for x in box.minX..<box.endX {
        if isInside(x, y) {
          start = start ?? x
        } else if let first = start {
          spans.append(Span(y: y, x0: first, x1: x - 1))
          start = nil
        }
      }
      if let first = start { spans.append(Span(y: y, x0: first, x1: box.maxX)) }
    }
    self.spans = spans
  }

  package var isEmpty: Bool { spans.isEmpty }

  /// The number of pixels.
  package var area: Int { spans.reduce(0) { $0 + $1.count } }

  /// The smallest box around the region.
  package var box: Box2I {
    guard let first = spans.first, let last = spans.last else { return Box2I(width: 0, height: 0) }
    var (low, high) = (first.x0, first.x1)
    for span in spans {
      low = min(low, span.x0)
      high = max(high, span.x1)
    }
    return Box2I(minimum: Point2I(x: low, y: first.y), maximum: Point2I(x: high, y: last.y))
  }

  package func contains(_ pixel: Point2I) -> Bool { contains(x: pixel.x, y: pixel.y) }

  package func contains(x: Int, y: Int) -> Bool {
    // The last run that begins at or before the pixel.
    var (low, high) = (0, spans.count)
    while low < high {
      let middle = (low + high) / 2
      if (spans[middle].y, spans[middle].x0) <= (y, x) { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return false }
    let span = spans[low - 1]
    return span.y == y && x <= span.x1
  }

  /// Mean position of the pixels.
  ///
  /// - Returns: `nil` for an empty region.
  package var centroid: Point2D? {
    guard !isEmpty else { return nil }
    var (sumX, sumY) = (0.0, 0.0)
    for span in spans {
      sumX += Double(span.count) * Double(span.x0 + span.x1) / 2
      sumY += Double(span.count) * Double(span.y)
    }
    return Point2D(x: sumX / Double(area), y: sumY / Double(area))
  }

  /// Second moments xx, yy, xy of the pixel centres about the centroid; 0 for an empty region.
  package var moments: SIMD3<Double> {
    guard let centroid else { return .zero }
    var sum = SIMD3<Double>.zero
    for span in spans {
      let dy = Double(span.y) - centroid.y
      for x in span.x0...span.x1 {
        let dx = Double(x) - centroid.x
        sum += SIMD3(dx * dx, dy * dy, dx * dy)
      }
    }
    return sum / Double(area)
  }

  package func shifted(x dx: Int, y dy: Int) -> SpanSet {
    SpanSet(normalized: spans.map { Span(y: $0.y + dy, x0: $0.x0 + dx, x1: $0.x1 + dx) })
  }

  /// What of the region lies in a box.
  package func clipped(to box: Box2I) -> SpanSet {
    guard !box.isEmpty else { return .empty }
    return SpanSet(
      normalized: spans.compactMap { span in
        let (x0, x1) = (max(span.x0, box.minX), min(span.x1, box.maxX))
        return span.y >= box.minY && span.y <= box.maxY && x0 <= x1 ? Span(y: span.y, x0: x0, x1: x1) : nil
      })
  }
}
