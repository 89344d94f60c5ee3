// SPDX-License-Identifier: GPL-3.0-or-later
// Backgrounds with how they are drawn, one on top of the other.

package import SkyGeometry

/// A background and how its surface is drawn (framework A.15).
package struct BackgroundModel: Hashable, Sendable {
  /// What is fitted to the cells instead of drawing a curve through them.
  package enum Approximation: String, CaseIterable, Hashable, Sendable {
    case none = "UNKNOWN"
    case chebyshev = "CHEBYSHEV"
  }

  package var background: Background
  package var interpolation: InterpolationStyle
  package var undersample: UndersampleStyle
  package var approximation: Approximation
  package var approximationOrder: Int
  package var isApproximationWeighted: Bool

  package init(
    _ background: Background, interpolation: InterpolationStyle = .akimaSpline,
    undersample: UndersampleStyle = .reduceInterpOrder, approximation: Approximation = .none,
    approximationOrder: Int = 1, isApproximationWeighted: Bool = true
  ) {
    self.background = background
    self.interpolation = interpolation
    self.undersample = undersample
    self.approximation = approximation
    self.approximationOrder = approximationOrder
    self.isApproximationWeighted = isApproximationWeighted
  }

  /// The surface at every pixel.
  ///
  /// - Throws: ``ImagingError``.
  package func image() throws(ImagingError) -> Image<Float> { try image(in: background.box) }

  /// The surface at the pixels of a part of the image.
  ///
  /// - Throws: ``ImagingError``, also for a part beyond the image.
  package func image(in part: Box2I) throws(ImagingError) -> Image<Float> {
    switch approximation {
    case .none: try background.image(in: part, interpolation, undersample: undersample)
    case .chebyshev:
      try ChebyshevApproximation(background, order: approximationOrder, isWeighted: isApproximationWeighted).image()
        .cropped(to: part)
    }
  }
}

/// Backgrounds that were subtracted one after the other; the whole is their sum.
package struct BackgroundList: Hashable, Sendable {
  /// What values are in.
  package enum Unit: String, Hashable, Sendable {
    case count
    case nanojansky = "nJy"
  }

  package var models: [BackgroundModel]
  package var unit: Unit

  package init(_ models: [BackgroundModel] = [], unit: Unit = .count) {
    self.models = models
    self.unit = unit
  }

  /// The sum of all surfaces; zero for an empty list.
  ///
  /// - Throws: ``ImagingError``, also for a background of another box.
  package func image(over box: Box2I) throws(ImagingError) -> Image<Float> {
    var sum = Image<Float>(box: box, fill: 0)
    for model in models {
      guard model.background.box == box else {
        throw .sizeMismatch(what: "a background's box", found: "\(model.background.box)", expected: "\(box)")
      }
      sum.add(try model.image(), times: 1)
    }
    return sum
  }
}
