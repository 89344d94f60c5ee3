// SPDX-License-Identifier: GPL-3.0-or-later
// The PSF of an image that is made of several.

package import SkyGeometry

/// The PSF of a warp or coadd: at every position the weighted mean of the PSFs of those images that contribute there.
///
/// It changes abruptly where a detector ends, as the image does.
package struct CoaddPSF: PSF, Equatable {
  /// One image that contributes.
  package struct Component: Sendable, Equatable {
    /// Its PSF on the pixels of the coadd, as a function of the position there.
    package var kernel: Kernel
    /// Outline of its pixels in the coadd's pixels: positions in order, at least three.
    package var outline: [Point2D]
    /// Relative to those of the other components; positive.
    package var weight: Double
    /// Which image it is a part of: of the detectors of one visit the first that has a position counts, as of their pixels.
    package var image: Int

    /// - Throws: ``ImagingError/invalidParameter(_:)`` for even sides, an outline that has no inside, or a weight that is not
    ///   positive and finite.
    package init(kernel: Kernel, outline: [Point2D], weight: Double, image: Int = 0) throws(ImagingError) {
      guard kernel.width % 2 == 1, kernel.height % 2 == 1 else {
        throw .invalidParameter("a PSF image must have odd sides, not \(kernel.width)×\(kernel.height)")
      }
      guard outline.count >= 3, outline.allSatisfy(\.isFinite) else {
        throw .invalidParameter("the outline of a coadd's component has \(outline.count) finite corners; it needs 3")
      }
      guard weight > 0, weight.isFinite else {
        throw .invalidParameter("the weight of a coadd's component is \(weight)")
      }
      self.kernel = kernel
      self.outline = outline
      self.weight = weight
      self.image = image
    }

    /// Whether a position is inside of the outline: a ray from it crosses an odd number of edges.
    package func contains(_ position: Point2D) -> Bool {
      var isInside = false
      for (i, a) in outline.enumerated() {
        let b = outline[(i + 1) % outline.count]
        guard (a.y > position.y) != (b.y > position.y) else { continue }
        if position.x < a.x + (position.y - a.y) / (b.y - a.y) * (b.x - a.x) { isInside.toggle() }
      }
      return isInside
    }

    /// About how many pixels of a box are inside of the outline, and one of their positions, close to the middle of them.
    ///
    /// - Returns: `nil` when none of 17² positions is inside.
    package func overlap(with box: Box2I) -> (area: Double, position: Point2D)? {
      guard let hull = Box2D(around: outline), let common = Box2D(box).intersection(hull) else { return nil }
      let side = 17
      let inside = (0..<side * side).map { k in
        Point2D(
          x: common.minX + common.width * (Double(k % side) + 0.5) / Double(side),
          y: common.minY + common.height * (Double(k / side) + 0.5) / Double(side))
      }.filter(contains)
      guard !inside.isEmpty else { return nil }
      let sum = inside.reduce(Point2D(x: 0, y: 0), +)
      let middle = sum * (1 / Double(inside.count))
      let nearest = inside.min { $0.distance(to: middle) < $1.distance(to: middle) } ?? middle
      return (common.width * common.height * Double(inside.count) / Double(side * side), nearest)
    }
  }

  /// At a position that several components of one image have, the first counts.
  package let components: [Component]
  package let averagePosition: Point2D

  /// - Throws: ``ImagingError/invalidParameter(_:)`` without components.
  package init(_ components: [Component], averagePosition: Point2D) throws(ImagingError) {
    guard !components.isEmpty else { throw .invalidParameter("the PSF of a coadd without components") }
    self.components = components
    self.averagePosition = averagePosition
  }

  /// - Throws: ``ImagingError/outOfRange(_:)`` where no component contributes.
  package func kernelImage(at position: Point2D) throws(ImagingError) -> Image<Double> {
    let here = components(at: position)
    guard let first = here.first else {
      throw .outOfRange("there is no PSF at (\(position.x), \(position.y)): no image contributes there")
    }
    if here.count == 1 { return try normalizedStamp(first.kernel.image(at: position)) }
    let (halfX, halfY) = (here.map { $0.kernel.centerX }.max() ?? 0, here.map { $0.kernel.centerY }.max() ?? 0)
    var sum = Image<Double>(
      box: Box2I(minX: -halfX, minY: -halfY, width: 2 * halfX + 1, height: 2 * halfY + 1), fill: 0)
    for component in here {
      let image = try normalizedStamp(component.kernel.image(at: position))
      for y in image.box.minY..<image.box.endY {
        let source = image.row(y)
        sum.withMutableRow(y) { row in
          let offset = image.box.minX + halfX
          for i in source.indices { row[offset + i] += component.weight * source[i] }
        }
      }
    }
    return try normalizedStamp(sum)
  }

  /// How many images contribute at a position.
  package func inputCount(at position: Point2D) -> Int { components(at: position).count }

  /// Of each image that contributes at a position the first component that has it.
  private func components(at position: Point2D) -> [Component] {
    var images: Set<Int> = []
    return components.filter { $0.contains(position) && images.insert($0.image).inserted }
  }

  /// The components of a warp as one image of a larger coadd has them: weights multiplied by a number.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a factor that is not positive and finite.
  package func components(asImage image: Int, weight factor: Double) throws(ImagingError) -> [Component] {
    try components.map { component throws(ImagingError) in
      try Component(
        kernel: component.kernel, outline: component.outline, weight: component.weight * factor, image: image)
    }
  }
}
