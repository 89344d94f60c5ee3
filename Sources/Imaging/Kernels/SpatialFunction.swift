// SPDX-License-Identifier: GPL-3.0-or-later
// Two-dimensional polynomials over an image.

package import SkyGeometry

/// The terms of a two-dimensional polynomial over an image.
///
/// Terms come by total degree, then by increasing power of y: 1, x, y, x², xy, y², … (differencing 0.5, 0.6).
package struct SpatialBasis: Hashable, Sendable {
  package enum Family: Hashable, Sendable {
    /// Powers of the position in pixels.
    case polynomial
    /// Chebyshev polynomials of the first kind over a real box, whose edges map to ±1; positions outside extrapolate.
    case chebyshev(Box2D)
  }

  package let family: Family
  package let order: Int

  /// - Precondition: `order` is 0 to 64; a Chebyshev box has an area.
  package init(_ family: Family, order: Int) {
    precondition(order >= 0 && order <= 64)
    if case .chebyshev(let box) = family { precondition(!box.isEmpty, "the box has no area") }
    self.family = family
    self.order = order
  }

  package var termCount: Int { Self.termCount(order: order) }

  package static func termCount(order: Int) -> Int { (order + 1) * (order + 2) / 2 }

  /// The degrees of each term in x and y.
  package var degrees: [(x: Int, y: Int)] {
    (0...order).flatMap { total in (0...total).map { (x: total - $0, y: $0) } }
  }

  /// The one-dimensional functions of degree 0 to `order` at a column.
  func factors(x: Double) -> [Double] {
    guard case .chebyshev(let box) = family else { return factors(x, low: 0, high: 0) }
    return factors(x, low: box.minX, high: box.maxX)
  }

  /// The one-dimensional functions of degree 0 to `order` at a row.
  func factors(y: Double) -> [Double] {
    guard case .chebyshev(let box) = family else { return factors(y, low: 0, high: 0) }
    return factors(y, low: box.minY, high: box.maxY)
  }

  private func factors(_ value: Double, low: Double, high: Double) -> [Double] {
    var result = [Double](repeating: 1, count: order + 1)
    guard order > 0 else { return result }
    switch family {
    case .polynomial:
      for n in 1...order { result[n] = result[n - 1] * value }
    case .chebyshev:
      let t = (value - (low + high) / 2) * 2 / (high - low)
      result[1] = t
      for n in stride(from: 2, through: order, by: 1) { result[n] = 2 * t * result[n - 1] - result[n - 2] }
    }
    return result
  }

  /// The value of every term at a position.
  package func terms(at position: Point2D) -> [Double] {
    let x = factors(x: position.x)
    let y = factors(y: position.y)
    return degrees.map { x[$0.x] * y[$0.y] }
  }
}

/// A polynomial over an image.
package struct SpatialFunction: Hashable, Sendable {
  package let basis: SpatialBasis
  package let coefficients: [Double]

  /// - Throws: ``ImagingError/sizeMismatch(what:found:expected:)`` unless there is one coefficient a term.
  package init(_ basis: SpatialBasis, coefficients: [Double]) throws(ImagingError) {
    guard coefficients.count == basis.termCount else {
      throw .sizeMismatch(
        what: "the number of polynomial coefficients", found: "\(coefficients.count)", expected: "\(basis.termCount)")
    }
    self.basis = basis
    self.coefficients = coefficients
  }

  package func callAsFunction(_ position: Point2D) -> Double {
    zip(basis.terms(at: position), coefficients).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The function at every pixel of a box.
  package func image(over box: Box2I) -> Image<Double> {
    let columns = (box.minX..<box.endX).map { basis.factors(x: Double($0)) }
    let degrees = basis.degrees
    var row: [Double] = []
    return Image(box: box) { x, y in
      if x == box.minX {
        // The sums over the powers of y are the same for a whole row.
        let factors = basis.factors(y: Double(y))
        row = [Double](repeating: 0, count: basis.order + 1)
        for (degree, coefficient) in zip(degrees, coefficients) { row[degree.x] += coefficient * factors[degree.y] }
      }
      let factors = columns[x - box.minX]
      var sum = 0.0
      for i in row.indices { sum += row[i] * factors[i] }
      return sum
    }
  }
}
