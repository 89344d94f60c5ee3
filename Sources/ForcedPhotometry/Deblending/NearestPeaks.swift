// SPDX-License-Identifier: GPL-3.0-or-later
// What is nearest to each peak of a family.

internal import Catalogs
internal import Imaging
internal import SkyGeometry

/// Which of some peaks is nearest to each pixel of a row.
///
/// The squared distances along a row are parabolas of one form; the lowest of them changes from left to right in the order of the peaks. That makes a row cost as much as it has peaks and pixels.
private struct NearestInRow {
  /// From left to right: peaks, and up to which column each is nearest.
  private var stretches: [(peak: Int, end: Double)] = []

  /// - Parameters:
  ///   - peaks: pixels.
  ///   - order: the numbers of the peaks, by column, then number.
  init(_ peaks: [Point2I], order: [Int], y: Int) {
    func height(_ i: Int) -> Double {
      let dy = Double(peaks[i].y - y)
      return dy * dy
    }
    for i in order {
      let x = Double(peaks[i].x)
      var isNeeded = true
      while let last = stretches.last {
        let lastX = Double(peaks[last.peak].x)
        if lastX == x {
          // Of two in one column the nearer one, or the first.
          guard height(i) < height(last.peak) else {
            isNeeded = false
            break
          }
          stretches.removeLast()
          continue
        }
        // From here on the new one is nearer.
        let border = (x * x + height(i) - lastX * lastX - height(last.peak)) / (2 * (x - lastX))
        let begin = stretches.count > 1 ? stretches[stretches.count - 2].end : -.infinity
        guard border <= begin else {
          stretches[stretches.count - 1].end = border
          break
        }
        stretches.removeLast()
      }
      if isNeeded { stretches.append((i, .infinity)) }
    }
  }

  /// The nearest peak; of two the left one.
  ///
  /// - Parameter stretch: where to begin to look; it is moved on.
  func peak(at x: Int, _ stretch: inout Int) -> Int {
    while stretch + 1 < stretches.count, Double(x) > stretches[stretch].end { stretch += 1 }
    return stretches[stretch].peak
  }
}

/// Gives each pixel of a family, if it has data, to the nearest peak: what is done where no template tells more.
///
/// - Returns: by peak, a heavy footprint; `nil` for one that is nearest to no pixel.
func sharesOfNearestPeaks(_ spans: SpanSet, peaks: [Peak], of image: MaskedImage) -> [Footprint?] {
  let pixels = peaks.map(\.pixel)
  guard !pixels.isEmpty else { return [] }
  let order = pixels.indices.sorted { (pixels[$0].x, $0) < (pixels[$1].x, $1) }
  let noData = image.mask.planes.bitMask(ofExisting: ["NO_DATA"])
  var shares = [Share](repeating: Share(), count: peaks.count)
  var row: (y: Int, nearest: NearestInRow)?
  var stretch = 0
  for span in spans.clipped(to: image.box).spans {
    let nearest: NearestInRow
    if let row, row.y == span.y {
      nearest = row.nearest
    } else {
      nearest = NearestInRow(pixels, order: order, y: span.y)
      row = (span.y, nearest)
      stretch = 0
    }
    for x in span.x0...span.x1 where image.image[x, span.y].isFinite && image.mask[x, span.y] & noData == 0 {
      shares[nearest.peak(at: x, &stretch)].append(x: x, y: span.y, of: image)
    }
  }
  return zip(shares, peaks).map { share, peak in share.footprint(peaks: [peak], region: image.box) }
}

/// The pixel of a family that is nearest to a peak, as it is; the footprint is empty where the family has none in the image.
func nearestPixel(_ spans: SpanSet, peak: Peak, of image: MaskedImage) -> Footprint? {
  var nearest: (x: Int, y: Int, distance: Double)?
  for span in spans.clipped(to: image.box).spans {
    let x = min(max(peak.pixel.x, span.x0), span.x1)
    let (dx, dy) = (Double(x - peak.pixel.x), Double(span.y - peak.pixel.y))
    let distance = dx * dx + dy * dy
    if nearest.map({ distance < $0.distance }) ?? true { nearest = (x, span.y, distance) }
  }
  guard let nearest else {
    return try? Footprint(
      .empty, peaks: [peak], region: image.box, heavy: HeavyPixels(image: [], mask: [], variance: []))
  }
  var share = Share()
  share.append(x: nearest.x, y: nearest.y, of: image)
  return share.footprint(peaks: [peak], region: image.box)
}
