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

    /// - Throws: ``ImagingError/invalidParameter(_:)`` for even sides, an outline that has no inside, or a weight that is not
    ///   positive and finite.
    package init(kernel: Kernel, outline: [Point2D], weight: Double) throws(ImagingError) {
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
  }

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
    let here = components.filter { $0.contains(position) }
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

  /// The same with all weights multiplied by a number, as a part of a larger coadd has it.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for a factor that is not positive and finite.
  package func reweighted(by factor: Double) throws(ImagingError) -> CoaddPSF {
    try CoaddPSF(
      try components.map { component throws(ImagingError) in
        try Component(kernel: component.kernel, outline: component.outline, weight: component.weight * factor)
      }, averagePosition: averagePosition)
  }
}
