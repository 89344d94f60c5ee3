// SPDX-License-Identifier: GPL-3.0-or-later
// Each child of a blend by itself.

internal import Catalogs
internal import Imaging
internal import Measurement
internal import SkyGeometry

/// While a child of a blend is measured, the blend's pixels are its share of them alone.
struct BlendPixels: PixelReplacement {
  private let footprints: [Footprint?]
  /// By row: the rows of its blend, itself included; empty for sources that are in none.
  private let siblings: [[Int]]
  private let original: Image<Float>

  /// - Parameter blend: the column with the number of a source's blend.
  init(_ catalog: Catalog, blend: Key<Int32>, image: Image<Float>) {
    let footprints = (0..<catalog.rowCount).map { catalog.footprint(row: $0) }
    self.footprints = footprints
    original = image
    var members: [Int32: [Int]] = [:]
    // One that was united with a detection of the other sign is a neighbour still.
    for row in 0..<catalog.rowCount where catalog[blend, row] > 0 {
      members[catalog[blend, row], default: []].append(row)
    }
    siblings = (0..<catalog.rowCount).map { row in
      footprints[row]?.isHeavy == true ? members[catalog[blend, row]] ?? [] : []
    }
  }

  func insert(_ row: Int, into image: inout Image<Float>) {
    guard !siblings[row].isEmpty, let own = footprints[row], let heavy = own.heavy else { return }
    for sibling in siblings[row] {
      forEachRun(of: footprints[sibling], in: image) { y, columns in
        image.withMutableRow(y) { pixels in for i in columns { pixels[i] = 0 } }
      }
    }
    var next = 0
    forEachRun(of: own, in: image) { y, columns in
      image.withMutableRow(y) { pixels in
        for i in columns {
          pixels[i] = heavy.image[next]
          next += 1
        }
      }
    }
  }

  func remove(_ row: Int, from image: inout Image<Float>) {
    for sibling in siblings[row] {
      forEachRun(of: footprints[sibling], in: image) { y, columns in
        let source = original.row(y)
        image.withMutableRow(y) { pixels in for i in columns { pixels[i] = source[i] } }
      }
    }
  }

  /// The runs of a footprint, by row and columns of the image; heavy footprints lie within their images.
  private func forEachRun(
    of footprint: Footprint?, in image: Image<Float>, _ body: (_ y: Int, _ columns: Range<Int>) -> Void
  ) {
    let box = image.box
    for span in footprint?.spans.clipped(to: box).spans ?? [] {
      body(span.y, span.x0 - box.minX..<span.x1 + 1 - box.minX)
    }
  }
}
