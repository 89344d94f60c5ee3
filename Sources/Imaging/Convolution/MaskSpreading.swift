// SPDX-License-Identifier: GPL-3.0-or-later
// Which mask bits reach a convolved pixel.

internal import SkyGeometry

/// The bits of all input pixels under a kernel's pixels that are not exactly zero.
///
/// - Returns: an image over `good`.
func spreadMask(_ bits: Image<UInt32>, over kernel: Kernel, good: Box2I) -> Image<UInt32> {
  let isUsed = (0..<kernel.width * kernel.height).map { i in kernel.planes.contains { $0.pixels[i] != 0 } }
  if isUsed.allSatisfy({ $0 }) {
    return runningOr(bits, width: kernel.width, height: kernel.height).moved(toX: good.minX, y: good.minY)
  }
  var result = Image<UInt32>(box: good, fill: 0)
  for y in good.minY..<good.endY {
    result.withMutableRow(y) { row in
      for v in 0..<kernel.height {
        let source = bits.row(y - kernel.centerY + v)
        for u in 0..<kernel.width where isUsed[v * kernel.width + u] {
          for i in row.indices { row[i] |= source[i + u] }
        }
      }
    }
  }
  return result
}

/// The OR over every rectangle of a size that fits into an image; pixel (0, 0) of the result is the first such rectangle.
///
/// Rectangles of doubling sides: `2 log₂` passes over the image instead of `width · height` (differencing D2.7).
func runningOr(_ bits: Image<UInt32>, width: Int, height: Int) -> Image<UInt32> {
  let (columns, rows) = (bits.width, bits.height)
  var work = bits.pixels
  work.withUnsafeMutableBufferPointer { p in
    // After a pass of shift s, a value is the OR of twice as many neighbours.
    for shift in doublingShifts(width) {
      for y in 0..<rows {
        let start = y * columns
        for i in start..<start + max(0, columns - shift) { p[i] |= p[i + shift] }
      }
    }
    for shift in doublingShifts(height) {
      for i in 0..<max(0, rows - shift) * columns { p[i] |= p[i + shift * columns] }
    }
  }
  return Image(box: Box2I(width: max(0, columns - width + 1), height: max(0, rows - height + 1))) { x, y in
    work[y * columns + x]
  }
}

/// Shifts whose successive ORs reach exactly `length` neighbours: 1, 2, 4, … and what is left.
private func doublingShifts(_ length: Int) -> [Int] {
  var shifts: [Int] = []
  var reached = 1
  while reached < length {
    let shift = min(reached, length - reached)
    shifts.append(shift)
    reached += shift
  }
  return shifts
}
