// SPDX-License-Identifier: GPL-3.0-or-later
// Strips of rows that fit into memory.

internal import SkyGeometry

/// How a box is cut into strips of rows.
struct StripPlan {
  /// The rows of each strip's result.
  let strips: [Range<Int>]

  /// As many rows at a time as memory allows: all that a row of all inputs takes while it is combined is counted.
  init(box: Box2I, inputCount: Int, memory: Int) {
    // Three planes as read, five as combined.
    let bytesPerRow = max(1, box.width) * max(1, inputCount) * (3 * 4 + 5 * 4)
    let rows = min(max(memory / bytesPerRow - 2 * Self.margin, 8), 256)
    strips = stride(from: box.minY, to: box.endY, by: rows).map { $0..<min($0 + rows, box.endY) }
  }

  /// Rows on both sides that outliers of a strip depend on.
  static let margin = 2

  static func input(of strip: Range<Int>, in box: Box2I) -> Range<Int> {
    max(strip.lowerBound - margin, box.minY)..<min(strip.upperBound + margin, box.endY)
  }
}
