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
    let search = ConjugateGradients(
      right, diagonal: weights.indices.map { weights[$0] + smoothness * diagonal[$0] }, check: {}
    ) { z, result in
      for i in z.indices { result[i] = weights[i] * z[i] }
      addRoughness(of: z, times: smoothness, to: &result)
    }
    return search.solution.map { $0 + mean }
  }

  /// A surface at the centres of cells, from its means over them.
  ///
  /// A mean differs from the value at the centre by 1/24 of the second differences, but for terms of fourth order.
  func centerValues(ofMeans z: [Double]) -> [Double] {
    z.indices.map { i in
      let (x, y) = (i % columns, i / columns)
      var second = 0.0
      if x > 0, x + 1 < columns { second += z[i - 1] - 2 * z[i] + z[i + 1] }
      if y > 0, y + 1 < rows { second += z[i - columns] - 2 * z[i] + z[i + columns] }
      return z[i] - second / 24
    }
  }

  /// Adds half the gradient of the roughness, times a number, for the surface that begins at a place of a vector.
  func addRoughness(of z: [Double], from start: Int = 0, times factor: Double, to result: inout [Double]) {
    /// A difference of the values at some cells, squared: what it adds to the gradient there.
    @inline(__always)
    func add(_ weight: Double, _ i: Int, _ a: Double, _ j: Int, _ b: Double) {
      let value = factor * weight * (a * z[i] + b * z[j])
      result[i] += a * value
      result[j] += b * value
    }
    @inline(__always)
    func addSecond(_ i: Int, _ step: Int) {
      let value = factor * (z[i - step] - 2 * z[i] + z[i + step])
      result[i - step] += value
      result[i] -= 2 * value
      result[i + step] += value
    }
    for y in 0..<rows {
      for x in 0..<columns {
        let i = start + y * columns + x
        let (hasRight, hasUp) = (x + 1 < columns, y + 1 < rows)
        if hasRight { add(tension, i, -1, i + 1, 1) }
        if hasUp { add(tension, i, -1, i + columns, 1) }
        if x > 0, hasRight { addSecond(i, 1) }
        if y > 0, hasUp { addSecond(i, columns) }
        if hasRight, hasUp {
          // The mixed derivative counts twice.
          let value = 2 * factor * (z[i] - z[i + 1] - z[i + columns] + z[i + columns + 1])
          result[i] += value
          result[i + 1] -= value
          result[i + columns] -= value
          result[i + columns + 1] += value
        }
      }
    }
  }

  /// The diagonal of the same matrix.
  var diagonal: [Double] {
    var result = [Double](repeating: 0, count: columns * rows)
    for y in 0..<rows {
      for x in 0..<columns {
        let i = y * columns + x
        let (hasRight, hasUp) = (x + 1 < columns, y + 1 < rows)
        for (isThere, step) in [(hasRight, 1), (hasUp, columns)] where isThere {
          result[i] += tension
          result[i + step] += tension
        }
        for (isThere, step) in [(x > 0 && hasRight, 1), (y > 0 && hasUp, columns)] where isThere {
          result[i - step] += 1
          result[i] += 4
          result[i + step] += 1
        }
        if hasRight, hasUp { for k in [i, i + 1, i + columns, i + columns + 1] { result[k] += 2 } }
      }
    }
    return result
  }
}
