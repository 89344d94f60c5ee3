// SPDX-License-Identifier: GPL-3.0-or-later
// The local maxima of a detection.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Finds the local maxima of the image, or for negative sources its minima (detection-measurement A.5.9).
///
/// A pixel is a peak when none of its eight neighbours is higher, those outside of the region included. Pixels that touch and
/// have one value are one plateau with one peak at most: its pixel nearest to its middle. (The reference makes each of them a
/// peak.) On the border of what is searched, where neighbours are missing, there are no peaks. A region without a peak has its
/// highest pixel as one.
struct PeakFinder {
  let image: Image<Float>
  /// The part that is searched.
  let box: Box2I
  /// 1, or −1 for minima.
  let sign: Float

  /// The peaks of a region: the strongest first, equal ones by column, then row.
  ///
  /// Also for negative sources the strongest, unlike the reference, which puts the faintest first (G-1).
  func peaks(of region: SpanSet) -> [Peak] {
    var found: [Point2I] = []
    var seen: Set<Point2I> = []
    let origin = image.box.minX
    for span in region.spans where span.y > box.minY && span.y < box.maxY {
      let (below, row, above) = (image.row(span.y - 1), image.row(span.y), image.row(span.y + 1))
      let (first, last) = (max(span.x0, box.minX + 1) - origin, min(span.x1, box.maxX - 1) - origin)
      guard first <= last else { continue }
      for i in first...last {
        let value = sign * row[i]
        if sign * row[i - 1] > value || sign * row[i + 1] > value { continue }
        if sign * below[i - 1] > value || sign * below[i] > value || sign * below[i + 1] > value { continue }
        if sign * above[i - 1] > value || sign * above[i] > value || sign * above[i + 1] > value { continue }
        let pixel = Point2I(x: i + origin, y: span.y)
        let isLevel =
          row[i - 1] == row[i] || row[i + 1] == row[i] || below[i - 1] == row[i] || below[i] == row[i]
          || below[i + 1] == row[i] || above[i - 1] == row[i] || above[i] == row[i] || above[i + 1] == row[i]
        if !isLevel {
          found.append(pixel)
        } else if !seen.contains(pixel), let top = top(ofPlateauAt: pixel, in: region, &seen) {
          found.append(top)
        }
      }
    }
    if found.isEmpty { found = highestPixel(of: region) }
    return found.map(peak).sorted(by: isBefore)
  }

  private func peak(_ pixel: Point2I) -> Peak {
    Peak(
      id: 0, position: Point2D(pixel), pixel: pixel, value: image[pixel.x, pixel.y], isFromPositive: sign > 0,
      isFromNegative: sign < 0)
  }

  /// The pixel of a plateau nearest to its middle; `nil` when it has a higher neighbour.
  private func top(ofPlateauAt start: Point2I, in region: SpanSet, _ seen: inout Set<Point2I>) -> Point2I? {
    let level = image[start.x, start.y]
    var plateau: [Point2I] = []
    var waiting = [start]
    var isTop = true
    seen.insert(start)
    while let pixel = waiting.popLast() {
      plateau.append(pixel)
      for (dx, dy) in neighbourOffsets {
        let next = Point2I(x: pixel.x + dx, y: pixel.y + dy)
        guard box.contains(next) else { continue }
        let value = image[next.x, next.y]
        if sign * value > sign * level { isTop = false }
        if value == level, !seen.contains(next), region.contains(next) {
          seen.insert(next)
          waiting.append(next)
        }
      }
    }
    guard isTop else { return nil }
    let count = Double(plateau.count)
    let middle = Point2D(
      x: plateau.reduce(0) { $0 + Double($1.x) } / count, y: plateau.reduce(0) { $0 + Double($1.y) } / count)
    return plateau.min { a, b in
      let (toA, toB) = (Point2D(a).distance(to: middle), Point2D(b).distance(to: middle))
      return (toA, a.y, a.x) < (toB, b.y, b.x)
    }
  }

  private func highestPixel(of region: SpanSet) -> [Point2I] {
    var best: (pixel: Point2I, value: Float)?
    for span in region.spans {
      let row = image.row(span.y)
      for x in span.x0...span.x1 {
        let value = sign * row[x - image.box.minX]
        if value > best?.value ?? -.infinity { best = (Point2I(x: x, y: span.y), value) }
      }
    }
    return best.map { [$0.pixel] } ?? []
  }
}

private let neighbourOffsets = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)]

/// The order of a footprint's peaks: the strongest first, equal ones by column, then row.
func isBefore(_ a: Peak, _ b: Peak) -> Bool {
  let (sizeOfA, sizeOfB) = (abs(a.value), abs(b.value))
  return sizeOfA > sizeOfB || (sizeOfA == sizeOfB && (a.pixel.x, a.pixel.y) < (b.pixel.x, b.pixel.y))
}
