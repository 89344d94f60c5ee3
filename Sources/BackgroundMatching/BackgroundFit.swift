// SPDX-License-Identifier: GPL-3.0-or-later
// The smooth surface through a difference image.

package import Imaging
package import SkyGeometry

/// The smooth surface through a difference image.
struct BackgroundFit: Sendable {
  let model: BackgroundModel
  /// The model at every pixel of the difference.
  let image: Image<Float>
  /// As ``BackgroundMatch/extrapolatedFraction``.
  let extrapolatedFraction: Double
  /// What was done otherwise than asked for.
  private(set) var warnings: [String] = []

  /// - Throws: ``MatchBackgroundsError``: ``MatchBackgroundsError/tooLittleCovered(cells:order:binSize:)``, or
  ///   ``MatchBackgroundsError/modelFailed(cause:)`` for whatever else keeps the model from being made.
  init(
    _ difference: MaskedImage, _ grid: DiagnosticsGrid, _ config: MatchBackgroundsConfig, _ control: StatisticsControl
  ) throws(MatchBackgroundsError) {
    let cells = Cells(image: difference, statistic: config.statistic, control: control)
    if config.usePolynomial {
      (model, image, warnings) = try Self.polynomial(cells, grid, config)
    } else if let style = config.interpolation {
      let background = try cells.background(binSize: config.binSize)
      let model = BackgroundModel(background, interpolation: style, undersample: config.undersampleStyle)
      self.model = model
      image = try asModelFailure { () throws(ImagingError) in try model.image() }
    } else {
      model = try asModelFailure { () throws(ImagingError) in try .zero(over: difference.box) }
      image = Image(box: difference.box, fill: 0)
    }
    // Whatever a curve makes of extreme cells, pixels with data keep them.
    guard image.pixels.allSatisfy({ $0.isFinite }) else { throw .modelFailed(cause: "it is not finite everywhere") }
    extrapolatedFraction = model.background.extrapolatedFraction
  }

  /// What the cells of a model are measured with.
  private struct Cells {
    let image: MaskedImage
    let statistic: Statistic
    let control: StatisticsControl

    func background(binSize: Int) throws(MatchBackgroundsError) -> Background {
      try asModelFailure { () throws(ImagingError) in
        let cells = try Background.Control(
          covering: image.box, binSize: binSize, statistic: statistic, statistics: control)
        return try Background(of: image.image, mask: image.mask, cells)
      }
    }
  }

  private typealias Parts = (model: BackgroundModel, image: Image<Float>, warnings: [String])

  private static func polynomial(
    _ cells: Cells, _ grid: DiagnosticsGrid, _ config: MatchBackgroundsConfig
  ) throws(MatchBackgroundsError) -> Parts {
    var order = config.order
    var binSize = config.binSize
    var warnings: [String] = []
    var background = try cells.background(binSize: binSize)
    var count = grid.shorterCount
    if count <= order {
      switch config.undersampleStyle {
      case .throwException: throw .tooLittleCovered(cells: count, order: order, binSize: binSize)
      case .reduceInterpOrder:
        order = count - 1
        warnings.append("reducing the polynomial's order to \(order): the overlap has \(count) cells along an axis")
      case .increaseSampling:
        // Once would do if cells at the border of the overlap were whole.
        while count <= order {
          binSize = count * binSize / (order + 1)
          guard binSize >= 2 else { throw .tooLittleCovered(cells: count, order: order, binSize: max(1, binSize)) }
          background = try cells.background(binSize: binSize)
          count = background.shorterCountOfGoodCells
        }
        warnings.append("decreasing the bin size to \(binSize): the overlap has few cells of \(config.binSize) pixels")
      }
    }
    let isWeighted = config.approxWeighting && !grid.isUniform(epsilon: config.gridStdevEpsilon)
    let approximation = try asModelFailure { () throws(ImagingError) in
      try ChebyshevApproximation(background, order: order, isWeighted: isWeighted)
    }
    if approximation.order < order {
      warnings.append("reducing the polynomial's order to \(approximation.order): the cells do not determine more")
    }
    let model = BackgroundModel(
      background, undersample: config.undersampleStyle, approximation: .chebyshev,
      approximationOrder: approximation.order, isApproximationWeighted: isWeighted)
    return (model, try asModelFailure { () throws(ImagingError) in try approximation.image() }, warnings)
  }
}

/// - Throws: ``MatchBackgroundsError/modelFailed(cause:)`` for what goes wrong in the closure.
private func asModelFailure<Value>(
  _ body: () throws(ImagingError) -> Value
) throws(MatchBackgroundsError) -> Value {
  try withImagingErrors(as: { .modelFailed(cause: $0.description) }, body)
}

extension Background {
  /// Along the axis that has fewer, the number of rows or columns with a cell that has a value.
  fileprivate var shorterCountOfGoodCells: Int {
    let good = (0..<values.height).map { j in (0..<values.width).map { i in values[i, j].isFinite } }
    let rows = good.count { $0.contains(true) }
    let columns = (0..<values.width).count { i in good.contains { $0[i] } }
    return min(rows, columns)
  }
}

extension BackgroundModel {
  /// A surface of zero.
  ///
  /// - Throws: ``Imaging/ImagingError`` for a box without pixels.
  package static func zero(over box: Box2I) throws(ImagingError) -> BackgroundModel {
    let cell = Image<Float>(box: Box2I(width: 1, height: 1), fill: 0)
    return BackgroundModel(try Background(box: box, values: cell, errors: cell), interpolation: .constant)
  }
}
