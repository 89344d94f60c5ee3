// SPDX-License-Identifier: GPL-3.0-or-later
// Smooth surfaces through what was measured.

internal import SkyGeometry

/// Surfaces over a grid of cells that are as smooth as what was measured lets them be.
///
/// **Model.** The minimum of Σ w (z − value)² + λ (Σ |∇∇z|² + T Σ |∇z|²), by conjugate gradients. Next to measured cells the surface
/// goes on as they do; far from all of them it becomes flat, where a polynomial would run away.
struct SmoothSurface {
  let columns: Int
  let rows: Int
  /// T, in units of 1 / cell²: the surface turns flat within some 1/√T cells.
  let tension: Double

  init(columns: Int, rows: Int, tension: Double = 0.02) {
    self.columns = columns
    self.rows = rows
    self.tension = tension
  }

  /// The surface that comes closest to some values.
  ///
  /// - Parameters:
  ///   - weights: 0 for cells that were not measured; about 1 for those that were measured well.
  ///   - smoothness: λ.
  /// - Returns: NaN everywhere when no cell was measured.
  func fit(_ values: [Double], weights: [Double], smoothness: Double) -> [Double] {
    let total = weights.reduce(0, +)
    guard total > 0 else { return values.map { _ in .nan } }
    // Counted from the mean, so that a flat start is a good one.
    let mean = values.indices.reduce(0) { $0 + (weights[$1] > 0 ? weights[$1] * values[$1] : 0) } / total
    let right = values.indices.map { weights[$0] > 0 ? weights[$0] * (values[$0] - mean) : 0 }
    let diagonal = diagonal
    let solution = conjugateGradients(right, diagonal: weights.indices.map { weights[$0] + smoothness * diagonal[$0] }) {
      z in
      let roughness = roughness(z)
      return z.indices.map { weights[$0] * z[$0] + smoothness * roughness[$0] }
    }
    return solution.map { $0 + mean }
  }

  /// Half the gradient of the roughness at each cell.
  func roughness(_ z: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: z.count)
    forEachTerm { weight, terms in
      var value = 0.0
      for (cell, factor) in terms { value += factor * z[cell] }
      value *= weight
      for (cell, factor) in terms { result[cell] += factor * value }
    }
    return result
  }

  /// The diagonal of the same.
  var diagonal: [Double] {
    var result = [Double](repeating: 0, count: columns * rows)
    forEachTerm { weight, terms in for (cell, factor) in terms { result[cell] += weight * factor * factor } }
    return result
  }

  /// Calls a closure for each difference whose square is a part of the roughness.
  private func forEachTerm(_ body: (_ weight: Double, _ terms: [(Int, Double)]) -> Void) {
    for y in 0..<rows {
      for x in 0..<columns {
        let i = y * columns + x
        if x + 1 < columns { body(tension, [(i, -1), (i + 1, 1)]) }
        if y + 1 < rows { body(tension, [(i, -1), (i + columns, 1)]) }
        if x > 0, x + 1 < columns { body(1, [(i - 1, 1), (i, -2), (i + 1, 1)]) }
        if y > 0, y + 1 < rows { body(1, [(i - columns, 1), (i, -2), (i + columns, 1)]) }
        if x + 1 < columns, y + 1 < rows {
          body(2, [(i, 1), (i + 1, -1), (i + columns, -1), (i + columns + 1, 1)])
        }
      }
    }
  }
}

/// Solves a symmetric, positive system by conjugate gradients with the diagonal as preconditioner.
///
/// - Parameter operate: the matrix times a vector.
/// - Returns: the solution to a relative residual of 10⁻⁹, or what 2,000 steps have come to.
func conjugateGradients(_ b: [Double], diagonal: [Double], _ operate: ([Double]) -> [Double]) -> [Double] {
  var x = [Double](repeating: 0, count: b.count)
  var r = b
  func precondition(_ r: [Double]) -> [Double] { r.indices.map { diagonal[$0] > 0 ? r[$0] / diagonal[$0] : r[$0] } }
  func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
  }
  var z = precondition(r)
  var p = z
  var rz = dot(r, z)
  let limit = 1e-18 * dot(b, precondition(b))
  guard limit > 0 else { return x }
  for _ in 0..<2000 where rz > limit {
    let q = operate(p)
    let curvature = dot(p, q)
    guard curvature > 0 else { break }
    let step = rz / curvature
    for i in x.indices {
      x[i] += step * p[i]
      r[i] -= step * q[i]
    }
    z = precondition(r)
    let next = dot(r, z)
    let ratio = next / rz
    rz = next
    for i in p.indices { p[i] = z[i] + ratio * p[i] }
  }
  return x
}
