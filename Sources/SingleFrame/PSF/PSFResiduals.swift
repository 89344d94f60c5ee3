// SPDX-License-Identifier: GPL-3.0-or-later
// What a PSF model leaves of its stars.

internal import Imaging
internal import SkyGeometry

/// What a PSF model leaves of its stars, brought onto the samples of the model.
///
/// **Model.** Each star's residual over its flux is spread onto the four samples about each pixel, weighted by inverse variance; a sample's polynomial follows by least
/// squares with a prior of mean 0 and of the variance that the samples about it (5×5) show beyond their noise. Where the stars show nothing
/// beyond noise the correction is therefore 0, so that the wings stay those of the smooth profile.
struct PSFResiduals {
  private let grid: PSFGrid
  private let basis: SpatialBasis
  private let size: Int
  /// For each sample the upper triangle of its normal matrix, then its right side.
  private var sums: [Double]
  private let stride: Int

  init(_ grid: PSFGrid, order: Int) {
    self.grid = grid
    basis = SpatialBasis(grid.basis.family, order: min(order, grid.basis.order))
    size = basis.termCount
    stride = size * (size + 1) / 2 + size
    sums = Array(repeating: 0, count: grid.side * grid.side * stride)
  }

  /// Adds a star.
  ///
  /// - Parameter model: the PSF's image at the star, in parent coordinates.
  mutating func add(_ star: StarStamp, model: Image<Double>) {
    guard star.amplitude > 0 else { return }
    let terms = basis.terms(at: star.position)
    for v in 0..<star.side {
      let y = star.center.y - star.half + v
      let row = (Double(y) - star.position.y) / grid.sampling + Double(grid.half)
      for u in 0..<star.side {
        let weight = Double(star.weights[v * star.side + u]) * star.amplitude * star.amplitude
        let x = star.center.x - star.half + u
        guard weight > 0, model.box.contains(x: x, y: y) else { continue }
        let rest = (Double(star.pixels[v * star.side + u]) - star.background) / star.amplitude - model[x, y]
        let column = (Double(x) - star.position.x) / grid.sampling + Double(grid.half)
        spread(rest, weight, column: column, row: row, terms)
      }
    }
  }

  private mutating func spread(_ value: Double, _ weight: Double, column: Double, row: Double, _ terms: [Double]) {
    let (left, top) = (column.rounded(.down), row.rounded(.down))
    guard left >= 0, top >= 0, left < Double(grid.side - 1), top < Double(grid.side - 1) else { return }
    let (i, j, a, b) = (Int(left), Int(top), column - left, row - top)
    for (index, part) in [(0, (1 - a) * (1 - b)), (1, a * (1 - b)), (grid.side, (1 - a) * b), (grid.side + 1, a * b)]
    where part > 0 {
      var k = (j * grid.side + i + index) * stride
      for p in 0..<size {
        for q in p..<size {
          sums[k] += weight * part * terms[p] * terms[q]
          k += 1
        }
      }
      for p in 0..<size { sums[k + p] += weight * part * value * terms[p] }
    }
  }

  /// The correction, plane by plane; those of orders that were not fitted are left out.
  func planes() -> [[Double]] {
    let count = grid.side * grid.side
    let free = solve { _, _ in 0 }
    // What the samples about each one have beyond their noise.
    var power = [[Double]](repeating: [Double](repeating: 0, count: count), count: size)
    for term in 0..<size {
      for j in 0..<grid.side {
        for i in 0..<grid.side {
          var (sum, n) = (0.0, 0.0)
          for v in max(0, j - 2)...min(grid.side - 1, j + 2) {
            for u in max(0, i - 2)...min(grid.side - 1, i + 2) {
              let k = v * grid.side + u
              guard free.variances[term][k] > 0 else { continue }
              sum += free.values[term][k] * free.values[term][k] - free.variances[term][k]
              n += 1
            }
          }
          power[term][j * grid.side + i] = n > 0 ? max(0, sum / n) : 0
        }
      }
    }
    return solve { term, k in power[term][k] > 0 ? 1 / power[term][k] : .infinity }.values
  }

  /// Solves every sample's equations with a prior's inverse variances.
  private func solve(prior: (_ term: Int, _ sample: Int) -> Double) -> (values: [[Double]], variances: [[Double]]) {
    let count = grid.side * grid.side
    var values = [[Double]](repeating: [Double](repeating: 0, count: count), count: size)
    var variances = values
    for k in 0..<count {
      var a = [Double](repeating: 0, count: size * (size + 1))
      var index = k * stride
      for p in 0..<size {
        for q in p..<size {
          a[p * (size + 1) + q] = sums[index]
          a[q * (size + 1) + p] = sums[index]
          index += 1
        }
      }
      for p in 0..<size { a[p * (size + 1) + size] = sums[index + p] }
      for p in 0..<size {
        let inverse = prior(p, k)
        // A term that is known to be 0 drops out.
        if inverse == .infinity {
          for q in 0...size { a[p * (size + 1) + q] = 0 }
          for q in 0..<size { a[q * (size + 1) + p] = 0 }
          a[p * (size + 1) + p] = 1
        } else {
          a[p * (size + 1) + p] += inverse
        }
      }
      let scale = (0..<size).map { a[$0 * (size + 1) + $0] }
      guard let solution = eliminated(a, scale) else { continue }
      for p in 0..<size {
        values[p][k] = solution[p]
        variances[p][k] = scale[p] > 0 ? 1 / scale[p] : 0
      }
    }
    return (values, variances)
  }

  /// Gauss's elimination of a positive definite system; `nil` for a singular one.
  private func eliminated(_ matrix: [Double], _ scale: [Double]) -> [Double]? {
    var a = matrix
    let width = size + 1
    for p in 0..<size {
      let pivot = a[p * width + p]
      guard pivot > 1e-6 * scale[p], pivot > 0 else { return nil }
      for r in 0..<size where r != p {
        let factor = a[r * width + p] / pivot
        guard factor != 0 else { continue }
        for q in p..<width { a[r * width + q] -= factor * a[p * width + q] }
      }
    }
    return (0..<size).map { a[$0 * width + size] / a[$0 * width + $0] }
  }
}
