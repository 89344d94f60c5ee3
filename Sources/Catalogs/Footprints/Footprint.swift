// SPDX-License-Identifier: GPL-3.0-or-later
// Where a detection is.

package import SkyGeometry

/// A local maximum in a footprint; minimum for a negative detection.
package struct Peak: Hashable, Sendable {
  package var id: Int64
  /// Position, interpolated.
  package var position: Point2D
  /// The pixel of the extremum.
  package var pixel: Point2I
  /// Value of the detection image there, in its own unit.
  package var value: Float
  /// In standard deviations, positive for both polarities; NaN when unknown.
  package var significance: Double
  package var isFromPositive: Bool
  package var isFromNegative: Bool

  package init(
    id: Int64, position: Point2D, pixel: Point2I, value: Float, significance: Double = .nan,
    isFromPositive: Bool = false, isFromNegative: Bool = false
  ) {
    self.id = id
    self.position = position
    self.pixel = pixel
    self.value = value
    self.significance = significance
    self.isFromPositive = isFromPositive
    self.isFromNegative = isFromNegative
  }

  /// Equal also where the significance of both is unknown.
  package static func == (a: Peak, b: Peak) -> Bool {
    a.id == b.id && a.position == b.position && a.pixel == b.pixel && a.value == b.value
      && (a.significance == b.significance || (a.significance.isNaN && b.significance.isNaN))
      && a.isFromPositive == b.isFromPositive && a.isFromNegative == b.isFromNegative
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(id)
    hasher.combine(pixel)
  }
}

/// Where a detection is: its pixels, its peaks (the first stands for it), and the image that it was found in.
package struct Footprint: Hashable, Sendable {
  package let spans: SpanSet
  package var peaks: [Peak]
  /// The pixels of the image that was searched.
  package let region: Box2I
  /// Pixel values of its own, as a deblender gives them; `nil` for a plain footprint.
  package let heavy: HeavyPixels?

  package init(_ spans: SpanSet, peaks: [Peak] = [], region: Box2I) {
    self.spans = spans
    self.peaks = peaks
    self.region = region
    heavy = nil
  }

  /// A heavy footprint.
  ///
  /// - Throws: ``CatalogError/lengthMismatch(what:found:expected:)`` unless there is one value of each kind a pixel.
  package init(_ spans: SpanSet, peaks: [Peak], region: Box2I, heavy: HeavyPixels) throws(CatalogError) {
    for (what, found) in [("image", heavy.image.count), ("mask", heavy.mask.count), ("variance", heavy.variance.count)]
    where found != spans.area {
      throw .lengthMismatch(
        what: "the number of \(what) values of a heavy footprint", found: found, expected: spans.area)
    }
    self.spans = spans
    self.peaks = peaks
    self.region = region
    self.heavy = heavy
  }

  package var isHeavy: Bool { heavy != nil }
  package var area: Int { spans.area }
  package var box: Box2I { spans.box }
}

/// The pixels of a heavy footprint, run by run.
package struct HeavyPixels: Hashable, Sendable {
  package var image: [Float]
  package var mask: [UInt32]
  package var variance: [Float]

  package init(image: [Float], mask: [UInt32], variance: [Float]) {
    self.image = image
    self.mask = mask
    self.variance = variance
  }

  /// Equal bits, so that NaN equals itself.
  package static func == (a: HeavyPixels, b: HeavyPixels) -> Bool {
    a.mask == b.mask && a.image.elementsEqual(b.image) { $0.bitPattern == $1.bitPattern }
      && a.variance.elementsEqual(b.variance) { $0.bitPattern == $1.bitPattern }
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(mask) }
}
