// SPDX-License-Identifier: GPL-3.0-or-later
// A smooth surface fitted to a grid of cells.

package import SkyGeometry

/// A two-dimensional Chebyshev polynomial fitted to the cells of a background by least squares.
///
/// **Model.** All products Tₐ(x′) T_b(y′) with a + b ≤ order, over the real box of the image in its own pixels; cells are weighted
/// by the inverse square of their standard error. (The reference system weights by the inverse error.) The design matrix is
/// decomposed with pivoting; when the cells do not determine all terms the order is lowered until they do, and ``order`` says
/// to what.
///
/// **Source.** framework A.10.
package struct ChebyshevApproximation: Hashable, Sendable {
  /// The fitted surface; positions are pixels of the image from 0 on.
  package let function: SpatialFunction
  /// The pixels of the image.
  package let box: Box2I

  package var order: Int { function.basis.order }

  /// Fits a background's cells, weighted by their errors unless told otherwise.
  ///
  /// - Throws: ``ImagingError``.
  package init(_ background: Background, order: Int, isWeighted: Bool = true) throws(ImagingError) {
    let weights = isWeighted ? background.errors.map { 1 / (Double($0) * Double($0)) } : nil
    try self.init(background, order: order, weights: weights)
  }

  /// Fits a background's cells with given weights; cells whose value or weight is not finite are left out.
  ///
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for an order outside 0 to 30,
  ///   ``ImagingError/noResult(_:)`` when no cell is usable.
  package init(_ background: Background, order: Int, weights: Image<Double>?) throws(ImagingError) {
    if let weights, weights.width != background.values.width || weights.height != background.values.height {
      throw .sizeMismatch(
        what: "the grid of weights", found: "\(weights.width)×\(weights.height)",
        expected: "\(background.values.width)×\(background.values.height)")
    }
    guard (0...30).contains(order) else { throw .invalidParameter("Chebyshev order \(order); it must be 0 to 30") }
    let domain = Box2D(
      minX: -0.5, minY: -0.5, maxX: Double(background.box.width) - 0.5, maxY: Double(background.box.height) - 0.5)
    var cells: [(position: Point2D, value: Double, weight: Double)] = []
    for (j, y) in background.rowCells.centers.enumerated() {
      for (i, x) in background.columnCells.centers.enumerated() {
        let value = Double(background.values[i, j])
        let weight = weights.map { $0[$0.box.minX + i, $0.box.minY + j] } ?? 1
        if value.isFinite, weight.isFinite, weight > 0 { cells.append((Point2D(x: x, y: y), value, weight)) }
      }
    }
    guard !cells.isEmpty else {
      throw .noResult(
        weights == nil
          ? "Chebyshev approximation: every cell is empty; another bin size may help"
          : "Chebyshev approximation: no cell has a value and an error above zero; try it without weighting")
    }
    for tried in stride(from: order, through: 0, by: -1) {
      let basis = SpatialBasis(.chebyshev(domain), order: tried)
      guard let coefficients = try Self.solve(cells, basis) else { continue }
      function = try SpatialFunction(basis, coefficients: coefficients)
      box = background.box
      return
    }
    throw .noResult("Chebyshev approximation: the cells do not determine even a constant")
  }

  /// - Returns: `nil` when the cells do not determine every term.
  private static func solve(
    _ cells: [(position: Point2D, value: Double, weight: Double)], _ basis: SpatialBasis
  ) throws(ImagingError) -> [Double]? {
    // The scale of the weights would otherwise reach the rank decision.
    let largest = cells.map(\.weight).max() ?? 1
    var matrix: [Double] = []
    var target: [Double] = []
    for cell in cells {
      let root = (cell.weight / largest).squareRoot()
      matrix += basis.terms(at: cell.position).map { $0 * root }
      target.append(cell.value * root)
    }
    return try leastSquares(design: matrix, columnCount: basis.termCount, targets: target)
  }

  /// The surface at every pixel.
  ///
  /// - Parameter order: of the terms to use, at most the fitted one; all when left out.
  /// - Throws: ``ImagingError/invalidParameter(_:)`` for an order above the fitted one.
  package func image(order: Int? = nil) throws(ImagingError) -> Image<Float> {
    let order = order ?? self.order
    guard (0...self.order).contains(order) else {
      throw .invalidParameter("Chebyshev order \(order) is asked of an approximation of order \(self.order)")
    }
    let terms = Array(function.coefficients.prefix(SpatialBasis.termCount(order: order)))
    let truncated = try SpatialFunction(SpatialBasis(function.basis.family, order: order), coefficients: terms)
    let local = truncated.image(over: Box2I(width: box.width, height: box.height))
    return local.map { Float($0) }.moved(toX: box.minX, y: box.minY)
  }
}
