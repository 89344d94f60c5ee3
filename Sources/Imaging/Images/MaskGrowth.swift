// SPDX-License-Identifier: GPL-3.0-or-later
// Masks that reach further.

internal import SkyGeometry

extension Mask {
  /// Sets some bits also on all pixels within a square about those that have any of them.
  ///
  /// - Parameters:
  ///   - pattern: bits that grow; a pixel that is reached gets all of them.
  ///   - radius: half the side of the square without its centre; 0 leaves the mask as it is.
  package func growing(_ pattern: UInt32, by radius: Int) -> Mask {
    guard radius > 0, !box.isEmpty else { return self }
    var result = self
    // Along the rows, then along the columns: how many more pixels the last one that was set still reaches.
    for y in box.minY..<box.endY {
      let source = bits.row(y)
      result.bits.withMutableRow(y) { row in
        var reach = 0
        for i in row.indices {
          reach = source[i] & pattern != 0 ? radius + 1 : max(0, reach - 1)
          if reach > 0 { row[i] |= pattern }
        }
        reach = 0
        for i in row.indices.reversed() {
          reach = source[i] & pattern != 0 ? radius + 1 : max(0, reach - 1)
          if reach > 0 { row[i] |= pattern }
        }
      }
    }
    let across = result.bits
    for rows in [Array(box.minY..<box.endY), Array((box.minY..<box.endY).reversed())] {
      var reach = [Int](repeating: 0, count: box.width)
      for y in rows {
        let source = across.row(y)
        result.bits.withMutableRow(y) { row in
          for i in row.indices {
            reach[i] = source[i] & pattern != 0 ? radius + 1 : max(0, reach[i] - 1)
            if reach[i] > 0 { row[i] |= pattern }
          }
        }
      }
    }
    return result
  }
}
