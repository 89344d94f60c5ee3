// SPDX-License-Identifier: GPL-3.0-or-later
// Medians of many small cells.

internal import Imaging
internal import SkyGeometry

/// The median of the usable pixels of each cell of a grid; NaN where there is none.
///
/// The numbers of `Background.init(of:mask:_:)` without the errors and other statistics that it computes beside them, which for cells of 64
/// pixels take ten times as long as the medians.
///
/// - Throws: ``Imaging/ImagingError``.
func cellMedians(
  of image: MaskedImage, ignoring ignored: UInt32, _ control: Background.Control
) throws(ImagingError) -> Image<Float> {
  let columns = try BackgroundCells(length: image.width, count: control.columns)
  let rows = try BackgroundCells(length: image.height, count: control.rows)
  var result: [Float] = []
  result.reserveCapacity(columns.count * rows.count)
  // The cells of one row of the grid, side by side, each with as much room as the largest needs.
  var counts = [Int](repeating: 0, count: columns.count)
  var room = 0
  var pixels: [Float] = []
  for j in 0..<rows.count {
    let height = rows.edges[j + 1] - rows.edges[j]
    let needed = height * ((0..<columns.count).map { columns.edges[$0 + 1] - columns.edges[$0] }.max() ?? 0)
    if needed != room {
      room = needed
      pixels = [Float](repeating: 0, count: room * columns.count)
    }
    for i in counts.indices { counts[i] = 0 }
    for y in rows.edges[j]..<rows.edges[j + 1] {
      let values = image.image.row(image.box.minY + y)
      let bits = image.mask.bits.row(image.box.minY + y)
      var target = pixels.mutableSpan
      for i in 0..<columns.count {
        var n = i * room + counts[i]
        for x in columns.edges[i]..<columns.edges[i + 1] {
          let value = values[x]
          target[n] = value
          // The place is taken again by the next pixel unless this one counts; the last pixel that does not count has room, for none comes after it.
          n += bits[x] & ignored == 0 && value.isFinite ? 1 : 0
          if n == (i + 1) * room { break }
        }
        counts[i] = n - i * room
      }
    }
    for i in 0..<columns.count { result.append(median(ofFirst: counts[i], in: &pixels, from: i * room)) }
  }
  return try Image(box: Box2I(width: columns.count, height: rows.count), pixels: result)
}

/// The median of some of the numbers of a list, which it puts into another order; NaN of none.
///
/// - Precondition: the numbers are finite, and there are as many.
func median(ofFirst count: Int, in values: inout [Float], from start: Int) -> Float {
  guard count > 0 else { return .nan }
  // A histogram keeps its pace whatever the order of the numbers is.
  guard count <= 4096 else { return Float(quantiles([0.5], of: Array(values[start..<start + count]))[0]) }
  var all = values.mutableSpan
  var part = all._mutatingExtracting(start..<start + count)
  let rank = (count - 1) / 2
  select(rank: rank, in: &part)
  guard count % 2 == 0 else { return part[rank] }
  var upper = part[rank + 1]
  for i in rank + 1..<count where part[i] < upper { upper = part[i] }
  let lower = Double(part[rank])
  return Float(lower + 0.5 * (Double(upper) - lower))
}

/// Puts the number of a rank at its place in ascending order, none that is larger before it and none that is smaller behind it (Hoare 1961).
private func select(rank: Int, in values: inout MutableSpan<Float>) {
  var (low, high) = (0, values.count - 1)
  while low < high {
    let (a, b, c) = (values[low], values[low + (high - low) / 2], values[high])
    let pivot = max(min(a, b), min(max(a, b), c))
    var (i, j) = (low, high)
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      guard i <= j else { break }
      let kept = values[i]
      values[i] = values[j]
      values[j] = kept
      i += 1
      j -= 1
    }
    if rank <= j {
      high = j
    } else if rank >= i {
      low = i
    } else {
      return
    }
  }
}
