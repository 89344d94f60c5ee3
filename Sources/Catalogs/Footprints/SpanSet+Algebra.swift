// SPDX-License-Identifier: GPL-3.0-or-later
// Unions, overlaps, growth and parts of regions.

package import SkyGeometry

/// What a region grows or shrinks by.
package enum Stencil: String, CaseIterable, Hashable, Sendable {
  case disk, diamond, box

  /// How far it reaches to both sides at a distance from its middle row; `nil` beyond it.
  package func halfWidth(atRow dy: Int, radius: Double) -> Int? {
    let rest = radius - Double(abs(dy))
    guard rest >= 0 else { return nil }
    switch self {
    case .disk: return Int((radius * radius - Double(dy * dy)).squareRoot())
    case .diamond: return Int(rest)
    case .box: return Int(radius)
    }
  }
}

extension SpanSet {
  package func union(_ other: SpanSet) -> SpanSet { SpanSet(spans + other.spans) }

  /// The pixels in both regions.
  package func intersection(_ other: SpanSet) -> SpanSet {
    var result: [Span] = []
    var (i, j) = (0, 0)
    while i < spans.count, j < other.spans.count {
      let (a, b) = (spans[i], other.spans[j])
      if a.y == b.y {
        let (x0, x1) = (max(a.x0, b.x0), min(a.x1, b.x1))
        if x0 <= x1 { result.append(Span(y: a.y, x0: x0, x1: x1)) }
      }
      if (a.y, a.x1) < (b.y, b.x1) { i += 1 } else { j += 1 }
    }
    return SpanSet(normalized: result)
  }

  package func overlaps(_ other: SpanSet) -> Bool { !intersection(other).isEmpty }

  /// The pixels of this region that are not in the other.
  package func subtracting(_ other: SpanSet) -> SpanSet {
    var result: [Span] = []
    var j = 0
    for span in spans {
      while j < other.spans.count, (other.spans[j].y, other.spans[j].x1) < (span.y, span.x0) { j += 1 }
      var start = span.x0
      var k = j
      while k < other.spans.count, other.spans[k].y == span.y, other.spans[k].x0 <= span.x1 {
        if other.spans[k].x0 > start { result.append(Span(y: span.y, x0: start, x1: other.spans[k].x0 - 1)) }
        start = max(start, other.spans[k].x1 + 1)
        k += 1
      }
      if start <= span.x1 { result.append(Span(y: span.y, x0: start, x1: span.x1)) }
    }
    return SpanSet(normalized: result)
  }

  /// The region grown by a stencil about each of its pixels (detection-measurement A.5.13).
  ///
  /// - Precondition: the radius is 0 to 10,000.
  package func dilated(by radius: Double, _ stencil: Stencil = .disk) -> SpanSet {
    precondition(radius >= 0 && radius <= 10_000)
    var result: [Span] = []
    for dy in -Int(radius)...Int(radius) {
      guard let half = stencil.halfWidth(atRow: dy, radius: radius) else { continue }
      result += spans.map { Span(y: $0.y + dy, x0: $0.x0 - half, x1: $0.x1 + half) }
    }
    return SpanSet(result)
  }

  /// The pixels about which the whole stencil lies in the region.
  ///
  /// - Precondition: the radius is 0 to 10,000.
  package func eroded(by radius: Double, _ stencil: Stencil = .disk) -> SpanSet {
    precondition(radius >= 0 && radius <= 10_000)
    var result: SpanSet?
    for dy in -Int(radius)...Int(radius) {
      guard let half = stencil.halfWidth(atRow: dy, radius: radius) else { continue }
      let allowed = SpanSet(
        normalized: spans.compactMap {
          $0.x0 + half <= $0.x1 - half ? Span(y: $0.y - dy, x0: $0.x0 + half, x1: $0.x1 - half) : nil
        })
      result = result?.intersection(allowed) ?? allowed
    }
    return result ?? self
  }

  /// The connected parts, in the order of their first pixels; pixels that share a corner only are connected when `byCorners`.
  package func connectedParts(byCorners: Bool = true) -> [SpanSet] {
    var parents = Array(spans.indices)
    func root(_ i: Int) -> Int {
      var i = i
      while parents[i] != i {
        parents[i] = parents[parents[i]]
        i = parents[i]
      }
      return i
    }
    let reach = byCorners ? 1 : 0
    var above = 0
    for i in spans.indices {
      // The first run of the row above that reaches this one; runs of one row are in order.
      while above < i, (spans[above].y, spans[above].x1 + reach) < (spans[i].y - 1, spans[i].x0) { above += 1 }
      var j = above
      while j < i, spans[j].y == spans[i].y - 1, spans[j].x0 - reach <= spans[i].x1 {
        if spans[j].x1 + reach >= spans[i].x0 {
          let (a, b) = (root(i), root(j))
          parents[max(a, b)] = min(a, b)
        }
        j += 1
      }
    }
    var order: [Int] = []
    var groups: [Int: [Span]] = [:]
    for i in spans.indices {
      let group = root(i)
      if groups[group] == nil { order.append(group) }
      groups[group, default: []].append(spans[i])
    }
    return order.map { SpanSet(normalized: groups[$0] ?? []) }
  }

  /// The pixels whose centres lie in an ellipse of given second moments: the points within one standard deviation times `scale`.
  ///
  /// - Parameter moments: xx, yy, xy in px².
  /// - Returns: `nil` for moments that are of no ellipse, or one beyond where an image can be.
  package init?(ellipseAt center: Point2D, moments: SIMD3<Double>, scale: Double = 1) {
    let (xx, yy, xy) = (moments.x * scale * scale, moments.y * scale * scale, moments.z * scale * scale)
    let determinant = xx * yy - xy * xy
    guard center.isFinite, xx > 0, yy > 0, determinant > 0, determinant.isFinite,
      let low = Box2I.pixelIndex(center.y - yy.squareRoot() - 1),
      let high = Box2I.pixelIndex(center.y + yy.squareRoot() + 1), high - low < 1 << 20,
      Box2I.pixelIndex(center.x - xx.squareRoot() - 1) != nil, Box2I.pixelIndex(center.x + xx.squareRoot() + 1) != nil
    else { return nil }
    var spans: [Span] = []
    for y in low...high {
      let dy = Double(y) - center.y
      // x where (dx² yy − 2 dx dy xy + dy² xx) / determinant = 1.
      let discriminant = determinant * (yy - dy * dy)
      guard discriminant >= 0 else { continue }
      let middle = center.x + dy * xy / yy
      let half = discriminant.squareRoot() / yy
      let (first, last) = ((middle - half).rounded(.up), (middle + half).rounded(.down))
      if first <= last { spans.append(Span(y: y, x0: Int(first), x1: Int(last))) }
    }
    self.init(normalized: spans)
  }
}
