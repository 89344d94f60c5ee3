// SPDX-License-Identifier: GPL-3.0-or-later
// How an axis is divided into cells.

internal import SkyGeometry

/// The division of an axis of pixels into cells as equal as whole pixels allow (framework A.8).
package struct BackgroundCells: Hashable, Sendable {
  /// First pixel of each cell, 0-based, and one past the last.
  package let edges: [Int]

  /// - Throws: ``ImagingError`` for an axis without pixels or cells, or with more cells than pixels.
  package init(length: Int, count: Int) throws(ImagingError) {
    guard length > 0 else { throw .invalidParameter("background: the image has no pixels") }
    guard count > 0 else {
      throw .sizeMismatch(
        what: "the number of background cells along an axis", found: "\(count)", expected: "at least 1")
    }
    guard count <= length else {
      throw .invalidParameter("background: \(count) cells along an axis of \(length) pixels; each needs a pixel")
    }
    var edges = [0]
    for cell in 1...count {
      let end: Int = (cell * length + count / 2) / count
      edges.append(min(end, length))
    }
    self.edges = edges
  }

  package var count: Int { edges.count - 1 }

  /// Centre of each cell, 0-based; pixel centres are integers.
  package var centers: [Double] {
    (0..<count).map { (cell: Int) -> Double in
      let size = Double(edges[cell + 1] - edges[cell])
      return Double(edges[cell]) + 0.5 * size - 0.5
    }
  }
}
