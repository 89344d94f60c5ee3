// SPDX-License-Identifier: GPL-3.0-or-later
// Square parts of an image, stacked.

package import SkyGeometry

/// Squares of one size about pixels of an image; NaN beyond its edges.
package struct Cutouts: Sendable, Hashable {
  /// Of each square, pixels.
  package let side: Int
  /// How many squares there are.
  package let count: Int
  /// Square by square, row by row.
  package let pixels: [Float]

  /// - Parameter centers: the middle pixel of each; `nil` for a square without data.
  /// - Precondition: the side is odd, 1 to 1001.
  package init(of image: Image<Float>, at centers: [Point2I?], side: Int) {
    precondition(side % 2 == 1 && side <= 1001)
    self.side = side
    count = centers.count
    var pixels = [Float](repeating: .nan, count: centers.count * side * side)
    for (number, center) in centers.enumerated() {
      guard let center else { continue }
      let corner = Point2I(x: center.x - side / 2, y: center.y - side / 2)
      let common = Box2I(minX: corner.x, minY: corner.y, width: side, height: side).intersection(image.box)
      guard !common.isEmpty else { continue }
      for y in common.minY..<common.endY {
        let row = image.row(y)
        let start = (number * side + y - corner.y) * side - corner.x
        for x in common.minX..<common.endX { pixels[start + x] = row[x - image.box.minX] }
      }
    }
    self.pixels = pixels
  }

  /// Squares as a file holds them.
  ///
  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)``.
  package init(pixels: [Float], side: Int, count: Int) throws(ImagingError) {
    guard side > 0, count >= 0, side <= 1001, count <= pixels.count, pixels.count == count * side * side else {
      throw .sizeMismatch(
        what: "the number of pixels of \(count) cutouts", found: "\(pixels.count)", expected: "\(count) × \(side)²")
    }
    (self.pixels, self.side, self.count) = (pixels, side, count)
  }

  package static func == (a: Cutouts, b: Cutouts) -> Bool {
    a.side == b.side && a.count == b.count && a.pixels.elementsEqual(b.pixels) { $0.bitPattern == $1.bitPattern }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(side)
    hasher.combine(count)
  }
}
