// SPDX-License-Identifier: GPL-3.0-or-later
// A profile that varies over the field.

internal import Imaging
internal import SkyGeometry

/// A profile whose width and ellipticities are polynomials of the position; γ is the same everywhere.
struct ShapeField {
  let basis: SpatialBasis
  /// Of ln f, e₁, e₂ term by term, then γ.
  private(set) var coefficients: [Double]

  init(_ profile: StarProfile, order: Int, over box: Box2I) {
    basis = SpatialBasis(.chebyshev(Box2D(box)), order: order)
    coefficients = Array(repeating: 0, count: 3 * basis.termCount + 1)
    for k in 0..<3 { coefficients[k * basis.termCount] = profile.parameters[k] }
    coefficients[3 * basis.termCount] = profile.parameters[3]
  }

  /// The same field with terms of more orders, which are 0.
  func raised(to order: Int, over box: Box2I) -> ShapeField {
    var result = ShapeField(StarProfile(fwhm: 1), order: order, over: box)
    guard order >= basis.order else { return result }
    let count = basis.termCount
    for k in 0..<3 {
      for term in 0..<result.basis.termCount {
        result.coefficients[k * result.basis.termCount + term] = term < count ? coefficients[k * count + term] : 0
      }
    }
    result.coefficients[3 * result.basis.termCount] = coefficients[3 * count]
    return result
  }

  func profile(at position: Point2D) -> StarProfile { StarProfile(parameters(basis.terms(at: position), coefficients)) }

  private func parameters(_ terms: [Double], _ values: [Double]) -> SIMD4<Double> {
    var result = SIMD4<Double>(0, 0, 0, values[3 * terms.count])
    for k in 0..<3 {
      for (i, term) in terms.enumerated() { result[k] += term * values[k * terms.count + i] }
    }
    return result
  }

  /// One Gauss–Newton step with all stars; moves stars and field.
  ///
  /// - Returns: of each star, before the step, the mean square residual, infinite for one that cannot be fitted, and by how many errors ln f is off.
  /// - Throws: ``Imaging/ImagingError/noResult(_:)`` when no star can be.
  mutating func step(
    _ stars: inout [StarStamp], modelError: Double
  ) throws(ImagingError) -> [(chi2: Double, widthOffset: Double)] {
    let count = basis.termCount
    var system = SymmetricSystem(size: 3 * count + 1)
    var fits: [StarFit?] = []
    for star in stars {
      let terms = basis.terms(at: star.position)
      let fit = StarFit(star, profile(at: star.position), modelError: modelError)
      fits.append(fit)
      guard let fit else { continue }
      for a in 0..<4 {
        for i in 0..<(a < 3 ? count : 1) {
          let (row, left) = (a < 3 ? a * count + i : 3 * count, a < 3 ? terms[i] : 1)
          system.addRight(left * fit.right[a], row: row)
          for b in a..<4 {
            for j in 0..<(b < 3 ? count : 1) {
              let (column, other) = (b < 3 ? b * count + j : 3 * count, b < 3 ? terms[j] : 1)
              if column >= row { system.add(left * other * fit.matrix[a * 4 + b], row: row, column: column) }
            }
          }
        }
      }
    }
    // PSFs vary by some percent: terms of the first order are 0 ± 0.05, of the second 0 ± 0.02, which matters where stars are few.
    for row in 0..<3 * count where row % count > 0 {
      let weight: Double = row % count < 3 ? 400 : 2500
      system.add(weight, row: row, column: row)
      system.addRight(-weight * coefficients[row], row: row)
    }
    // A weak prior on γ, so that faint stars do not run away with it: 0.25 ± 1.
    system.add(1, row: 3 * count, column: 3 * count)
    system.addRight(0.25 - coefficients[3 * count], row: 3 * count)
    let change = try system.solve(tolerance: 1e-10).values
    // Far from the solution a full step may overshoot.
    var largest = 0.0
    for star in stars {
      let local = parameters(basis.terms(at: star.position), change)
      largest = max(largest, abs(local[0]) / 0.3, abs(local[1]) / 0.2, abs(local[2]) / 0.2, abs(local[3]) / 0.2)
    }
    let damping = largest > 1 ? 1 / largest : 1
    for i in coefficients.indices { coefficients[i] += damping * change[i] }
    let limits = StarProfile.gammaLimits
    coefficients[3 * count] = min(max(coefficients[3 * count], limits.lowerBound), limits.upperBound)
    for i in stars.indices {
      fits[i]?.update(&stars[i], shapeChange: damping * parameters(basis.terms(at: stars[i].position), change))
    }
    return fits.map { fit in
      guard let fit else { return (.infinity, 0) }
      return (fit.reducedChi2, fit.widthOffset / (fit.widthError * fit.widthError + 1e-4).squareRoot())
    }
  }
}
