// SPDX-License-Identifier: GPL-3.0-or-later
// Stars on images.

internal import Imaging
internal import SkyGeometry

extension Image<Float> {
  /// Adds a stamp whose pixel (0, 0) comes to lie on a pixel; what lies outside is left out.
  mutating func add(_ stamp: Image<Double>, times flux: Double, at pixel: Point2I) {
    let moved = stamp.box.shifted(x: pixel.x, y: pixel.y)
    let common = box.intersection(moved)
    guard !common.isEmpty else { return }
    let (target, source) = (common.minX - box.minX, common.minX - moved.minX)
    let minX = common.width
    for y in common.minY..<common.endY {
      let from = stamp.row(y - pixel.y)
      withMutableRow(y) { row in
        for i in 0..<minX { row[target + i] += Float(flux * from[source + i]) }
      }
    }
  }
}

/// Draws point sources into images of one detector.
struct StarPainter {
  let moffat: MoffatField
  let focalPlane: FocalPlane
  let detector: Int

  /// The pixels that light from a position may reach into must overlap this box.
  func reaches(_ position: Point2D, _ box: Box2I) -> Bool {
    let margin = Double(moffat.radius + 1)
    return position.x > Double(box.minX) - margin && position.x < Double(box.endX) + margin
      && position.y > Double(box.minY) - margin && position.y < Double(box.endY) + margin
  }

  /// Draws a point source whose pixels' sum is `flux`, as far as they lie on the image.
  func paint(_ flux: Double, at position: Point2D, into image: inout Image<Float>) {
    guard flux != 0, reaches(position, image.box), let pixel = position.pixel else { return }
    let stamp = moffat.stamp(
      at: focalPlane.normalized(position, detector: detector), dx: position.x - Double(pixel.x),
      dy: position.y - Double(pixel.y))
    image.add(stamp, times: flux, at: pixel)
  }

  /// Draws a source that moves from one position to another, evenly, as points at most a quarter of the FWHM apart.
  ///
  /// A track shorter than a quarter of the FWHM is a point at its middle: it would widen the profile by less than 1 %.
  func paintTrail(_ flux: Double, from start: Point2D, to end: Point2D, into image: inout Image<Float>) {
    let middle = Point2D(x: (start.x + end.x) / 2, y: (start.y + end.y) / 2)
    let step = moffat.fwhm(at: focalPlane.normalized(middle, detector: detector)) / 4
    let length = start.distance(to: end)
    guard length > step else { return paint(flux, at: middle, into: &image) }
    // Tracks beyond this are as long as a large detector.
    let count = Int(exactly: min(20_000, (length / step).rounded(.up))) ?? 1
    for i in 0..<count {
      let part = (Double(i) + 0.5) / Double(count)
      let position = Point2D(x: start.x + (end.x - start.x) * part, y: start.y + (end.y - start.y) * part)
      paint(flux / Double(count), at: position, into: &image)
    }
  }
}
